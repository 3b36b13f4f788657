"""Payouts in the books: plan a posting for each, and say which of its parts was booked where."""
