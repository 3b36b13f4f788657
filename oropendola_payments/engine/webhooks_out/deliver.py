"""Send the deliveries of one endpoint, in their order and by one worker at a time.

The worker claims the endpoint for a while, commits, sends without a transaction, and stores the outcome only if the claim is still
its own. A worker that died loses its claim with time, and another one sends again: receivers drop the second by its webhook-id.

An endpoint that answers slowly gives up its turn and goes to the slow ones, which wait for each other and hold up nobody else.
"""

import secrets
import time
from datetime import timedelta

import frappe
from frappe.utils import get_datetime, now_datetime

from oropendola_payments.ai_billing.doctype.ai_webhook_delivery.ai_webhook_delivery import AIWebhookDelivery
from oropendola_payments.ai_billing.doctype.ai_webhook_endpoint.ai_webhook_endpoint import AIWebhookEndpoint
from oropendola_payments.engine.core.transactions import in_transaction, read
from oropendola_payments.engine.gateway import live_guard
from oropendola_payments.engine.webhooks_out import (
	addresses,
	outcome,
	payload,
	relay,
	schedule,
	secret,
	signing,
)
from oropendola_payments.engine.webhooks_out.post import NOT_PUBLIC, Answer, Limits, post

CLAIM = timedelta(seconds=90)  # longer than one delivery can take
LAST = 2**31 - 1
TURN_SECONDS = 20  # then others get the worker
USER_AGENT = "Oropendola-Webhooks/1"


def run(endpoint: str, limits: Limits | None = None, turn: str | None = None) -> int:
	"""Send what is due at this endpoint, as long as it answers quickly. Return the number of attempts. `turn` is the job that runs this."""
	claim, sent, end = secrets.token_hex(8), 0, time.monotonic() + TURN_SECONDS
	while taken := in_transaction(_take_next, endpoint, claim):
		answer = _send(*taken, limits or Limits())
		sent += 1
		if not outcome.store(endpoint, taken[1].name, claim, answer):
			return sent  # somebody else has the endpoint by now, or it was deleted
		if answer.is_slow or time.monotonic() > end:
			break
	in_transaction(_release, endpoint, claim)
	if taken:
		relay.start(endpoint, turn)
	return sent


def run_slow(limits: Limits | None = None, turn: str | None = None) -> int:
	"""Send one delivery to each slow endpoint, those first that were not tried for longest. Return the number of attempts."""
	sent, end = 0, time.monotonic() + TURN_SECONDS
	for endpoint in due_endpoints(only_slow=True):
		sent += run(endpoint, limits, turn)
		if time.monotonic() > end:
			break  # the others come first in the next turn
	return sent


def _take_next(name: str, claim: str) -> tuple[AIWebhookEndpoint, AIWebhookDelivery] | None:
	"""Claim the endpoint, or prolong the claim, and return it with its next due delivery."""
	rows = read("AI Webhook Endpoint", "`name` = %s FOR UPDATE", (name,))
	if not rows or not _may_claim(rows[0], claim):
		return None
	delivery = next_due(name)
	if not delivery:
		return None
	rows[0].write(claim=claim, claimed_until=now_datetime() + CLAIM)
	return rows[0], delivery


def _may_claim(endpoint: AIWebhookEndpoint, claim: str) -> bool:
	now = now_datetime()
	if endpoint.status != "Active" or not may_send(endpoint):
		return False
	if endpoint.not_before and get_datetime(endpoint.not_before) > now:
		return False
	is_free = not endpoint.claimed_until or get_datetime(endpoint.claimed_until) < now
	return is_free or endpoint.claim == claim


def may_send(endpoint: AIWebhookEndpoint) -> bool:
	"""Return whether this is the site where the endpoint was registered, or a manager confirmed this one: a copy tells nobody."""
	is_here = endpoint.site == live_guard.this_site() or live_guard.is_confirmed()
	return is_here and relay.is_served(endpoint)


def next_due(endpoint: str) -> AIWebhookDelivery | None:
	"""Return the first due delivery. While one has only just failed, those after it wait, so that the order stays."""
	now = now_datetime()
	held = read(
		"AI Webhook Delivery",
		"`endpoint` = %s AND `status` = 'Waiting' AND `next_attempt_at` > %s AND `first_failed_at` > %s"
		" ORDER BY `position` LIMIT 1",
		(endpoint, now, now - schedule.HOLD),
	)
	rows = read(
		"AI Webhook Delivery",
		"`endpoint` = %s AND `status` = 'Waiting' AND `next_attempt_at` <= %s AND `position` < %s"
		" ORDER BY `position` LIMIT 1",
		(endpoint, now, held[0].position if held else LAST),
	)
	return rows[0] if rows else None


def due_endpoints(only_slow: bool = False) -> list[str]:
	"""Return the active endpoints that have something due and no rest, those first that were not tried for longest."""
	delivery, endpoint = frappe.qb.DocType("AI Webhook Delivery"), frappe.qb.DocType("AI Webhook Endpoint")
	now = now_datetime()
	rested = endpoint.not_before.isnull() | (endpoint.not_before <= now)
	query = frappe.qb.from_(delivery).join(endpoint).on(endpoint.name == delivery.endpoint)
	query = query.where(delivery.status == "Waiting").where(delivery.next_attempt_at <= now)
	query = query.where(endpoint.status == "Active").where(rested)
	query = query.where(endpoint.is_slow == 1) if only_slow else query
	query = query.select(endpoint.name, endpoint.last_tried_on).distinct()
	return [name for name, _tried in query.orderby(endpoint.last_tried_on).orderby(endpoint.name).run()]


def _release(name: str, claim: str) -> None:
	for endpoint in read("AI Webhook Endpoint", "`name` = %s FOR UPDATE", (name,)):
		if endpoint.claim == claim:
			endpoint.write(claim=None, claimed_until=None)


def _send(endpoint: AIWebhookEndpoint, delivery: AIWebhookDelivery, limits: Limits) -> Answer:
	"""Make the request. Nothing is locked, and no transaction is open."""
	event = frappe.get_doc("AI Webhook Event", delivery.event)
	keys, body = secret.current_secrets(endpoint), payload.body_of(event, endpoint)
	try:
		target = addresses.parse(endpoint.url)
	except addresses.AddressRefused:
		return Answer(error=NOT_PUBLIC)
	signed = signing.headers(event.name, int(time.time()), body, keys)
	sent = {"content-type": "application/json", "user-agent": USER_AGENT, "connection": "close", **signed}
	frappe.db.rollback()  # only reads so far; no snapshot stays open while the other side thinks
	return post(target, sent, body, limits)
