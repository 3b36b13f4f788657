"""What all simulated providers share: the server, the ledger, injected faults, outgoing webhooks, pages."""
