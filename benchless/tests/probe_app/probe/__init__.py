"""A tiny app for benchless's own tests."""

__version__ = "0.0.1"
