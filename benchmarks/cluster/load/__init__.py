"""Customers, a manager and the gateways' messages."""
