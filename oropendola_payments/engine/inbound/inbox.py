"""Webhook inbox: store and commit every verified message, then process it, then answer.

A message that cannot be processed is retried with backoff and becomes a dead letter in the end, which raises an alert and can be
replayed. Duplicates change nothing.
"""

import time
from datetime import timedelta
from functools import partial
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
from oropendola_payments.compat import commit, rollback
from oropendola_payments.engine.core.after_commit import enqueue_once
from oropendola_payments.engine.core.redaction import redact_body, redact_headers
from oropendola_payments.engine.core.transactions import in_transaction, lock, write_through
from oropendola_payments.engine.gateway import polling
from oropendola_payments.engine.gateway.lost_time import LostTime
from oropendola_payments.engine.gateway.registry import adapter_of
from oropendola_payments.engine.inbound.apply_notice import Deferred, Message, apply_notice, may_ask_gateway
from oropendola_payments.engine.inbound.notice_codec import pack_notice, unpack_notice
from oropendola_payments.engine.inbound.status_query import RECENT_SECONDS, schedule_refresh, seconds_until
from oropendola_payments.engine.settlement.settle import find_attempt
from oropendola_payments.exceptions import NotFound
from oropendola_payments.gateways.base import Callback, Notice

MAX_BODY = 256 * 1024
# Connect and read. Providers expect an answer within about five seconds; what takes longer is left to the sweep.
TIMEOUT = (2, 4)
LEASE_SECONDS = 120
MAX_TRIES = 12  # most of a day
UNSIGNED_NOTICE_SECONDS = 5
LOG = "Payment Webhook Log"


# Receiving ----------------------------------------------------------------------------------------


def receive(gateway: str, callback: Callback) -> tuple[str, Notice]:
	"""Store and process a message. Return processed, queued, duplicate or ignored, and the notice.

	Raises SignatureError before any database query.
	"""
	adapter = adapter_of(gateway, timeout=TIMEOUT)
	notice = adapter.receive(callback)
	target = None if notice.verified else _target_attempt(gateway, notice)
	if not notice.verified and not target:
		return "ignored", notice
	name = store(gateway, callback, notice)
	if name:
		return _process_now(name, Message(gateway, notice, adapter, target)), notice
	if target:
		schedule_refresh(target)
	return "duplicate", notice


def handle_unverified_notice(gateway: str, callback: Callback) -> None:
	"""Schedule a refresh of the payment that a message with a bad signature names. Its contents are not used.

	The query is only scheduled, so that the response time does not reveal whether the payment exists.
	"""
	reference = adapter_of(gateway).unverified_reference(callback)
	if not reference or not is_reference(reference):
		return
	filters = {"name": reference, "gateway": gateway}
	attempt = frappe.db.get_value("Payment Attempt", filters, ["name", "next_check_at"], as_dict=True)
	if attempt:
		schedule_refresh(attempt)


def _target_attempt(gateway: str, notice: Notice) -> PaymentAttempt | None:
	"""Return the attempt of an unsigned notice, or None. Anybody can send one, so others are not stored; polling covers early ones."""
	try:
		return find_attempt(gateway, notice)
	except NotFound:
		return None


def store(gateway: str, callback: Callback, notice: Notice) -> str | None:
	"""Insert the message and return its name, or None for a duplicate. The unique key decides, so concurrent requests are safe."""
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
		rollback()
		return None
	commit()
	return row.name


def _event_key(callback: Callback, notice: Notice) -> str:
	# Only verified messages use their own event key: an unsigned one could take the key of the real message.
	if notice.event_key and notice.verified:
		is_short = len(notice.event_key) <= 140
		return notice.event_key if is_short else sha256(notice.event_key.encode()).hexdigest()
	# Unsigned notices about the same payment look alike: treat those within a few seconds as duplicates.
	moment = int(now_datetime().timestamp()) // UNSIGNED_NOTICE_SECONDS
	about = notice.reference or notice.order_id or notice.payment_id or sha256(callback.body).hexdigest()
	return f"unsigned:{about}"[:120] + f":{moment}"


# Processing ---------------------------------------------------------------------------------------


def process_due(name: str, lost: LostTime | None = None) -> None:
	"""Process a stored message that is due, if its lease is free.

	In a sweep, `lost` is what its gateways have cost it. A message that is left out for that stays due.
	"""
	lost = lost or LostTime()
	if lost.seconds and _would_lose_time(_read(name), lost):
		return
	if in_transaction(_take_lease, name):
		_process_now(name, lost=lost)


