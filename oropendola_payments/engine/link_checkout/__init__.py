"""Paying through a link: what somebody without a log-in may do with one invoice, and nothing else."""
