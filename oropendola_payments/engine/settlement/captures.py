"""Captures: choose the disposition of captured money, store it and apply it to the invoice."""

from decimal import Decimal

import frappe
from frappe import _

from oropendola_payments.ai_billing import records
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import SETTLED, AIInvoice
from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import PaymentAttempt
from oropendola_payments.ai_billing.doctype.payment_capture.payment_capture import PaymentCapture
from oropendola_payments.ai_billing.formatting import exact_money, money
from oropendola_payments.engine.core.event_order import local_time
from oropendola_payments.engine.entitlements.covered_days import cover
from oropendola_payments.engine.entitlements.fulfilment import fulfil
from oropendola_payments.engine.gateway import polling
from oropendola_payments.engine.parts import schedule
from oropendola_payments.engine.settlement import overpayment
from oropendola_payments.engine.settlement.attempt_outcomes import MISMATCH_REASON, close_invoice_if_last
from oropendola_payments.engine.settlement.types import Settled
from oropendola_payments.engine.wallet.refunds import follow_money
from oropendola_payments.exceptions import Conflict
from oropendola_payments.gateways.base import PaymentEvent
from oropendola_payments.money import quantize, to_decimal


def take_money(
	invoice: AIInvoice,
	attempt: PaymentAttempt,
	event: PaymentEvent,
	result: Settled,
	*,
	after_duplicate_key: bool = False,
	expected_part: bool = False,
) -> None:
	if not event.payment_id or event.amount is None or not event.currency:
		raise Conflict(_("The gateway reports a payment without its number, amount or currency."))
	# An unpaid attempt has no capture yet, so skip the query: the unique key catches a duplicate from another attempt.
	may_be_known = attempt.status == "Paid" or after_duplicate_key
	known = _known_capture(attempt.gateway, event.payment_id) if may_be_known else None
	if known:
		result.capture = known.name
		_compare_with_known(invoice, known, event)
		return
	expected_part = expected_part or _is_expected_part(invoice, attempt, event)
	disposition, applied = _disposition(invoice, attempt, event, expected_part)
	capture = insert_capture(invoice, attempt, event, disposition, applied)
	_close_as_paid(invoice, attempt, event, disposition)
	if disposition == "Mismatch":
		_flag_mismatch(invoice, attempt, _mismatch_reason(attempt, event))
	else:
		apply_capture(invoice, capture, _details(event), expected_part, event.may_include_fee)
		close_invoice_if_last(invoice, attempt)  # a duplicate may be the last of several parts that were open
	result.policy_applied = bool(capture.resolution)
	result.changed, result.capture, result.disposition = True, capture.name, disposition


def _known_capture(gateway: str, payment_id: str) -> frappe._dict | None:
	rows = frappe.get_all(
		"Payment Capture",
		{"gateway": gateway, "gateway_payment_id": payment_id},
		["name", "invoice", "attempt", "amount", "currency"],
		limit=1,
	)
	return rows[0] if rows else None


def _compare_with_known(invoice: AIInvoice, known: frappe._dict, event: PaymentEvent) -> None:
	"""Flag for review when a recorded payment is reported for another invoice or with another amount. Change no money."""
	recorded = quantize(known.amount, known.currency)
	if (_amount(event), _currency(event)) != (recorded, known.currency):
		invoice.flag_for_review(
			_("The gateway now reports {0} for payment {1}, but {2} is recorded here.").format(
				exact_money(_amount(event), _currency(event)),
				event.payment_id,
				money(recorded, known.currency),
			)
		)
	if known.invoice != invoice.name:
		invoice.flag_for_review(
			_(
				"The gateway reports payment {0} for this invoice, but it already belongs to invoice {1}."
			).format(known.name, known.invoice)
		)


def _is_expected_part(invoice: AIInvoice, attempt: PaymentAttempt, event: PaymentEvent) -> bool:
	"""Return whether exactly the part arrived that the customer had chosen to pay, and still has.

	Nothing asks for the rest of an invoice that is no longer paid in parts, or closes it, so somebody has to look.
	"""
	chosen = bool(attempt.is_part) and invoice.paid_in_parts()
	return chosen and _amount(event) == to_decimal(attempt.amount)


