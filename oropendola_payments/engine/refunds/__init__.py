"""Money goes back: open a refund, send it, ask how it stands, keep the ledger right."""
