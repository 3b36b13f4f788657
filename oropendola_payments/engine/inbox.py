"""The inbox: every proven message is stored and committed first, then worked on, then answered.

A message that cannot be worked on now is tried again with growing pauses and becomes a dead letter in the end, which an alert shows
and a person can replay. The same message again changes nothing.
"""

from dataclasses import asdict
from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import sha256

import frappe
from frappe import _
from frappe.utils import cint, get_datetime, now_datetime

from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import OPEN
from oropendola_payments.ai_billing.doctype.payment_event.payment_event import acting_as
from oropendola_payments.engine import asking, disputes, refund_books, refunds, schedule
from oropendola_payments.engine.adapters import adapter_of
from oropendola_payments.engine.masking import masked_body, masked_headers
from oropendola_payments.engine.transactions import in_transaction, lock
from oropendola_payments.exceptions import Conflict, NotFound
from oropendola_payments.gateways.base import (
	Callback,
	DisputeEvent,
	Notice,
	Outcome,
	PaymentEvent,
	RefundEvent,
	RefundOutcome,
)

MAX_BODY = 256 * 1024
LEASE_SECONDS = 120
TRIES_BEFORE_DEAD = 10
DOORBELL_SECONDS = 5
GAP_SECONDS = 2
LOG = "Payment Webhook Log"


def receive(gateway: str, callback: Callback) -> tuple[str, Notice]:
	"""processed, queued, duplicate or ignored, and what was read. Raises SignatureError before anything is looked up."""
	adapter = adapter_of(gateway)
	notice = adapter.receive(callback)
	if not notice.proven and not _rings_for_us(gateway, notice):
		return "ignored", notice
	name = store(gateway, callback, notice)
	return (_work_now(name) if name else "duplicate"), notice


def _rings_for_us(gateway: str, notice: Notice) -> bool:
	"""Anybody can ring: only a bell for a payment of ours is kept. One that was too early is made up for by the reconciler."""
	try:
		return bool(asking.attempt_of_notice(gateway, notice))
	except NotFound:
		return False


def store(gateway: str, callback: Callback, notice: Notice) -> str | None:
	"""Insert once per message; the unique key decides, not a look before. None for a message that was stored before."""
	row = frappe.new_doc(LOG)
	row.update(
		{
			"gateway": gateway,
			"event_key": _event_key(callback, notice),
			"event_type": (notice.event_type or "")[:140],
			"status": "Received",
			"attempts": 0,
			"next_attempt_at": now_datetime() + timedelta(seconds=LEASE_SECONDS),
			"headers": frappe.as_json(masked_headers(callback.headers)),
			"payload": masked_body(callback.body),
			"notice": frappe.as_json(_pack(notice)),
		}
	)
	try:
		row.db_insert()
	except (frappe.UniqueValidationError, frappe.DuplicateEntryError):
		frappe.db.rollback()
		frappe.clear_messages()
		return None
	frappe.db.commit()
	return row.name


def _event_key(callback: Callback, notice: Notice) -> str:
	# A name that nobody proved could be given to a bell before the real message comes.
	if notice.event_key and notice.proven:
		return notice.event_key if len(notice.event_key) <= 140 else sha256(notice.event_key.encode()).hexdigest()
	# A doorbell says the same each time it rings: the same ring within a few seconds is one.
	moment = int(now_datetime().timestamp()) // DOORBELL_SECONDS
	about = notice.reference or notice.order_id or notice.payment_id or sha256(callback.body).hexdigest()
	return f"doorbell:{about}"[:120] + f":{moment}"


def _work_now(name: str) -> str:
	"""Try at once; a failure is ours to repeat, so the sender is thanked all the same."""
	try:
		return work(name)
	except Exception as error:
		frappe.db.rollback()
		note_failure(name, error)
		return "queued"


def work(name: str) -> str:
	"""Do what a stored message asks for. Settling commits by itself; the row is marked last."""
	row = frappe.db.get_value(LOG, name, ["gateway", "notice", "status"], as_dict=True)
	notice = _unpack(row.notice)
	with acting_as("Webhook"):
		attempt = apply_notice(row.gateway, notice)
	status = "Processed" if attempt else "Ignored"
	frappe.db.sql(
		f"UPDATE `tab{LOG}` SET status = %s, attempt = %s, error = NULL, next_attempt_at = NULL,"  # noqa: S608
		" attempts = attempts + 1, modified = %s WHERE name = %s",
		(status, attempt, now_datetime(), name),
	)
	frappe.db.commit()
	return status.lower()


def apply_notice(gateway: str, notice: Notice) -> str | None:
	"""The attempt that the message was about, or None when it was about nothing of ours."""
	if not notice.proven or notice.confirm:
		return _ask_about(gateway, notice)
	attempt = None
	for event in notice.events:
		attempt = apply_event(gateway, event) or attempt
	return attempt


def apply_event(gateway: str, event) -> str | None:
	if isinstance(event, RefundEvent):
		refund_books.record_notice(gateway, event)
		return _attempt_of_refund(gateway, event)
	if isinstance(event, DisputeEvent):
		return disputes.record(gateway, event)
	if asking.names_unknown_order(gateway, event):
		attempt = asking.attempt_of_notice(gateway, event)
		asking.ask(attempt)
		return attempt
	return asking.settle_and_capture(gateway, event).attempt


