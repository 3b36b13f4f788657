"""Figures of payments by day: closed days from their sums, all others from the records."""
