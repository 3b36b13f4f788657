"""What happens, in which order; the only code that moves money and states. Each room below is one step of that."""
