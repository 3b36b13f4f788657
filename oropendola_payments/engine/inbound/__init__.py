"""Inbound: webhooks of gateways, status queries, and abandoned payments."""
