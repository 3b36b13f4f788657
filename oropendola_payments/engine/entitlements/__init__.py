"""Entitlements: what a payment grants, which is the paid period, API keys and the request quota."""
