"""What every room needs: transactions and locks, batches, work after the commit, redaction, the order of events, addresses."""
