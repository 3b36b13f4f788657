"""Privacy: keep payment records complete when a user is renamed or deleted, without personal data of a deleted user.

Frappe calls this during its own rename, so an error here is logged and does not stop the rename or the deletion.
"""

import json
from itertools import count

import frappe
from frappe.model.document import Document
from frappe.query_builder import DocType
from frappe.utils import cint

from oropendola_payments.ai_billing import outbox
from oropendola_payments.ai_billing.doctype.ai_coupon_redemption.ai_coupon_redemption import key_of
from oropendola_payments.ai_billing.doctype.ai_subscription.ai_subscription import LIVE
from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import PaymentAttempt
from oropendola_payments.ai_billing.doctype.payment_event import payment_event
from oropendola_payments.ai_billing.doctype.payment_event.payment_event import REDACTED
from oropendola_payments.engine.ending import now
from oropendola_payments.engine.links.create import revoke_all
from oropendola_payments.engine.tax.forget import PERSONAL
from oropendola_payments.engine.tax.forget import forget as forget_buyer
from oropendola_payments.engine.webhooks_out import endpoints

SAVEPOINT = "oropendola_privacy"
TYPED = {
	"AI Subscription": ("cancel_note",),
	"AI Invoice": ("description", "review_reason"),
	"AI Payment Link": ("note",),
	"Payment Refund": ("reason",),
}
USED = (
	("AI Usage Entry", "event_id"),
	("AI Usage Entry", "model"),
	("AI Usage Lease", "holder"),
	("AI Usage Lease", "model"),
)
# What Frappe keeps of these fields, before and after, with each change in a form or of a billing profile.
TRACKED = {
	"AI Subscription": ("cancel_note",),
	"AI API Key": ("key_prefix", "key_name"),
	"AI Invoice": ("description", "review_reason", "buyer_snapshot"),
	"AI Billing Profile": PERSONAL,
}


def user_renamed(
	doc: Document,
	method: str | None = None,
	old: str | None = None,
	new: str | None = None,
	merge: bool = False,
) -> None:
	"""For `doc_events`: update live keys, and redact a deleted user, whom Frappe renames to the name of the deletion request."""
	user = new or doc.name
	outbox.flush()
	payment_event.flush()
	frappe.db.savepoint(SAVEPOINT)
	try:
		_rename_live_keys(user)
		_rename_redemption_keys(user)
		if frappe.db.exists("DocType", "Personal Data Deletion Request") and _was_forgotten(user):
			forget(user)
	except Exception:
		frappe.db.rollback(save_point=SAVEPOINT)
		outbox.discard()
		payment_event.discard()
		title = f"Payment records of {user} could not be updated"
		frappe.log_error(title=title[:140], message=frappe.get_traceback())


def forget(user: str) -> None:
	"""Redact all payment records of a deleted user. `user` is the pseudonym that all links hold by now. The caller commits."""
	_end_service(user)
	endpoints.forget_user(user)
	revoke_all(user)
	_redact_texts(user)
	redact_versions(user)
	_redact_usage(user)
	forget_buyer(user)
	_redact_attempts(user)
	_redact_events(user)


def _was_forgotten(user: str) -> bool:
	return bool(frappe.db.exists("Personal Data Deletion Request", user))


def _rename_live_keys(user: str) -> None:
	"""Update `live_key`, the unique key against a second subscription, because it starts with the user's name.

	Two users who became one may both have a plan. The second subscription then adds its own name.
	"""
	rows = frappe.get_all(
		"AI Subscription", {"user": user, "live_key": ("is", "set")}, ["name", "plan", "live_key"]
	)
	taken = {row.live_key for row in rows}
	for row in rows:
		if row.live_key.startswith(f"{user}:"):
			continue
		key = f"{user}:{row.plan}"
		key = f"{key}:{row.name}" if key in taken else key
		taken.add(key)
		frappe.db.set_value("AI Subscription", row.name, "live_key", key, update_modified=False)


def _rename_redemption_keys(user: str) -> None:
	"""Update the unique keys against a further redemption, because they contain the user's name."""
	counted = {"user": user, "redemption_key": ("is", "set")}
	rows = frappe.get_all("AI Coupon Redemption", counted, ["name", "coupon", "redemption_key"])
	taken = {row.redemption_key for row in rows}
	for row in rows:
		number = cint(row.redemption_key.rpartition(":")[2])
		if row.redemption_key == key_of(row.coupon, user, number):
			continue
		key = next(key for n in count(number) if (key := key_of(row.coupon, user, n)) not in taken)
		taken.add(key)
		frappe.db.set_value("AI Coupon Redemption", row.name, "redemption_key", key, update_modified=False)


