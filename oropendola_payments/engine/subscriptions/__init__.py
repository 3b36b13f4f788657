"""Selling: the catalogue of plans, subscribing, renewing and cancelling, and the invoices that are owed."""
