"""What tests share: factories, the simulated gateways, a customer's journey, checks of the books."""
