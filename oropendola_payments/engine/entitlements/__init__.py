"""What a payment gives: the period that was bought, API keys, and the quota that each use consumes."""
