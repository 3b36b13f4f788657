"""What agents can do. Each tool calls the engine once, for the user who is logged in."""
