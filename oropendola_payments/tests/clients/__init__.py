"""The Python client, its examples, and proxies that ask us, each against a real server."""
