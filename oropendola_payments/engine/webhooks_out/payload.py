"""What is sent: type, time and a small `data` with ids. The bytes of an event are the same with every attempt."""

import json

from oropendola_payments.ai_billing.doctype.ai_webhook_endpoint.ai_webhook_endpoint import AIWebhookEndpoint
from oropendola_payments.ai_billing.doctype.ai_webhook_event.ai_webhook_event import AIWebhookEvent
from oropendola_payments.engine.core.times import iso_time

VERSION = 1


def body_of(event: AIWebhookEvent, endpoint: AIWebhookEndpoint) -> bytes:
	"""Return the JSON of an event. Only an endpoint for all customers is told whose event it is."""
	whose = {} if endpoint.user else {"customer": event.user}
	content = {
		"type": event.type,
		"version": VERSION,
		"timestamp": iso_time(event.occurred_at),
		"data": {**whose, **json.loads(event.data or "{}")},
	}
	return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
