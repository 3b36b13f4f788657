"""API keys of a customer: list, create, name, replace with an overlap, revoke."""
