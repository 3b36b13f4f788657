"""The deliveries of an endpoint: list them, send them again, send a test."""

from datetime import datetime

import frappe
from frappe import _
from frappe.utils import add_to_date, get_datetime, now_datetime

from oropendola_payments.ai_billing import webhook_types
from oropendola_payments.ai_billing.doctype.ai_webhook_endpoint.ai_webhook_endpoint import AIWebhookEndpoint
from oropendola_payments.engine.core import counters
from oropendola_payments.engine.core.transactions import in_transaction, lock
from oropendola_payments.engine.webhooks_out import relay
from oropendola_payments.exceptions import BadRequest, Conflict, NotFound, TooManyRequests

PAGE = 50
MOST_AT_ONCE = 1000
HOUR = 3600
MOST_PER_HOUR = 60  # tests and repeats of one endpoint
STATUSES = ("Waiting", "Delivered", "Given Up")
FIELDS = [
	"name",
	"event",
	"type",
	"status",
	"attempts",
	"creation",
	"delivered_on",
	"next_attempt_at",
	"last_error",
]


def deliveries(endpoint: str, status: str | None = None, page: int = 1) -> dict:
	"""Return a page of the log, the newest first."""
	if status and status not in STATUSES:
		raise BadRequest(
			_("There is no status {0}. Please choose one of: {1}.").format(status, ", ".join(STATUSES))
		)
	filters = {"endpoint": endpoint, **({"status": status} if status else {})}
	rows = frappe.get_all(
		"AI Webhook Delivery",
		filters,
		FIELDS,
		order_by="position desc",
		limit_start=(max(1, page) - 1) * PAGE,
		limit_page_length=PAGE + 1,
	)
	return {"deliveries": [_row(row) for row in rows[:PAGE]], "more": len(rows) > PAGE}


def delivery(name: str) -> dict:
	"""Return one delivery with its attempts."""
	doc = frappe.get_doc("AI Webhook Delivery", name)
	fields = ["tried_at", "status_code", "milliseconds", "error", "response"]
	attempts = frappe.get_all("AI Webhook Attempt", {"parent": name}, fields, order_by="idx")
	return {**_row(doc), "attempt_log": [dict(row) for row in attempts]}


def _row(row: frappe._dict) -> dict:
	return {
		"delivery": row.name,
		"event": row.event,
		"type": row.type,
		"status": row.status,
		"attempts": row.attempts,
		"created_on": row.creation,
		"delivered_on": row.delivered_on,
		"next_attempt_at": row.next_attempt_at,
		"last_error": row.last_error,
	}


def own(user: str | None, name: str) -> str:
	"""Return the name of a delivery to an endpoint of the customer; without a customer any."""
	if not frappe.db.exists("AI Webhook Delivery", {"name": name, **({"user": user} if user else {})}):
		raise NotFound(_("You have no delivery {0}.").format(name))
	return name


def send_test(endpoint: str) -> dict:
	"""Send an event of the type `webhook.test` to this endpoint alone."""
	_require_few(endpoint)
	answer = in_transaction(_add_test, endpoint)
	relay.start(endpoint)
	return answer


def _add_test(name: str) -> dict:
	endpoint = _active(name)
	data = {"endpoint": name, "text": "It works."}
	event = relay.new_event(webhook_types.TEST, endpoint.user, data, endpoint=name)
	made = relay.add_delivery(endpoint, event)
	return {"endpoint": name, "event": event.name, "delivery": made.name}


def resend(name: str) -> dict:
	"""Send one delivery again, with the same webhook-id."""
	endpoint = frappe.db.get_value("AI Webhook Delivery", name, "endpoint")
	_require_few(endpoint)
	answer = in_transaction(_resend, endpoint, name)
	relay.start(endpoint)
	return answer


def _resend(endpoint: str, name: str) -> dict:
	_active(endpoint)
	doc = lock("AI Webhook Delivery", name)
	if not doc.send_again():
		doc.write(next_attempt_at=now_datetime())
	return {"delivery": name, "status": doc.status}


def resend_failed(endpoint: str, since: str) -> dict:
	"""Send again what was given up since then, the oldest first, at most 1000 of it."""
	_require_few(endpoint)
	answer = in_transaction(_resend_failed, endpoint, _moment(since))
	relay.start(endpoint)
	return answer


def _resend_failed(endpoint: str, since: datetime) -> dict:
	_active(endpoint)
	lost = {"endpoint": endpoint, "status": "Given Up", "creation": (">=", since)}
	names = frappe.get_all(
		"AI Webhook Delivery", lost, pluck="name", order_by="position", limit_page_length=MOST_AT_ONCE
	)
	for name in names:
		lock("AI Webhook Delivery", name).send_again()
	return {"endpoint": endpoint, "resent": len(names)}


def _active(name: str) -> AIWebhookEndpoint:
	"""Return the locked endpoint, with no rest before the next attempt."""
	endpoint = lock("AI Webhook Endpoint", name)
	if endpoint.status != "Active":
		raise Conflict(_("This endpoint is disabled. Please enable it first."))
	endpoint.write(not_before=None)
	return endpoint


def _moment(text: str) -> datetime:
	try:
		moment = get_datetime(text)
	except (ValueError, TypeError, OverflowError):
		moment = None
	if (
		not moment
		or moment.tzinfo
		or moment > now_datetime()
		or moment < add_to_date(now_datetime(), days=-365)
	):
		raise BadRequest(_("{0} must be a time of the last year, such as 2026-11-20 09:30.").format("since"))
	return moment


def _require_few(endpoint: str) -> None:
	number, seconds = counters.count("webhook_by_hand", endpoint, HOUR)
	if number > MOST_PER_HOUR:
		message = _(
			"Too many tests or repeats for this endpoint. Please wait {0} minutes before you send more."
		)
		raise TooManyRequests(message.format(-(-seconds // 60)))
