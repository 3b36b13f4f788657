"""Access to gateways: the adapter registry, calls, the circuit breaker, polling times, idempotency keys and the live guard."""