def _ask_about(gateway: str, notice: Notice) -> str | None:
	"""A doorbell, or a vendor that wants its word checked: the status query is the truth. Other facts are taken as told."""
	others = [e for e in notice.events if not isinstance(e, PaymentEvent)] if notice.proven else []
	attempt = None
	for event in others:
		attempt = _apply_checked(gateway, event) or attempt
	if others and not any(isinstance(e, PaymentEvent) for e in notice.events):
		return attempt
	if not (notice.reference or notice.order_id or notice.payment_id):
		return None
	attempt = asking.attempt_of_notice(gateway, notice)
	if not notice.proven:
		asking.ask_unless_recent(attempt)
	elif not all(_is_old_news(gateway, attempt, event) for event in notice.events):
		_ask_now_or_later(attempt)
	_ask_about_refunds(attempt)
	return attempt


def _is_old_news(gateway: str, attempt: str, event) -> bool:
	if not isinstance(event, PaymentEvent):
		return True
	if event.outcome is Outcome.PAID:
		known = {"gateway": gateway, "gateway_payment_id": event.payment_id}
		return bool(event.payment_id and frappe.db.exists("Payment Capture", known))
	closed = event.outcome not in (Outcome.PENDING, Outcome.AUTHORIZED)
	return closed and frappe.db.get_value("Payment Attempt", attempt, "status") not in OPEN


def _ask_now_or_later(attempt: str):
	"""A signed message can be sent again by whoever saw it: however often, the gateway is not asked more than it can bear."""
	if asking.was_asked_within(attempt, GAP_SECONDS):
		raise Conflict(_("The gateway was asked a moment ago. This message is worked on again in a minute."))
	asking.ask(attempt)


def _apply_checked(gateway: str, event) -> str | None:
	if not isinstance(event, RefundEvent):
		return apply_event(gateway, event)
	refunds.confirm_notice(gateway, event)
	return _attempt_of_refund(gateway, event)


def _ask_about_refunds(attempt: str):
	"""A doorbell may ring for a refund: those on their way are asked about too."""
	waiting = {"attempt": attempt, "status": ("in", ("Processing", "Unknown"))}
	for name in frappe.get_all("Payment Refund", waiting, pluck="name"):
		refunds.drive(name, rung=True)


def _attempt_of_refund(gateway: str, event: RefundEvent) -> str | None:
	refund = refund_books.find(gateway, event)
	if refund:
		return frappe.db.get_value("Payment Refund", refund, "attempt")
	keys = {"gateway": gateway, "gateway_payment_id": event.payment_id}
	return (event.payment_id and frappe.db.get_value("Payment Capture", keys, "attempt")) or None


def note_failure(name: str, error: Exception):
	"""Count the try and plan the next; nobody's payment so far is Ignored after a day of looking."""

	def mark():
		row = lock(LOG, name)
		tries = cint(row.attempts) + 1
		stranger = isinstance(error, NotFound) and tries >= TRIES_BEFORE_DEAD
		dead = tries >= TRIES_BEFORE_DEAD
		row.write(
			status="Ignored" if stranger else "Dead" if dead else "Failed",
			attempts=tries,
			error=f"{type(error).__name__}: {error}"[:500],
			next_attempt_at=None if dead else schedule.back_off(tries),
		)

	in_transaction(mark)
	if not isinstance(error, NotFound) and not hasattr(error, "http_status_code"):
		frappe.log_error(title=f"Webhook {name} failed", message=frappe.get_traceback())
		frappe.db.commit()


# Re-driving ---------------------------------------------------------------------------------------


def drive(name: str):
	"""One stored message that is due: take the lease, then work."""
	if in_transaction(_take_lease, name):
		_work_now(name)


def _take_lease(name: str) -> bool:
	row = lock(LOG, name)
	due = row.next_attempt_at and get_datetime(row.next_attempt_at) <= now_datetime()
	if row.status not in ("Received", "Failed") or not due:
		return False
	row.write(next_attempt_at=now_datetime() + timedelta(seconds=LEASE_SECONDS))
	return True


def replay(names: list[str]) -> dict:
	"""A person wants these worked on again, whatever became of them. Repeating a fact changes nothing."""
	results = {}
	for name in names:
		if not frappe.db.exists(LOG, name):
			raise NotFound(_("There is no message {0}.").format(name))
		results[name] = _work_now(name)
	return results


# Facts as text and back ---------------------------------------------------------------------------

KINDS = {"payment": PaymentEvent, "refund": RefundEvent, "dispute": DisputeEvent}


def _pack(notice: Notice) -> dict:
	kinds = {cls: kind for kind, cls in KINDS.items()}
	packed = {k: v for k, v in asdict(notice).items() if k not in ("events", "reply")}
	packed["events"] = [{"kind": kinds[type(event)], **_plain(asdict(event))} for event in notice.events]
	return packed


def _plain(values: dict) -> dict:
	def text(value):
		if isinstance(value, Decimal):
			return str(value)
		if isinstance(value, datetime):
			return value.isoformat()
		return value.value if isinstance(value, Outcome | RefundOutcome) else value

	return {key: text(value) for key, value in values.items()}


def _unpack(text: str) -> Notice:
	packed = frappe.parse_json(text)
	events = tuple(_event(dict(values)) for values in packed.pop("events"))
	return Notice(events=events, **packed)


def _event(values: dict):
	kind = KINDS[values.pop("kind")]
	if values.get("amount") is not None:
		values["amount"] = Decimal(values["amount"])
	if values.get("occurred_at"):
		values["occurred_at"] = datetime.fromisoformat(values["occurred_at"])
	if kind is PaymentEvent:
		values["outcome"] = Outcome(values["outcome"])
	if kind is RefundEvent:
		values["outcome"] = RefundOutcome(values["outcome"])
	return kind(**values)
