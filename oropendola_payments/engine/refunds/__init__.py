"""Refunds: create a refund, send it, query its status and update the balances."""

# Jobs that were queued before 0.2 use this name. To be removed in 0.3.
from oropendola_payments.engine.refunds.process import process_invoice as drive_invoice

__all__ = ("drive_invoice",)
