"""Customer pages, one module for each URL."""
