"""Simulated Cashfree: `provider` has its calls and pages, `wire` its wire format, and `order_pay` paying by API."""
