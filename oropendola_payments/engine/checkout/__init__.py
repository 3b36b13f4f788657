"""Checkout: choose a gateway, create an attempt, open it at the gateway and return where to send the customer."""
