"""Changes of plan: quote, confirm, withdraw and lapse. What a paid or scheduled change grants is in `entitlements`."""
