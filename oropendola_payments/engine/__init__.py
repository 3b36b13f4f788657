"""The business logic, and the only code that changes money and states. Each package below is one part of it."""
