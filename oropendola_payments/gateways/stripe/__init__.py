"""Stripe: Checkout Sessions (hosted and embedded), events and refunds, through the official SDK."""
