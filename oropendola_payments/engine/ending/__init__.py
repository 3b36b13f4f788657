"""Ending a subscription: at the end of its period, until then with undo, or now, with its unused days."""
