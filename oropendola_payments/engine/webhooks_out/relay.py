"""From the outbox to the endpoints: each event becomes one delivery for every endpoint that wants it.

One transaction an event, so that a crash leaves it either waiting or wholly distributed. Events go by their names, which sort by time.
"""

import json
import time

import frappe
from frappe.utils import cint, now, now_datetime

from oropendola_payments.ai_billing import outbox, records, webhook_types
from oropendola_payments.ai_billing.current import payment_settings
from oropendola_payments.ai_billing.doctype.ai_webhook_delivery.ai_webhook_delivery import AIWebhookDelivery
from oropendola_payments.ai_billing.doctype.ai_webhook_endpoint.ai_webhook_endpoint import AIWebhookEndpoint
from oropendola_payments.ai_billing.doctype.ai_webhook_event.ai_webhook_event import AIWebhookEvent
from oropendola_payments.engine.core import after_commit
from oropendola_payments.engine.core.batch import for_each
from oropendola_payments.engine.core.times import with_iso_times
from oropendola_payments.engine.core.transactions import in_transaction, lock, read
from oropendola_payments.engine.self_service.state import customer_state

THIS = "oropendola_payments.engine.webhooks_out.relay"
DELIVER = "oropendola_payments.engine.webhooks_out.deliver.run"
DELIVER_TO_SLOW = "oropendola_payments.engine.webhooks_out.deliver.run_slow"


def wake() -> None:
	"""Start the relay in a worker, after the commit of a transaction that filled the outbox."""
	after_commit.enqueue_once(f"{THIS}.distribute", "webhook_relay", queue=queue())


def queue() -> str:
	"""Return the queue that the site's configuration names, if it has workers. Otherwise that of the emails."""
	name = frappe.conf.get("webhook_queue")
	return name if name and name in (frappe.conf.get("workers") or {}) else after_commit.MAILS


def distribute() -> int:
	"""Distribute what waits in the outbox and start the deliveries. Return the number of events."""
	woken: set[str] = set()
	done = for_each(
		"AI Webhook Event",
		{"status": "Waiting"},
		lambda name: woken.update(in_transaction(_distribute, name)),
	)
	for endpoint in sorted(woken):
		start(endpoint)
	return done


def start(endpoint: str, turn: str | None = None) -> None:
	"""Start the deliveries of an endpoint. Slow endpoints share one job, so that they occupy one worker at most.

	`turn` is the job that gives up its turn. While it runs it cannot be queued again, so turns alternate between two jobs.
	"""
	is_slow = frappe.db.get_value("AI Webhook Endpoint", endpoint, "is_slow")
	first, second = (f"webhooks_{'slow' if is_slow else endpoint}_{number}" for number in (1, 2))
	if turn not in (first, second) and after_commit.is_busy(second):
		return  # it goes on by itself
	job = second if turn == first else first
	if is_slow:
		after_commit.enqueue_once(DELIVER_TO_SLOW, job, queue=queue(), turn=job)
	else:
		after_commit.enqueue_once(DELIVER, job, queue=queue(), endpoint=endpoint, turn=job)


def _distribute(name: str) -> list[str]:
	"""Return the endpoints that got a delivery."""
	event = lock("AI Webhook Event", name)
	if event.status != "Waiting":
		return []
	endpoints = _endpoints(event)
	event.mark_as_distributed()
	if event.type != webhook_types.STATE_CHANGED:
		wanted = [endpoint for endpoint in endpoints if event.endpoint or endpoint.wants(event.type)]
		for endpoint in wanted:
			add_delivery(endpoint, event)
	else:
		wanted = []
	wanted += _tell_state(event, endpoints)
	return [endpoint.name for endpoint in wanted]


def _endpoints(event: AIWebhookEvent) -> list[AIWebhookEndpoint]:
	"""Return the locked active endpoints of this customer and of all customers, or the one that the event is only for."""
	if event.endpoint:
		return read(
			"AI Webhook Endpoint", "`name` = %s AND `status` = 'Active' FOR UPDATE", (event.endpoint,)
		)
	found = read(
		"AI Webhook Endpoint",
		"`status` = 'Active' AND (`user` IS NULL OR `user` = %s) ORDER BY `name` FOR UPDATE",
		(event.user,),
	)
	return [endpoint for endpoint in found if is_served(endpoint)]


def is_served(endpoint: AIWebhookEndpoint) -> bool:
	"""Return whether this site sends to the endpoint: customers' endpoints can be switched off as a whole, and its owner may have left."""
	is_offered = not endpoint.user or bool(cint(payment_settings().customer_webhooks))
	return is_offered and endpoint.has_owner()


def _tell_state(event: AIWebhookEvent, endpoints: list[AIWebhookEndpoint]) -> list[AIWebhookEndpoint]:
	"""After the last waiting event of a customer, send the whole state, as it is now."""
	wanted = [endpoint for endpoint in endpoints if endpoint.wants(webhook_types.STATE_CHANGED)]
	if not event.user or not wanted or event.type == webhook_types.TEST or _more_wait(event):
		return []
	state = new_event(webhook_types.STATE_CHANGED, event.user, state_of(event.user), event.endpoint)
	for endpoint in wanted:
		add_delivery(endpoint, state)
	return wanted


def _more_wait(event: AIWebhookEvent) -> bool:
	waiting = {"user": event.user, "status": "Waiting", "name": ("!=", event.name)}
	return bool(frappe.db.exists("AI Webhook Event", waiting))


def state_of(user: str) -> dict:
	"""Return the state of a customer with a version that grows, so that receivers can drop what arrives late."""
	return {"version": time.time_ns() // 1000, **with_iso_times(customer_state(user))}


def new_event(kind: str, user: str | None, data: dict, endpoint: str | None = None) -> AIWebhookEvent:
	"""Insert an event that needs no distribution."""
	event = records.new("AI Webhook Event")
	event.update(
		{
			"name": outbox.new_name(),
			"type": kind,
			"user": user,
			"occurred_at": now(),
			"status": "Distributed",
			"endpoint": endpoint,
			"data": json.dumps(data, default=str, ensure_ascii=False),
		}
	)
	event.add()
	return event


def add_delivery(endpoint: AIWebhookEndpoint, event: AIWebhookEvent) -> AIWebhookDelivery:
	"""Insert the delivery of an event. The caller holds the lock of the endpoint."""
	delivery = records.new("AI Webhook Delivery")
	delivery.update(
		{
			"endpoint": endpoint.name,
			"event": event.name,
			"type": event.type,
			"user": endpoint.user,
			"status": "Waiting",
			"attempts": 0,
			"next_attempt_at": now_datetime(),
			"position": endpoint.next_position(),
			"delivery_key": f"{endpoint.name}:{event.name}",
		}
	)
	delivery.add()
	return delivery
