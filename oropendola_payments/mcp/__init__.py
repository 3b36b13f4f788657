"""The Model Context Protocol: AI agents list our tools and call them for a user."""
