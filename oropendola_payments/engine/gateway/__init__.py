"""Talking to a gateway: the adapter made ready, every call counted, the circuit breaker, when to ask again, which site may go live."""
