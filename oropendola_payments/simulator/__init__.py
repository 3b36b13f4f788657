"""The payment providers, simulated on this machine with their real wire formats, a ledger each, and faults on request.

	with Simulator() as simulator:                                   # a free port on 127.0.0.1; see `.url`
		simulator.configure("payu", webhook_url="https://example.com/hook")
		simulator.open(form.action, form.fields)  # the customer's browser opens the pay page
		back = simulator.pay("payu", reference, method="card")  # Return(method, url, fields): the next request
		for delivery in simulator.webhooks.take("payu"): ...         # Delivery(code, url, headers, body)
		simulator.captures("payu")                                   # [Charge(...)]: what the gateway took
		simulator.faults.add("payu", "status", "timeout_after")      # the kinds are in core/faults.py
		simulator.finish("payu", reference, "success")  # a late success; also finish_refund, dispute
		simulator.clock.advance(seconds=3600)

The `base_url` of an adapter is `f"{simulator.url}/{code}"`. Over HTTP: `GET /`, `GET /__ledger`, and with JSON bodies
`POST /__faults {code, call, kind, times, args}`, `POST /__config {code, settings}`,
`POST /__finish {code, reference, outcome}`, `POST /__reset {}`. How to add a provider: see `core/provider.py`.
"""

from oropendola_payments.simulator.core.ledger import Charge, Order, Refund
from oropendola_payments.simulator.core.outbox import Delivery
from oropendola_payments.simulator.core.provider import Return
from oropendola_payments.simulator.core.server import Simulator

__all__ = ["Charge", "Delivery", "Order", "Refund", "Return", "Simulator"]
