"""Razorpay: Orders API, Standard and Hosted Checkout, webhooks and refunds, through the official SDK."""