def _end_service(user: str) -> None:
	"""End the live subscriptions and redact the key prefixes, because nobody is left to use them."""
	for name in frappe.get_all("AI Subscription", {"user": user, "status": ("in", LIVE)}, pluck="name"):
		now.end_without_return(name)
	values = {"key_prefix": REDACTED, "key_name": REDACTED}
	for name in frappe.get_all("AI API Key", {"user": user}, pluck="name"):
		frappe.db.set_value("AI API Key", name, values)


def _redact_texts(user: str) -> None:
	"""Redact free text, which may contain names. Amounts, dates, payment ids and the hash chain stay."""
	for doctype, fields in TYPED.items():
		for field in fields:
			for name in frappe.get_all(doctype, {"user": user, field: ("is", "set")}, pluck="name"):
				frappe.db.set_value(doctype, name, field, REDACTED, update_modified=False)
	_redact_review_notes(user)
	# The response of a manual payment contains the note of the manager who recorded it.
	for name in frappe.get_all("AI Invoice", {"user": user, "payment_gateway": "manual"}, pluck="name"):
		frappe.db.set_value("AI Invoice", name, "payment_gateway_response", None, update_modified=False)


def redact_versions(user: str) -> None:
	"""Redact what the personal fields were. Who changed which field, and when, stays."""
	for doctype, fields in TRACKED.items():
		names = frappe.get_all(doctype, {"user": user}, pluck="name")
		about = {"ref_doctype": doctype, "docname": ("in", names)}
		for version in frappe.get_all("Version", about, ["name", "data"]) if names else ():
			data = json.loads(version.data or "{}")
			for change in data.get("changed") or ():
				if change[0] in fields:
					change[1:] = [value and REDACTED for value in change[1:]]
			frappe.db.set_value("Version", version.name, "data", frappe.as_json(data), update_modified=False)


def _redact_usage(user: str) -> None:
	"""Redact what the customer's programs chose: event IDs, names of leases, and models, such as those of own fine-tunings."""
	subscription = DocType("AI Subscription")
	own = frappe.qb.from_(subscription).select(subscription.name).where(subscription.user == user)
	for doctype, field in USED:
		table = DocType(doctype)
		query = frappe.qb.update(table).set(table[field], REDACTED)
		query.where(table.subscription.isin(own)).where(table[field].isnotnull()).run()


def _redact_review_notes(user: str) -> None:
	"""Redact the notes of reviewed mismatches and clear all others.

	Frappe's own redaction has filled every note by now, while a note means that a mismatch was reviewed.
	"""
	filters = {"user": user, "note": ("is", "set")}
	for capture in frappe.get_all("Payment Capture", filters, ["name", "invoice", "disposition"]):
		waits = frappe.db.get_value("AI Invoice", capture.invoice, "needs_review")
		note = REDACTED if capture.disposition == "Mismatch" and not waits else None
		frappe.db.set_value("Payment Capture", capture.name, "note", note, update_modified=False)


def _redact_attempts(user: str) -> None:
	"""Delete what was sent to the gateway, but keep the data needed for status queries and refunds, encrypted."""
	for name in frappe.get_all("Payment Attempt", {"user": user}, pluck="name"):
		attempt = frappe.get_doc("Payment Attempt", name)
		kept = (
			PaymentAttempt.seal({"data": attempt.checkout().get("data") or {}})
			if attempt.checkout_data
			else None
		)
		values = {"request_data": None, "checkout_data": kept, "return_url": None}
		if attempt.mode == "Manual":
			values["response_data"] = None
		frappe.db.set_value("Payment Attempt", name, values, update_modified=False)


def _redact_events(user: str) -> None:
	"""Redact the user's own events, notes about the user, and events of the user's browser as Guest on the return from a gateway."""
	event, invoice = DocType("Payment Event"), DocType("AI Invoice")
	invoices = frappe.qb.from_(invoice).select(invoice.name).where(invoice.user == user)
	acts = frappe.qb.update(event).set(event.ip_address, REDACTED).set(event.person_salt, REDACTED)
	notes = frappe.qb.update(event).set(event.note, REDACTED).set(event.note_salt, REDACTED)
	# The owner of an event is who acted; a rename has changed it already.
	acts.set(event.actor, user).where(event.owner == user).run()
	notes.where(event.note.isnotnull()).where(event.invoice.isin(invoices)).run()
	acts.where(event.actor == "Guest").where(event.invoice.isin(invoices)).run()
