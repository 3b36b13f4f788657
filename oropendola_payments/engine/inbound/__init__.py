"""What comes back: messages of gateways, answers to our own status queries, and payments that the customer abandoned."""
