"""Sending money back: a row first, then the call, then the answer. A time-out is Unknown and is asked about, never guessed."""

from decimal import Decimal

import frappe
from frappe import _
from frappe.utils import cint, flt, get_datetime, now_datetime

from oropendola_payments.ai_billing.doctype.payment_refund.payment_refund import OPEN
from oropendola_payments.engine import afterwards, schedule
from oropendola_payments.engine.adapters import adapter_class, adapter_of, settings_of
from oropendola_payments.engine.calls import call_gateway
from oropendola_payments.engine.keys import fingerprint
from oropendola_payments.engine.service import take_back
from oropendola_payments.engine.transactions import in_transaction, lock
from oropendola_payments.exceptions import Conflict, NotFound, Unprocessable
from oropendola_payments.gateways.base import PaymentRef, RefundEvent, RefundOutcome, RefundRequest
from oropendola_payments.gateways.errors import (
	BadAnswer,
	CredentialsRefused,
	GatewayRefused,
	MaybeSent,
	NotSent,
)
from oropendola_payments.gateways.money import quantize, to_decimal, to_minor

WITHOUT_GATEWAY = ("manual", "credit")
# Longer than all calls of one drive together, so that two workers never talk about one refund at the same time.
LEASE_SECONDS = 120


# Asking for a refund ------------------------------------------------------------------------------


def create_refund(invoice_name: str, amount: Decimal | None, reason: str, idempotency_key: str | None = None) -> dict:
	"""Open a refund of an invoice's money and send it; the answer tells how far it came."""
	key = f"api:{fingerprint(idempotency_key)}" if idempotency_key else None
	wanted = fingerprint(invoice_name, amount if amount is None else flt(amount, 9))
	known = key and frappe.db.get_value(
		"Payment Refund", {"idempotency_key": key}, ["name", "status", "request_fingerprint"], as_dict=True
	)
	if known:
		if known.request_fingerprint != wanted:
			raise Conflict(_("This idempotency key was used for another refund. Please choose a new one."))
		return {"refund": known.name, "status": known.status}
	name = in_transaction(_open_locked, invoice_name, amount, reason, key, wanted)
	drive(name)
	return {"refund": name, "status": frappe.db.get_value("Payment Refund", name, "status")}


def _open_locked(invoice_name: str, amount: Decimal | None, reason: str, key: str | None, wanted: str) -> str:
	invoice = lock("AI Invoice", invoice_name)
	capture = _capture_to_refund(invoice, amount)
	refund = open_refund(invoice, capture, capture.refundable() if amount is None else amount, reason, key)
	refund.write(request_fingerprint=wanted)
	invoice.write()
	return refund.name


def _capture_to_refund(invoice, amount: Decimal | None):
	"""The youngest capture that can give the amount back."""
	names = frappe.get_all("Payment Capture", {"invoice": invoice.name}, pluck="name", order_by="creation desc")
	captures = [lock("Payment Capture", name) for name in names]
	if not captures:
		raise Unprocessable(_("Nothing was paid for invoice {0}, so there is nothing to refund.").format(invoice.name))
	fitting = [c for c in captures if c.refundable() >= (amount or Decimal("0.000001")) and c.dispute_state != "Open"]
	if not fitting:
		raise Unprocessable(_refusal(captures, amount))
	return fitting[0]


def _refusal(captures: list, amount: Decimal | None) -> str:
	if any(c.dispute_state == "Open" for c in captures):
		return _("This payment is disputed. Please answer the dispute at the gateway; a refund now would pay twice.")
	left = max(c.refundable() for c in captures)
	if left <= 0:
		return _("All the money of this invoice was already sent back or is on its way.")
	return _("{0} is more than can be refunded. At most {1} {2} is left.").format(amount, left, captures[0].currency)


