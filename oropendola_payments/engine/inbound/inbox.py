"""The inbox: every proven message is stored and committed first, then worked on, then answered.

A message that cannot be worked on now is tried again with growing pauses and becomes a dead letter in the end, which an alert shows
and a person can replay. The same message again changes nothing.
"""

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

import frappe
from frappe import _
from frappe.utils import cint, get_datetime, now_datetime

from oropendola_payments.ai_billing import records
from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import (
	PaymentAttempt,
	is_reference,
)
from oropendola_payments.ai_billing.doctype.payment_event.payment_event import acting_as
from oropendola_payments.engine.core.redaction import redact_body, redact_headers
from oropendola_payments.engine.core.transactions import in_transaction, lock
from oropendola_payments.engine.gateway import polling
from oropendola_payments.engine.gateway.registry import adapter_of
from oropendola_payments.engine.inbound import status_query
from oropendola_payments.engine.inbound.notice_codec import pack_notice, unpack_notice
from oropendola_payments.engine.refunds import ledger
from oropendola_payments.engine.refunds import process as refunds
from oropendola_payments.engine.settlement import disputes
from oropendola_payments.exceptions import Conflict, NotFound
from oropendola_payments.gateways.base import (
	Callback,
	DisputeEvent,
	Gateway,
	Notice,
	Outcome,
	PaymentEvent,
	RefundEvent,
)

MAX_BODY = 256 * 1024
# Connecting and reading: providers want an answer within about five seconds. What takes longer is worked on by the sweep.
TIMEOUT = (2, 4)
LEASE_SECONDS = 120
MAX_TRIES = 12  # most of a day
UNSIGNED_NOTICE_SECONDS = 5
LOG = "Payment Webhook Log"


@dataclass
class Message:
	"""What a row of the inbox says; `adapter` and `rung` are there when the message just came in."""

	gateway: str
	notice: Notice
	adapter: Gateway | None = None
	rung: PaymentAttempt | None = None  # whom a bell that just came in is for


def receive(gateway: str, callback: Callback) -> tuple[str, Notice]:
	"""processed, queued, duplicate or ignored, and what was read. Raises SignatureError before anything is looked up."""
	adapter = adapter_of(gateway, timeout=TIMEOUT)
	notice = adapter.receive(callback)
	rung = None if notice.verified else _attempt_rung_for(gateway, notice)
	if not notice.verified and not rung:
		return "ignored", notice
	name = store(gateway, callback, notice)
	if rung and not name:
		status_query.ask_soon(rung)
	return (_process_now(name, Message(gateway, notice, adapter, rung)) if name else "duplicate"), notice


def handle_unverified_notice(gateway: str, callback: Callback):
	"""A message that was refused may still be about a payment of ours: it is asked about within a minute, and nothing is believed.

	Only brought forward, not asked now: nobody learns from the time of the answer whether we know the payment.
	"""
	named = adapter_of(gateway).unverified_reference(callback)
	filters = {"name": named, "gateway": gateway}
	attempt = (
		named
		and is_reference(named)
		and frappe.db.get_value("Payment Attempt", filters, ["name", "next_check_at"], as_dict=True)
	)
	if attempt:
		status_query.ask_soon(attempt)


def _attempt_rung_for(gateway: str, notice: Notice):
	"""Anybody can ring: only a bell for a payment of ours is kept. One that was too early is made up for by the reconciler."""
	try:
		return status_query.attempt_of_notice(gateway, notice)
	except NotFound:
		return None


def store(gateway: str, callback: Callback, notice: Notice) -> str | None:
	"""Insert once per message; the unique key decides, not a look before. None for a message that was stored before."""
	row = records.new(LOG)
	row.update(
		{
			"gateway": gateway,
			"event_key": _event_key(callback, notice),
			"event_type": (notice.event_type or "")[:140],
			"status": "Received",
			"attempts": 0,
			"next_attempt_at": now_datetime() + timedelta(seconds=LEASE_SECONDS),
			"headers": frappe.as_json(redact_headers(callback.headers)),
			"payload": redact_body(callback.body),
			"notice": frappe.as_json(pack_notice(notice)),
		}
	)
	try:
		row.add()
	except frappe.DuplicateEntryError:
		frappe.db.rollback()
		return None
	frappe.db.commit()
	return row.name


def _event_key(callback: Callback, notice: Notice) -> str:
	# A name that nobody proved could be given to a bell before the real message comes.
	if notice.event_key and notice.verified:
		return (
			notice.event_key
			if len(notice.event_key) <= 140
			else sha256(notice.event_key.encode()).hexdigest()
		)
	# A doorbell says the same each time it rings: the same ring within a few seconds is one.
	moment = int(now_datetime().timestamp()) // UNSIGNED_NOTICE_SECONDS
	about = notice.reference or notice.order_id or notice.payment_id or sha256(callback.body).hexdigest()
	return f"doorbell:{about}"[:120] + f":{moment}"


def _process_now(name: str, message: Message | None = None) -> str:
	"""Try at once; a failure is ours to repeat, so the sender is thanked all the same."""
	try:
		return process_message(name, message or _read(name))
	except Exception as error:
		frappe.db.rollback()
		note_failure(name, error)
		return "queued"


def _read(name: str) -> Message:
	gateway, notice = frappe.db.get_value(LOG, name, ["gateway", "notice"])
	return Message(gateway, unpack_notice(notice))


