"""Pauses: a subscription sleeps for whole days, and its paid days are kept."""
