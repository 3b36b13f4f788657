"""What all played providers share: the server, the ledger, faults on order, outgoing webhooks, pages."""
