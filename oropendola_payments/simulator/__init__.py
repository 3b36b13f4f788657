"""The payment providers, played locally on their real wire protocols, with own books and faults on order.

	with Simulator() as simulator:                                   # a free port on 127.0.0.1; `.url`
		simulator.configure("payu", webhook_url="https://example.com/hook")
		simulator.open(form.action, form.fields)  # the customer's browser opens the pay page
		back = simulator.pay("payu", reference, method="card")  # Return(method, url, fields): deliver it
		for delivery in simulator.webhooks.take("payu"): ...         # Delivery(code, url, headers, body)
		simulator.captures("payu")                                      # [Charge(...)]: what the gateway took
		simulator.faults.add("payu", "status", "timeout_after")      # core/faults.py lists the kinds
		simulator.finish("payu", reference, "success")  # a late success; also finish_refund, dispute
		simulator.clock.advance(seconds=3600)

An adapter's `base_url` is `f"{simulator.url}/{code}"`. Over HTTP: `GET /`, `GET /__ledger`, with JSON bodies
`POST /__faults {code, call, kind, times, args}`, `POST /__config {code, settings}`,
`POST /__finish {code, reference, outcome}`, `POST /__reset {}`. How to add a provider: see `core/provider.py`.
"""

from oropendola_payments.simulator.core.ledger import Charge, Order, Refund
from oropendola_payments.simulator.core.outbox import Delivery
from oropendola_payments.simulator.core.provider import Return
from oropendola_payments.simulator.core.server import Simulator

__all__ = ["Charge", "Delivery", "Order", "Refund", "Return", "Simulator"]
