"""PayPal: Orders v2 by redirect, captured on return, with webhooks and refunds."""
