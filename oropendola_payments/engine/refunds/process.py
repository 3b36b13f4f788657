"""Sending money back: a row first, then the call, then the answer. A time-out is Unknown and is asked about, never guessed."""

import frappe
from frappe import _
from frappe.utils import cint, get_datetime, now_datetime

from oropendola_payments.ai_billing.doctype.payment_refund.payment_refund import OPEN
from oropendola_payments.ai_billing.known_gateways import adapter_class
from oropendola_payments.engine.core.transactions import in_transaction, lock
from oropendola_payments.engine.gateway import mode_guard, polling
from oropendola_payments.engine.gateway.call import call_gateway
from oropendola_payments.engine.refunds import gateway_calls
from oropendola_payments.engine.refunds.ledger import find, record, record_notice
from oropendola_payments.engine.refunds.record import CONTESTED, WITHOUT_GATEWAY
from oropendola_payments.gateways.base import RefundEvent, RefundOutcome
from oropendola_payments.gateways.errors import (
	BadAnswer,
	CredentialsRefused,
	GatewayRefused,
	MaybeSent,
	NotSent,
)

# Longer than all calls of one drive together, so that two workers never talk about one refund at the same time.
LEASE_SECONDS = 120
# What a gateway does not show for so many tries, about an hour, is not only slow.
TRIES_BEFORE_REVIEW = 6


# Asking for a refund ------------------------------------------------------------------------------


# Ending one by hand -------------------------------------------------------------------------------


# Driving it ---------------------------------------------------------------------------------------


def process_invoice(invoice: str):
	"""Send what was opened for an invoice inside a settling transaction."""
	for name in frappe.get_all("Payment Refund", {"invoice": invoice, "status": "Created"}, pluck="name"):
		process(name)


def process(name: str, rung: bool = False):
	"""Bring a refund one step further: send it, or ask how it stands. `rung`: the gateway said that there is news."""
	refund = in_transaction(_claim, name, rung)
	if not refund:
		return
	if refund.gateway in WITHOUT_GATEWAY:
		record(refund.name, RefundEvent(RefundOutcome.REFUNDED, key=refund.name))
		return
	try:
		event = _call(refund)
	except (NotSent, CredentialsRefused) as error:
		# Nothing left this time: whether it may have arrived is as it was before.
		_wait(refund, error, may_have_arrived=cint(refund.may_have_arrived))
	except NotShown as error:
		_wait(refund, error, needs_a_person=cint(refund.check_count) >= TRIES_BEFORE_REVIEW)
	except (MaybeSent, BadAnswer) as error:
		_wait(refund, error)
	except GatewayRefused as error:
		_refused(refund, error)
	else:
		record(refund.name, event)


def _claim(name: str, rung: bool):
	"""The refund when it is ours to work on now; two workers never send one refund at the same time."""
	refund = lock("Payment Refund", name)
	if refund.status not in OPEN:
		return None
	due = not refund.next_check_at or get_datetime(refund.next_check_at) <= now_datetime()
	refund.flags.only_ask = rung and refund.status == "Processing"
	if refund.status != "Created" and not due and not refund.flags.only_ask:
		return None  # somebody is at it, or it is not due
	if _waits_for_its_mode(refund):
		return None
	if refund.status == "Created" and _must_wait_for_another(refund):
		return None
	was = refund.status
	values = {
		"check_count": cint(refund.check_count) + 1,
		"next_check_at": polling.back_off(cint(refund.check_count), LEASE_SECONDS),
	}
	if was == "Created":
		# From here on the call may have been made: only asking tells.
		refund.mark_as_unknown(**values)
		refund.flags.send = True
	else:
		refund.write(**values)
	return refund


def _waits_for_its_mode(refund) -> bool:
	"""Another mode's account would say that it knows no such refund: the refund stays as it is until the mode is back."""
	mode = None if refund.gateway in WITHOUT_GATEWAY else mode_guard.other_mode_of(refund.attempt)
	if mode:
		refund.write(
			next_check_at=polling.back_off(cint(refund.check_count), LEASE_SECONDS),
			error_message=mode_guard.other_mode_message(mode),
		)
	return bool(mode)


def _must_wait_for_another(refund) -> bool:
	if (
		refund.gateway in WITHOUT_GATEWAY
		or not adapter_class(refund.gateway).capabilities.one_refund_at_a_time
	):
		return False
	others = {
		"capture": refund.capture,
		"name": ("!=", refund.name),
		"status": ("in", ("Processing", "Unknown")),
	}
	return bool(frappe.db.exists("Payment Refund", others))


class NotShown(BadAnswer):
	"""The gateway gave the refund a number and does not know it now."""


def _call(refund) -> RefundEvent:
	if refund.flags.send:
		return _send(refund)
	refund.flags.asked_only = True
	event = gateway_calls.refund_status(refund)
	if event.outcome is not RefundOutcome.NOT_FOUND or refund.flags.only_ask:
		return event
	if refund.gateway_refund_id:
		message = _("The gateway took this refund under the number {0} and does not show it now.")
		raise NotShown(message.format(refund.gateway_refund_id))
	# The gateway has nothing under our key: the same request may go out (again) under the same key.
	refund.flags.asked_only = False
	return _send(refund)


def _send(refund) -> RefundEvent:
	if frappe.db.get_value("Payment Capture", refund.capture, "dispute_state") in CONTESTED:
		raise NotSent(_("The payment is disputed: the refund waits, because it would pay twice."))
	adapter, request = gateway_calls.adapter_of_payment(refund), gateway_calls.build_request(refund)
	if not cint(refund.may_have_arrived):
		in_transaction(lambda: lock("Payment Refund", refund.name).write(may_have_arrived=1))
	return call_gateway(refund.gateway, adapter.refund, request)


def _refused(refund, error: GatewayRefused):
	"""Final is only a refusal to refund, where nothing can have arrived before. A refused question tells nothing of the refund."""
	if refund.flags.asked_only:
		_wait(refund, error)
	elif cint(refund.may_have_arrived):
		_wait(refund, error, needs_a_person=True)
	else:
		record(refund.name, RefundEvent(RefundOutcome.FAILED, key=refund.name, reason=str(error)))


def _wait(refund, error: Exception, needs_a_person: bool = False, **values):
	"""Nothing is known yet: the refund keeps its balance and is asked about again."""
	values["error_message"] = str(error)[:500]

	def work():
		invoice = lock("AI Invoice", refund.invoice) if needs_a_person else None
		row = lock("Payment Refund", refund.name)
		if row.status not in OPEN:
			return
		row.write(**values)
		if invoice:
			_call_a_person(invoice, row)

	in_transaction(work)


def _call_a_person(invoice, refund):
	"""Once for each refund: what a person has looked at is not flagged again by every sweep."""
	if frappe.db.exists("Payment Event", {"reference_name": refund.name, "event": "refund_unclear"}):
		return
	invoice.record("refund_unclear", refund, reason=refund.error_message)
	message = _(
		"Whether {0} {1} went back as refund {2} is not clear. Please look for it in the gateway's dashboard. Its amount stays held."
	)
	invoice.flag_for_review(message.format(refund.amount, refund.currency, refund.name))


def confirm_notice(gateway: str, event: RefundEvent) -> bool:
	"""As `record_notice`, for a vendor whose word is checked: a refund of ours is asked about instead of believed."""
	name = find(gateway, event)
	if not name:
		return record_notice(gateway, event)
	refund = frappe.get_doc("Payment Refund", name)
	told = gateway_calls.refund_status(refund)
	return told.outcome is not RefundOutcome.NOT_FOUND and record(name, told, asked_as=refund.status)
