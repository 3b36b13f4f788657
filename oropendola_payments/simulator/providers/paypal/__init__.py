"""Simulated PayPal: `provider` has its calls and pages, `wire` its wire format, and `certificates` the keys that sign webhooks."""