def process_message(name: str, message: Message) -> str:
	"""Do what a stored message asks for. Settling commits by itself; the row is marked last."""
	with acting_as("Webhook"):
		attempt = apply_notice(message)
	status = "Processed" if attempt else "Ignored"
	frappe.db.sql(
		f"UPDATE `tab{LOG}` SET status = %s, attempt = %s, error = NULL, next_attempt_at = NULL,"  # noqa: S608
		" attempts = attempts + 1, modified = %s WHERE name = %s",
		(status, attempt, now_datetime(), name),
	)
	frappe.db.commit()
	return status.lower()


def apply_notice(message: Message) -> str | None:
	"""The attempt that the message was about, or None when it was about nothing of ours."""
	if not message.notice.verified or message.notice.confirm:
		return _ask_about(message)
	attempt = None
	for event in message.notice.events:
		attempt = apply_event(message, event) or attempt
	return attempt


def apply_event(message: Message, event) -> str | None:
	gateway = message.gateway
	if isinstance(event, RefundEvent):
		ledger.record_notice(gateway, event)
		return _attempt_of_refund(gateway, event)
	if isinstance(event, DisputeEvent):
		return disputes.record(gateway, event)
	attempt = status_query.attempt_of_notice(gateway, event)
	if status_query.names_unknown_order(attempt, event):
		status_query.ask_about(attempt, message.adapter)
		return attempt.name
	return status_query.settle_and_capture(gateway, event, attempt, message.adapter).attempt


def _ask_about(message: Message) -> str | None:
	"""A doorbell, or a vendor that wants its word checked: the status query is the truth. Other facts are taken as told."""
	gateway, notice = message.gateway, message.notice
	others = [e for e in notice.events if not isinstance(e, PaymentEvent)] if notice.verified else []
	attempt = None
	for event in others:
		attempt = _apply_checked(message, event) or attempt
	if others and not any(isinstance(e, PaymentEvent) for e in notice.events):
		return attempt
	if not (notice.reference or notice.order_id or notice.payment_id):
		return None
	attempt = message.rung or status_query.attempt_of_notice(gateway, notice)
	was_paid = attempt.status == "Paid"
	status_query.require_this_mode(attempt)
	if not notice.verified:
		status_query.ask_about_or_soon(attempt, message.adapter)
	elif not (notice.events and all(_is_old_news(attempt, event) for event in notice.events)):
		_ask_now_or_later(attempt, message.adapter)
	if was_paid:
		_ask_about_refunds(attempt.name)
	return attempt.name


def _is_old_news(attempt, event) -> bool:
	if not isinstance(event, PaymentEvent):
		return True
	if event.outcome is Outcome.PAID:
		known = {"gateway": attempt.gateway, "gateway_payment_id": event.payment_id}
		return attempt.status == "Paid" and bool(
			event.payment_id and frappe.db.exists("Payment Capture", known)
		)
	return event.outcome not in (Outcome.PENDING, Outcome.AUTHORIZED) and not attempt.is_open()


def _ask_now_or_later(attempt, adapter: Gateway | None):
	"""A signed message can be sent again by whoever saw it: however often, the gateway is not asked more than it can bear."""
	if status_query.was_asked_within(attempt, status_query.GAP_SECONDS):
		raise Conflict(_("The gateway was asked a moment ago. This message is worked on again in a minute."))
	status_query.ask_about(attempt, adapter)


def _apply_checked(message: Message, event) -> str | None:
	if not isinstance(event, RefundEvent):
		return apply_event(message, event)
	refunds.confirm_notice(message.gateway, event)
	return _attempt_of_refund(message.gateway, event)


def _ask_about_refunds(attempt: str):
	"""A doorbell may ring for a refund: those on their way are asked about too."""
	waiting = {"attempt": attempt, "status": ("in", ("Processing", "Unknown"))}
	for name in frappe.get_all("Payment Refund", waiting, pluck="name"):
		refunds.process(name, rung=True)


def _attempt_of_refund(gateway: str, event: RefundEvent) -> str | None:
	refund = ledger.find(gateway, event)
	if refund:
		return frappe.db.get_value("Payment Refund", refund, "attempt")
	keys = {"gateway": gateway, "gateway_payment_id": event.payment_id}
	return (event.payment_id and frappe.db.get_value("Payment Capture", keys, "attempt")) or None


def note_failure(name: str, error: Exception):
	"""Count the try and plan the next. What names no payment of ours is Ignored in the end, anything else is a dead letter."""

	def mark():
		row = lock(LOG, name)
		tries = cint(row.attempts) + 1
		dead = tries >= MAX_TRIES
		stranger = dead and isinstance(error, NotFound) and not _names_one_of_ours(row)
		row.write(
			status="Ignored" if stranger else "Dead" if dead else "Failed",
			attempts=tries,
			error=f"{type(error).__name__}: {error}"[:500],
			next_attempt_at=None if dead else polling.back_off(tries),
		)

	in_transaction(mark)
	if not isinstance(error, NotFound) and not hasattr(error, "http_status_code"):
		frappe.log_error(title=f"Webhook {name} failed", message=frappe.get_traceback())
		frappe.db.commit()


def _names_one_of_ours(row) -> bool:
	"""Our reference for a payment that we do not have: a person must know, for the records may have been lost."""
	notice = unpack_notice(row.notice)
	return any(is_reference(e.reference) for e in (notice, *notice.events) if e.reference)


# Re-driving ---------------------------------------------------------------------------------------


def process_due(name: str):
	"""One stored message that is due: take the lease, then work."""
	if in_transaction(_take_lease, name):
		_process_now(name)


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
		results[name] = _process_now(name)
	return results


# Facts as text and back ---------------------------------------------------------------------------
