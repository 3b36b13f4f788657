"""Subscriptions: the plan catalogue, subscribing, renewing, cancelling, and their invoices."""
