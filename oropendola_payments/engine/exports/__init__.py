"""Exports of tax documents: any bookkeeping, GSTR-1, e-invoices and the One-Stop Shop."""