def _disposition(
	invoice: AIInvoice, attempt: PaymentAttempt, event: PaymentEvent, expected_part: bool
) -> tuple[str, Decimal]:
	"""Return the disposition of this payment and how much of it is applied to the invoice."""
	if _is_mismatch(attempt, event):
		return "Mismatch", Decimal(0)
	amount, outstanding = _amount(event), invoice.outstanding()
	if invoice.status in (*SETTLED, "Cancelled") or not outstanding or _is_part_paid(invoice, attempt):
		return "Duplicate", Decimal(0)
	if amount < outstanding:
		return ("Applied" if expected_part else "Short"), amount
	return ("Applied" if amount == outstanding else "Overpaid"), outstanding


def _is_part_paid(invoice: AIInvoice, attempt: PaymentAttempt) -> bool:
	"""Return whether this part of the invoice was paid before: inside the same order, or by another attempt for it."""
	if not attempt.is_part or invoice.paid() <= quantize(attempt.paid_before or 0, attempt.currency):
		return False
	if attempt.status == "Paid" and _applied_of(attempt) >= to_decimal(attempt.amount):
		return True
	same = {
		"invoice": invoice.name,
		"is_part": 1,
		"amount": attempt.amount,
		"paid_before": attempt.paid_before,
	}
	return bool(frappe.db.exists("Payment Attempt", {**same, "name": ("!=", attempt.name), "status": "Paid"}))


def _applied_of(attempt: PaymentAttempt) -> Decimal:
	amounts = frappe.get_all("Payment Capture", {"attempt": attempt.name}, pluck="applied_amount")
	return sum((to_decimal(amount or 0) for amount in amounts), Decimal(0))


def _is_mismatch(attempt: PaymentAttempt, event: PaymentEvent) -> bool:
	another_order = attempt.gateway_order_id and event.order_id and attempt.gateway_order_id != event.order_id
	return bool(another_order) or _currency(event) != attempt.currency.upper() or _amount(event) <= 0


def _flag_mismatch(invoice: AIInvoice, attempt: PaymentAttempt, reason: str) -> None:
	"""Flag the mismatch for review, and let the customer pay the invoice again."""
	invoice.flag_for_review(reason)
	close_invoice_if_last(invoice, attempt, lambda: invoice.mark_as_failed(MISMATCH_REASON))


def _mismatch_reason(attempt: PaymentAttempt, event: PaymentEvent) -> str:
	return _(
		"The gateway took {0} for attempt {1}, which is for {2}. Nothing was applied to the invoice."
	).format(
		exact_money(_amount(event), _currency(event)), attempt.name, money(attempt.amount, attempt.currency)
	)


def insert_capture(
	invoice: AIInvoice,
	attempt: PaymentAttempt | frappe._dict,
	event: PaymentEvent,
	disposition: str,
	applied: Decimal,
) -> PaymentCapture:
	capture = records.new("Payment Capture")
	capture.update(
		{
			"attempt": attempt.name,
			"invoice": invoice.name,
			"user": invoice.user,
			"gateway": attempt.gateway,
			"gateway_payment_id": event.payment_id,
			"amount": _amount(event),
			"currency": _currency(event),
			"captured_at": local_time(event.occurred_at),
			"disposition": disposition,
			"applied_amount": applied,
			"surplus": _amount(event) - applied,
			"amount_refunded": 0,
			"credit_used": 0,
			"untold": int(attempt.gateway != "credit"),  # no mail is sent about credit that was spent
		}
	)
	capture.add()
	invoice.record(
		"money_captured",
		capture,
		to_status=disposition,
		amount=event.amount,
		currency=event.currency,
		applied=applied,
	)
	return capture


def _close_as_paid(
	invoice: AIInvoice, attempt: PaymentAttempt, event: PaymentEvent, disposition: str
) -> None:
	values = {"payment_method": event.method or attempt.payment_method, "response_data": _details(event)}
	if attempt.status == "Paid":  # a second payment inside the same order
		attempt.write(**values)
		return
	before = attempt.status
	attempt.mark_as_paid(
		gateway_payment_id=event.payment_id,
		gateway_order_id=attempt.gateway_order_id or event.order_id,
		error_code="mismatch" if disposition == "Mismatch" else None,
		error_message=None,
		next_check_at=polling.next_check_after_payment(attempt),
		**values,
	)
	invoice.record("attempt_paid", attempt, before, "Paid")


