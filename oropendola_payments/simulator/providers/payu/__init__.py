"""Simulated PayU: `provider` has its calls and pages, `wire` its wire format, and `commands` its General API."""
