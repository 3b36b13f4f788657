"""Create refunds: divide the amount among the captures of an invoice, one refund for each."""

from decimal import Decimal

import frappe
from frappe import _
from frappe.utils import flt

from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.payment_capture.payment_capture import PaymentCapture
from oropendola_payments.engine.core.transactions import in_transaction, lock
from oropendola_payments.engine.entitlements.plan_change import upgrade_over
from oropendola_payments.engine.gateway.idempotency import fingerprint
from oropendola_payments.engine.gateway.simulated import mock_marks_of
from oropendola_payments.engine.refunds.ledger import record
from oropendola_payments.engine.refunds.process import process
from oropendola_payments.engine.refunds.record import CONTESTED, open_refund, refusal_message
from oropendola_payments.engine.wallet.refunds import amount_to_refund
from oropendola_payments.exceptions import Conflict, NotFound, Unprocessable
from oropendola_payments.gateways.base import RefundEvent, RefundOutcome
from oropendola_payments.money import to_decimal


def create_refund(
	invoice_name: str, amount: Decimal | None, reason: str, idempotency_key: str | None = None
) -> dict:
	"""Refund an amount, or all that is left, and return the refund's status. One refund for each capture that is needed."""
	key = f"api:{fingerprint(idempotency_key)}" if idempotency_key else None
	request_hash = fingerprint(invoice_name, amount if amount is None else flt(amount, 9))
	names = in_transaction(_open_once, invoice_name, amount, reason, key, request_hash)
	for name in names:
		process(name)
	first = frappe.db.get_value("Payment Refund", names[0], ["status", "attempt"], as_dict=True)
	answer = {"refund": names[0], "status": first.status, **mock_marks_of(first.attempt)}
	return {**answer, "refunds": names} if len(names) > 1 else answer


def _open_once(
	invoice_name: str, amount: Decimal | None, reason: str, key: str | None, request_hash: str
) -> list[str]:
	invoice = lock("AI Invoice", invoice_name)
	known = key and frappe.db.get_value(
		"Payment Refund", {"idempotency_key": key}, ["name", "request_fingerprint"], as_dict=True
	)
	if known and known.request_fingerprint != request_hash:
		raise Conflict(_("This idempotency key was already used for another refund. Please use a new one."))
	return [known.name] if known else _open_refunds(invoice, amount, reason, key, request_hash)


def _open_refunds(
	invoice: AIInvoice, amount: Decimal | None, reason: str, key: str | None, request_hash: str
) -> list[str]:
	captures = _locked_captures(invoice)
	names, parts = [], _allocate(invoice, captures, amount_to_refund(invoice, amount))
	_require_upgrade_refunded_first(invoice, captures, parts)
	for number, (capture, part) in enumerate(parts, start=1):
		own_key = key and (key if number == 1 else f"{key}:{number}")
		refund = open_refund(invoice, capture, part, reason, own_key)
		refund.write(request_fingerprint=request_hash)
		names.append(refund.name)
	return names


def _require_upgrade_refunded_first(
	invoice: AIInvoice, captures: list[PaymentCapture], parts: list[tuple]
) -> None:
	"""A full refund ends the period, and with it what an upgrade was paid for. Refunds that are under way count."""
	asked = {capture.name: part for capture, part in parts}
	back = sum(
		(c.refunded_of_applied(to_decimal(c.amount_refunded or 0) + asked.get(c.name, 0)) for c in captures),
		Decimal(0),
	)
	upgrade = upgrade_over(invoice.name) if back >= invoice.paid() else None
	if upgrade:
		message = _("An upgrade was paid for the same period. Please refund its invoice {0} first.")
		raise Conflict(message.format(upgrade))


def _locked_captures(invoice: AIInvoice) -> list[PaymentCapture]:
	names = frappe.get_all(
		"Payment Capture", {"invoice": invoice.name}, pluck="name", order_by="creation desc"
	)
	return [lock("Payment Capture", name) for name in names]


def _allocate(invoice: AIInvoice, captures: list[PaymentCapture], amount: Decimal | None) -> list[tuple]:
	"""Return (capture, amount) pairs: one capture that covers the amount, else several, the newest first."""
	if not captures:
		raise Unprocessable(
			_("Nothing was paid for invoice {0}, so there is nothing to refund.").format(invoice.name)
		)
	free = [c for c in captures if c.dispute_state not in CONTESTED and c.refundable() > 0]
	if amount is not None:  # it is in the invoice's currency, unless nothing was paid in that
		free = [c for c in free if c.currency == invoice.currency] or free
	left = sum((c.refundable() for c in free), Decimal(0))
	if not free or (amount or 0) > left:
		raise Unprocessable(refusal_message(free or captures, amount))
	whole = next((c for c in free if amount is not None and c.refundable() >= amount), None)
	return [(whole, amount)] if whole else _split(free, left if amount is None else amount)


def _split(captures: list, amount: Decimal) -> list[tuple]:
	parts = []
	for capture in captures:
		part = min(amount, capture.refundable())
		if part > 0:
			parts.append((capture, part))
			amount -= part
	return parts


def close_manually(name: str, note: str) -> dict:
	"""Mark a refund as failed, after somebody checked at the gateway that it was not made. This releases its balance."""
	if not frappe.db.exists("Payment Refund", name):
		raise NotFound(_("There is no refund {0}.").format(name))
	refund = frappe.get_doc("Payment Refund", name)
	if not refund.can_be_closed():
		message = _("Refund {0} is {1}. Only a refund with an unknown outcome can be closed manually.")
		raise Conflict(message.format(name, _(refund.status)))
	record(name, RefundEvent(RefundOutcome.FAILED, key=name, reason=note), asked_as=refund.status)
	return {"refund": name, "status": frappe.db.get_value("Payment Refund", name, "status")}
