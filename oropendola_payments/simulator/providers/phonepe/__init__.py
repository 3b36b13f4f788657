"""Simulated PhonePe: `provider` has its calls and pages, `wire` its wire format, and `salt_scheme` its older API."""
