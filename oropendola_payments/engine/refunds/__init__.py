"""Money goes back: open a refund, send it, ask how it stands, keep the ledger right."""

# Jobs that were queued before 0.2 carry this name. To be removed in 0.3.
from oropendola_payments.engine.refunds.process import process_invoice as drive_invoice

__all__ = ("drive_invoice",)