def open_refund(invoice, capture, amount: Decimal, reason: str, key: str | None = None):
	"""The row that holds its balance from now on. The caller holds the invoice's lock and commits."""
	_check(capture, amount)
	refund = frappe.new_doc("Payment Refund")
	refund.name = f"RF{frappe.generate_hash(length=16).upper()}"
	refund.update(
		{
			"capture": capture.name,
			"attempt": capture.attempt,
			"invoice": invoice.name,
			"gateway": capture.gateway,
			"amount": amount,
			"currency": capture.currency,
			"reason": reason,
			"status": "Created",
			"idempotency_key": key or f"refund:{refund.name}",
			"next_check_at": now_datetime(),
			"check_count": 0,
		}
	)
	refund.db_insert()
	capture.write(amount_refunded=to_decimal(capture.amount_refunded or 0) + amount)
	invoice.record("refund_opened", refund, to_status="Created", amount=amount, reason=reason)
	return refund


def _check(capture, amount: Decimal):
	if amount <= 0:
		raise Unprocessable(_("The amount to refund must be above 0."))
	try:
		to_minor(amount, capture.currency)
	except ValueError:
		raise Unprocessable(_("{0} has more decimals than {1} allows.").format(amount, capture.currency)) from None
	if amount > capture.refundable():
		raise Unprocessable(_refusal([capture], amount))
	capabilities = adapter_class(capture.gateway).capabilities if capture.gateway not in WITHOUT_GATEWAY else None
	if capabilities and not capabilities.refunds:
		raise Unprocessable(_("{0} cannot refund through this app. Please refund in its dashboard.").format(capture.gateway))
	if capabilities and not capabilities.partial_refunds and amount != to_decimal(capture.amount):
		raise Unprocessable(_("{0} refunds only the whole amount.").format(capture.gateway))


def can_refund(gateway: str) -> bool:
	return gateway not in WITHOUT_GATEWAY and adapter_class(gateway).capabilities.refunds


# Driving it ---------------------------------------------------------------------------------------


def drive_invoice(invoice: str):
	"""Send what was opened for an invoice inside a settling transaction."""
	for name in frappe.get_all("Payment Refund", {"invoice": invoice, "status": "Created"}, pluck="name"):
		drive(name)


def drive(name: str):
	"""Bring a refund one step further: send it, or ask how it stands."""
	refund = in_transaction(_claim, name)
	if not refund:
		return
	if refund.gateway in WITHOUT_GATEWAY:
		record(refund.name, RefundEvent(RefundOutcome.REFUNDED, key=refund.name))
		return
	try:
		event = _call(refund)
	except (NotSent, MaybeSent, BadAnswer, CredentialsRefused) as error:
		_wait(refund.name, str(error))
	except GatewayRefused as error:
		_refused(refund, error)
	else:
		record(refund.name, event)


def _claim(name: str):
	"""The refund when it is ours to work on now; two workers never send one refund at the same time."""
	refund = lock("Payment Refund", name)
	if refund.status not in OPEN:
		return None
	if refund.status != "Created" and refund.next_check_at and get_datetime(refund.next_check_at) > now_datetime():
		return None  # somebody is at it, or it is not due
	if refund.status == "Created" and _must_wait_for_another(refund):
		return None
	was = refund.status
	values = {"check_count": cint(refund.check_count) + 1, "next_check_at": schedule.back_off(cint(refund.check_count), LEASE_SECONDS)}
	if was == "Created":
		# From here on the call may have been made: only asking tells.
		refund.mark_as_unknown(**values)
		refund.flags.send = True
	else:
		refund.write(**values)
	return refund


def _must_wait_for_another(refund) -> bool:
	if refund.gateway in WITHOUT_GATEWAY or not adapter_class(refund.gateway).capabilities.one_refund_at_a_time:
		return False
	others = {"capture": refund.capture, "name": ("!=", refund.name), "status": ("in", ("Processing", "Unknown"))}
	return bool(frappe.db.exists("Payment Refund", others))


