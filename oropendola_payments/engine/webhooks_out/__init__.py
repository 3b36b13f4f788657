"""Webhooks to customers and to the company: endpoints, the outbox, signed deliveries with retries."""