def apply_capture(
	invoice: AIInvoice,
	capture: PaymentCapture,
	response: str | None = None,
	expected_part: bool = False,
	may_include_fee: bool = False,
) -> None:
	"""Pay the invoice with a capture and grant the service. The double-payment policy decides about any excess.

	A partial payment is flagged for review unless `expected_part`.
	"""
	amount, applied = to_decimal(capture.amount), to_decimal(capture.applied_amount or 0)
	served = True
	if invoice.status == "Cancelled":
		served = _pay_cancelled(invoice, capture)
		applied = to_decimal(capture.applied_amount or 0)
	elif applied:
		served = _pay(invoice, capture, invoice.paid() + applied, response, expected_part)
	unwanted = amount - applied + _price_drop(invoice, amount) if served else amount
	if unwanted > 0:
		overpayment.apply_policy(invoice, capture, unwanted, may_include_fee and served)
	if not served and not invoice.covered_days:
		overpayment.apply_policy_to_parts(invoice, excluding=capture.name)


def _price_drop(invoice: AIInvoice, most: Decimal) -> Decimal:
	"""Return what a late payment for a change of plan was too much, because fewer days were left."""
	drop = invoice.flags.price_drop or Decimal(0)
	if drop > most:
		invoice.flag_for_review(_("The payment came late and was too much. Please send the rest back."))
	return min(drop, most)


def _pay(
	invoice: AIInvoice, capture: PaymentCapture, paid: Decimal, response: str | None, expected_part: bool
) -> bool:
	"""Record the payment on the invoice. Return False if the service can no longer be granted."""
	values = {
		"payment_gateway": capture.gateway,
		"transaction_id": capture.gateway_payment_id,
		"payment_gateway_response": response,
	}
	counted = paid - invoice.paid() + invoice.counted()
	if counted >= invoice.total():
		with invoice.joined_writes():
			invoice.mark_as_paid(amount_paid=paid, **values)
			return _fulfil(invoice, capture)
	if invoice.status == "Partly Paid":
		invoice.write(amount_paid=paid, outstanding_amount=invoice.total() - counted, **values)
	else:
		if not invoice.can_move_to("Partly Paid"):
			invoice.mark_as_processing()
		invoice.mark_as_partly_paid(paid, **values)
	if not expected_part:
		message = _("{0} was received, which is less than the {1} that was due.")
		received, due = (money(amount, capture.currency) for amount in (capture.amount, invoice.total()))
		invoice.flag_for_review(message.format(received, due))
	return _serve_part(invoice, capture)


def _fulfil(invoice: AIInvoice, capture: PaymentCapture) -> bool:
	served = fulfil(invoice)
	if to_decimal(capture.applied_amount or 0) < invoice.total():
		follow_money(invoice)  # an earlier part may be disputed, or on its way back
	if invoice.instalment_plan:
		schedule.sync(invoice, capture.name)
	if invoice.covered_days and invoice.amount_refunded:
		invoice.mark_as_partly_refunded(to_decimal(invoice.amount_refunded))
	return served


def _serve_part(invoice: AIInvoice, capture: PaymentCapture) -> bool:
	"""Grant the days that a part buys. Credit that was spent on a new invoice starts nothing before the customer pays."""
	served = not invoice.buys_days() or capture.gateway == "credit" or cover(invoice)
	if invoice.instalment_plan:
		schedule.sync(invoice, capture.name)
	return served


def _pay_cancelled(invoice: AIInvoice, capture: PaymentCapture) -> bool:
	"""Mark a cancelled invoice as paid. Only a change of plan whose time ran out is still granted, if it fits."""
	applied = min(to_decimal(capture.amount), invoice.total())
	capture.write(applied_amount=applied)
	invoice.mark_as_paid(
		amount_paid=applied, payment_gateway=capture.gateway, transaction_id=capture.gateway_payment_id
	)
	return applied == invoice.total() and bool(invoice.expires_at) and fulfil(invoice)


def _amount(event: PaymentEvent) -> Decimal:
	"""Return the amount of an event, whose presence was checked before."""
	return to_decimal(event.amount)


def _currency(event: PaymentEvent) -> str:
	return (event.currency or "").upper()


def _details(event: PaymentEvent) -> str:
	return frappe.as_json({"outcome": event.outcome.value, "payment_id": event.payment_id, **event.details})