def _call(refund) -> RefundEvent:
	adapter, request = adapter_of(refund.gateway), request_of(refund)
	if refund.flags.send:
		return call_gateway(refund.gateway, adapter.refund, request)
	refund.flags.asked_only = True
	event = call_gateway(refund.gateway, adapter.refund_status, request)
	if event.outcome is RefundOutcome.NOT_FOUND:
		refund.flags.asked_only = False
		# The gateway has nothing under our key: the same request may go out (again) under the same key.
		return call_gateway(refund.gateway, adapter.refund, request)
	return event


def request_of(refund) -> RefundRequest:
	capture = frappe.get_doc("Payment Capture", refund.capture)
	attempt = frappe.get_doc("Payment Attempt", capture.attempt)
	speed = (settings_of(refund.gateway).refund_speed or "Normal").lower()
	reference: PaymentRef = attempt.payment_ref()
	return RefundRequest(
		payment=reference,
		payment_id=capture.gateway_payment_id,
		amount=quantize(refund.amount, refund.currency),
		currency=refund.currency,
		key=refund.name,
		reason=refund.reason or "",
		speed=speed,
		captured_amount=quantize(capture.amount, capture.currency),
		refund_id=refund.gateway_refund_id or None,
	)


def _refused(refund, error: GatewayRefused):
	"""Only a refusal to refund is final. A refused question tells nothing of the refund, which keeps its balance."""
	if refund.flags.asked_only:
		_wait(refund.name, str(error))
	else:
		record(refund.name, RefundEvent(RefundOutcome.FAILED, key=refund.name, reason=str(error)))


def _wait(name: str, message: str):
	def work():
		refund = lock("Payment Refund", name)
		if refund.status in OPEN:
			refund.write(error_message=message[:500])

	in_transaction(work)


# What the gateway says ----------------------------------------------------------------------------


def record(name: str, event: RefundEvent) -> bool:
	"""Settle what a gateway says of one refund. True when it was news."""
	changed = in_transaction(_record_locked, name, event)
	if changed and event.outcome is not RefundOutcome.PROCESSING:
		afterwards.later("oropendola_payments.engine.reactions.refund_finished", refund=name)
	return changed


def _record_locked(name: str, event: RefundEvent) -> bool:
	invoice = lock("AI Invoice", frappe.db.get_value("Payment Refund", name, "invoice"))
	refund = lock("Payment Refund", name)
	before = refund.status
	ids = {"gateway_refund_id": refund.gateway_refund_id or event.refund_id}
	if event.amount is not None and to_decimal(event.amount) != to_decimal(refund.amount):
		message = _("The gateway refunded {0} instead of {1} under refund {2}.")
		invoice.flag_for_review(message.format(event.amount, refund.amount, refund.name))
	if event.outcome is RefundOutcome.REFUNDED:
		changed = refund.mark_as_refunded(**ids)
	elif event.outcome is RefundOutcome.FAILED:
		changed = refund.mark_as_failed(error_message=(event.reason or _("The gateway could not refund."))[:500], **ids)
	else:
		changed = before in OPEN and refund.mark_as_processing(error_message=None, **ids)
	if changed:
		invoice.record(f"refund_{refund.status.lower()}", refund, before, refund.status, reason=event.reason)
		_book(invoice, refund, before)
		invoice.write()
	return changed


def _book(invoice, refund, before: str):
	"""Balances follow the refund: a failed one frees what it held, a finished one shows on the invoice."""
	capture = lock("Payment Capture", refund.capture)
	held = to_decimal(capture.amount_refunded or 0)
	if refund.status == "Failed":
		capture.write(amount_refunded=held - to_decimal(refund.amount))
		message = _("Refund {0} of {1} {2} failed: {3}")
		invoice.flag_for_review(message.format(refund.name, refund.amount, refund.currency, refund.error_message))
	elif before == "Failed":
		capture.write(amount_refunded=held + to_decimal(refund.amount))
	if refund.status == "Refunded" and capture.credit_from:
		_give_credit_back(capture, to_decimal(refund.amount))
	if refund.status == "Refunded" or before == "Refunded":
		_update_invoice(invoice)


