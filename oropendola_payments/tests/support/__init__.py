"""What tests share: factories, simulated gateways, the journey of a payment, checks of the ledgers."""