def _would_lose_time(message: Message, lost: LostTime) -> bool:
	return lost.is_too_much(message.gateway) and may_ask_gateway(message.notice)


def replay(names: list[str]) -> dict:
	"""Process messages again, whatever their status. Events that were settled before change nothing."""
	results = {}
	for name in names:
		if not frappe.db.exists(LOG, name):
			raise NotFound(_("There is no message {0}.").format(name))
		results[name] = _process_now(name)
	return results


def _take_lease(name: str) -> bool:
	row = lock(LOG, name)
	due = row.next_attempt_at and get_datetime(row.next_attempt_at) <= now_datetime()
	if row.status not in ("Received", "Failed") or not due:
		return False
	row.write(next_attempt_at=now_datetime() + timedelta(seconds=LEASE_SECONDS))
	return True


def _process_now(name: str, message: Message | None = None, lost: LostTime | None = None) -> str:
	"""Process a message now. A failure is recorded for a retry and not raised, so the sender gets a 200."""
	try:
		message = message or _read(name)
		with (lost or LostTime()).counted(message.gateway):
			return process_message(name, message)
	except Deferred as deferred:
		frappe.db.rollback()
		_defer(name, deferred.seconds)
		return "queued"
	except Exception as error:
		frappe.db.rollback()
		record_failure(name, error)
		return "queued"


def _defer(name: str, seconds: float) -> None:
	"""Enqueue a job that processes the message after the pause, without counting a try. If the job is lost, the sweep does it."""
	next_try = now_datetime() + timedelta(seconds=seconds)
	in_transaction(lambda: lock(LOG, name).write(status="Received", next_attempt_at=next_try))
	enqueue_once(f"{__name__}.process_after_pause", f"message::{name}", name=name)


def process_after_pause(name: str) -> None:
	moment = frappe.db.get_value(LOG, name, "next_attempt_at")
	time.sleep(min(RECENT_SECONDS, seconds_until(moment)))
	frappe.db.rollback()  # start a new snapshot, to see what others committed while this job waited
	process_due(name)


def _read(name: str) -> Message:
	gateway, notice = frappe.db.get_value(LOG, name, ["gateway", "notice"])
	return Message(gateway, unpack_notice(notice))


def process_message(name: str, message: Message) -> str:
	"""Apply a stored message and return its new status. A message about one payment is marked in the payment's transaction."""
	message.mark = partial(_mark, name)
	with acting_as("Webhook"):
		attempt = apply_notice(message)
	if not message.is_marked:
		write_through(_mark, name, attempt)
	return _status_for(attempt).lower()


def _mark(name: str, attempt: str | None) -> None:
	frappe.db.sql(
		"UPDATE `tabPayment Webhook Log` SET status = %s, attempt = %s, error = NULL, next_attempt_at = NULL,"
		" attempts = attempts + 1, modified = %s WHERE name = %s",
		(_status_for(attempt), attempt, now_datetime(), name),
	)


def _status_for(attempt: str | None) -> str:
	return "Processed" if attempt else "Ignored"


def record_failure(name: str, error: Exception) -> None:
	"""Count the try and schedule the next. After the last one a message about no payment of ours is Ignored, any other is Dead."""
	in_transaction(_record_failure_locked, name, error)
	if not isinstance(error, NotFound) and not hasattr(error, "http_status_code"):
		frappe.log_error(title=f"Webhook {name} failed", message=frappe.get_traceback())
		frappe.db.commit()


def _record_failure_locked(name: str, error: Exception) -> None:
	row = lock(LOG, name)
	tries = cint(row.attempts) + 1
	is_last = tries >= MAX_TRIES
	is_foreign = is_last and isinstance(error, NotFound) and not _has_our_reference(row)
	row.write(
		status="Ignored" if is_foreign else "Dead" if is_last else "Failed",
		attempts=tries,
		error=f"{type(error).__name__}: {error}"[:500],
		next_attempt_at=None if is_last else polling.back_off(tries),
	)


def _has_our_reference(row: frappe._dict) -> bool:
	"""Return whether the message has a reference of our form. Then records may be lost, so it becomes a dead letter."""
	notice = unpack_notice(row.notice)
	return any(is_reference(e.reference) for e in (notice, *notice.events) if e.reference)
