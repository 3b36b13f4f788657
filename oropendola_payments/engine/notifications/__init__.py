"""Notifications: hooks for other apps, emails, templates and receipts. Nothing here changes payment records."""
