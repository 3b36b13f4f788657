"""What customers do with their own subscriptions: cancel, pause, choose one, and see everything at once."""
