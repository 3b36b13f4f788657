"""Simulated Razorpay: `provider` has its calls and pages, and `wire` its wire format."""