def _give_credit_back(capture, amount: Decimal):
	"""What was paid with credit goes back to the credit, from where it can be spent again or really sent back."""
	source = lock("Payment Capture", capture.credit_from)
	source.write(credit_used=to_decimal(source.credit_used or 0) - amount)


def _update_invoice(invoice):
	refunded = refunded_of_invoice(invoice.name)
	if refunded >= invoice.paid() > 0:
		if invoice.can_move_to("Refunded"):
			invoice.mark_as_refunded(refunded)
			_end_service(invoice)
	elif refunded > 0 and not (invoice.can_move_to("Partly Refunded") and invoice.mark_as_partly_refunded(refunded)):
		invoice.write(amount_refunded=refunded)
	else:
		invoice.write(amount_refunded=refunded)


def refunded_of_invoice(invoice: str) -> Decimal:
	"""How much of what paid the invoice went back for good."""
	total = Decimal(0)
	for row in frappe.get_all("Payment Capture", {"invoice": invoice}, pluck="name"):
		capture = frappe.get_doc("Payment Capture", row)
		amounts = frappe.get_all("Payment Refund", {"capture": row, "status": "Refunded"}, pluck="amount")
		total += capture.refunded_of_applied(sum((to_decimal(a) for a in amounts), Decimal(0)))
	return total


def _end_service(invoice):
	if invoice.fulfilled_on and invoice.subscription:
		take_back(invoice)


def record_notice(gateway: str, event: RefundEvent) -> bool:
	"""A refund told by webhook: ours by key or number, else one made in the provider's dashboard."""
	name = _find(gateway, event)
	if name:
		return record(name, event)
	if event.outcome is RefundOutcome.REFUNDED and event.payment_id and event.amount:
		return _adopt(gateway, event)
	raise NotFound(_("No refund of ours matches this message of the gateway."))


def confirm_notice(gateway: str, event: RefundEvent) -> bool:
	"""As `record_notice`, for a vendor whose word is checked: a refund of ours is asked about instead of believed."""
	name = _find(gateway, event)
	if not name:
		return record_notice(gateway, event)
	told = call_gateway(gateway, adapter_of(gateway).refund_status, request_of(frappe.get_doc("Payment Refund", name)))
	return told.outcome is not RefundOutcome.NOT_FOUND and record(name, told)


def _find(gateway: str, event: RefundEvent) -> str | None:
	if event.key and frappe.db.exists("Payment Refund", {"name": event.key, "gateway": gateway}):
		return event.key
	if event.refund_id:
		return frappe.db.get_value("Payment Refund", {"gateway": gateway, "gateway_refund_id": event.refund_id}, "name")
	return None


def _adopt(gateway: str, event: RefundEvent) -> bool:
	capture = frappe.db.get_value(
		"Payment Capture", {"gateway": gateway, "gateway_payment_id": event.payment_id}, ["name", "invoice"], as_dict=True
	)
	if not capture:
		raise NotFound(_("No payment of ours matches this message of the gateway."))
	name = in_transaction(_adopt_locked, capture, event)
	return record(name, event)


def _adopt_locked(capture, event: RefundEvent) -> str:
	invoice = lock("AI Invoice", capture.invoice)
	key = f"outside:{event.refund_id or fingerprint(event.payment_id, event.amount)}"
	known = frappe.db.get_value("Payment Refund", {"idempotency_key": key}, "name")
	if known:
		return known
	doc = lock("Payment Capture", capture.name)
	if to_decimal(event.amount) > doc.refundable():
		invoice.flag_for_review(_("The gateway refunded {0} that our books do not have left.").format(event.amount))
		raise Conflict(_("The refund is larger than what is left of the payment."))
	refund = open_refund(invoice, doc, to_decimal(event.amount), _("Refunded outside of this app."), key)
	refund.write(gateway_refund_id=event.refund_id)
	invoice.write()
	return refund.name
