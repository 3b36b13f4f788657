"""Payouts: read what gateways paid out from their APIs and files, record it, and find what differs from our records."""
