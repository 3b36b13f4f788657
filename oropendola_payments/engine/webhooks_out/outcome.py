"""What an answer means: delivered, tried again later, given up; and for the endpoint success, a rest, or its end."""

import frappe
from frappe.utils import cint, get_datetime, now, now_datetime

from oropendola_payments.ai_billing.doctype.ai_webhook_delivery.ai_webhook_delivery import AIWebhookDelivery
from oropendola_payments.ai_billing.doctype.ai_webhook_endpoint.ai_webhook_endpoint import AIWebhookEndpoint
from oropendola_payments.ai_billing.doctype.payment_event.payment_event import append_to_site
from oropendola_payments.ai_billing.plain_text import line_without_tags, without_tags
from oropendola_payments.engine.core.redaction import redact_text
from oropendola_payments.engine.core.transactions import in_transaction, lock, read
from oropendola_payments.engine.webhooks_out import schedule, tell
from oropendola_payments.engine.webhooks_out.post import Answer

GONE = 410
SLOW_DOWN = (429, 502, 503, 504)
TOLD = ("Gone", "Failing", "Manager Left")
ATTEMPT = "AI Webhook Attempt"
KEPT_CHARACTERS = 1000
DISABLED = "The endpoint was disabled."


def store(endpoint: str, delivery: str, claim: str, answer: Answer) -> bool:
	"""Store the outcome of one attempt. Return False, and store nothing, if the claim is not ours any more."""
	return in_transaction(_store, endpoint, delivery, claim, answer)


def _store(name: str, delivery_name: str, claim: str, answer: Answer) -> bool:
	rows = read("AI Webhook Endpoint", "`name` = %s FOR UPDATE", (name,))
	if not rows or rows[0].claim != claim:
		return False
	endpoint, delivery = rows[0], lock("AI Webhook Delivery", delivery_name)
	if delivery.status != "Waiting":
		return False
	error = "" if answer.succeeded else answer.error or f"HTTP {answer.status}"
	_log(delivery, answer, error)
	if answer.succeeded:
		delivery.mark_as_delivered()
		endpoint.note_success(answer.is_slow)
	elif answer.status == GONE:
		delivery.mark_as_given_up(error)
		disable(endpoint, "Gone")
	else:
		_fail(endpoint, delivery, answer, error)
	return True


def _fail(endpoint: AIWebhookEndpoint, delivery: AIWebhookDelivery, answer: Answer, error: str) -> None:
	wait = answer.retry_after if answer.status in SLOW_DOWN else 0
	moment = schedule.next_attempt(cint(delivery.attempts) + 1, wait)
	if moment:
		delivery.retry_at(error, moment)
	else:
		delivery.mark_as_given_up(error)
	endpoint.note_failure(error, schedule.rest(cint(endpoint.failures) + 1, wait), answer.is_slow)
	failing = now_datetime() - get_datetime(endpoint.failing_since)
	if failing > schedule.DISABLE_AFTER:
		disable(endpoint, "Failing")
	elif failing > schedule.WARN_AFTER and not endpoint.warned_on:
		endpoint.write(warned_on=now_datetime())
		tell.after_commit("webhook_failing", endpoint)


def disable(endpoint: AIWebhookEndpoint, reason: str) -> bool:
	"""Disable a locked endpoint, give up what waits for it, and tell its owner unless it was by hand. The caller commits."""
	if not endpoint.disable(reason):
		return False
	waiting = {"endpoint": endpoint.name, "status": "Waiting"}
	for name in frappe.get_all("AI Webhook Delivery", waiting, pluck="name"):
		frappe.get_doc("AI Webhook Delivery", name).mark_as_given_up(DISABLED, tried=False)
	append_to_site("webhook_endpoint_disabled", endpoint, reason=reason)
	if reason in TOLD:
		tell.after_commit("webhook_disabled", endpoint)
	return True


def _log(delivery: AIWebhookDelivery, answer: Answer, error: str) -> None:
	row = frappe.get_doc(
		{
			"doctype": ATTEMPT,
			"parent": delivery.name,
			"parenttype": delivery.doctype,
			"parentfield": "attempt_log",
			"idx": frappe.db.count(ATTEMPT, {"parent": delivery.name}) + 1,
			"tried_at": now(),
			"status_code": answer.status,
			"milliseconds": answer.milliseconds,
			"error": line_without_tags(error)[:140],
			"response": without_tags(_readable(answer.body)),
		}
	)
	row.db_insert()


def _readable(body: bytes) -> str:
	"""Return the beginning of what the receiver answered, without personal data and unprintable characters."""
	text = body.decode("utf-8", errors="replace")
	kept = "".join(sign if sign.isprintable() or sign in "\n\t" else " " for sign in text)
	return redact_text(kept)[:KEPT_CHARACTERS]
