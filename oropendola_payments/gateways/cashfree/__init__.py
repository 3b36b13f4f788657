"""Cashfree Payments: orders on its hosted page or by Order Pay, one-time codes, captures and refunds."""
