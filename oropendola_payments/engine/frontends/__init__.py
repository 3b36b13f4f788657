"""Frontends of the seller's own: which addresses a payment may return to, and the signed outcome that they get."""
