"""Processes: a database, two Redis, two nodes, and what kills them."""
