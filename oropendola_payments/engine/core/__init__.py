"""Shared helpers: transactions and locks, batches, work after the commit, redaction, the order of events, URLs."""
