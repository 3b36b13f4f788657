"""Phones: one form for every number, codes by SMS, and the check that a customer holds the phone."""
