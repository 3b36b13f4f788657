"""Captured money: what it is to the invoice, and how it pays it."""

from decimal import Decimal

import frappe
from frappe import _

from oropendola_payments.ai_billing import records
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import SETTLED
from oropendola_payments.ai_billing.formatting import exact_money, money
from oropendola_payments.engine.core.event_order import local_time
from oropendola_payments.engine.entitlements.fulfilment import fulfil
from oropendola_payments.engine.gateway import polling
from oropendola_payments.engine.settlement import overpayment
from oropendola_payments.engine.settlement.attempt_outcomes import MISMATCH_REASON, close_invoice_if_last
from oropendola_payments.engine.settlement.types import Settled
from oropendola_payments.exceptions import Conflict
from oropendola_payments.gateways.base import PaymentEvent
from oropendola_payments.money import quantize, to_decimal


def take_money(
	invoice,
	attempt,
	event: PaymentEvent,
	result: Settled,
	*,
	look_first: bool = False,
	expected_part: bool = False,
):
	if not event.payment_id or event.amount is None or not event.currency:
		raise Conflict(_("The gateway reports a payment without its number, amount or currency."))
	# An attempt that took nothing so far has nothing to repeat; for the rest there is the unique key.
	may_be_known = attempt.status == "Paid" or look_first
	known = _known_capture(attempt.gateway, event.payment_id) if may_be_known else None
	if known:
		result.capture = known.name
		_compare_with_known(invoice, known, event)
		return
	disposition, applied = _disposition(invoice, attempt, event)
	capture = insert_capture(invoice, attempt, event, disposition, applied)
	_close_as_paid(invoice, attempt, event, disposition)
	if disposition == "Mismatch":
		_put_aside(invoice, attempt, _mismatch_reason(attempt, event))
	else:
		apply_capture(invoice, capture, _details(event), expected_part)
	result.gives_back = bool(capture.resolution)
	result.changed, result.capture, result.disposition = True, capture.name, disposition


def _known_capture(gateway: str, payment_id: str):
	rows = frappe.get_all(
		"Payment Capture",
		{"gateway": gateway, "gateway_payment_id": payment_id},
		["name", "invoice", "attempt", "amount", "currency"],
		limit=1,
	)
	return rows[0] if rows else None


def _compare_with_known(invoice, known, event: PaymentEvent):
	"""The same money cannot pay two invoices, nor be another sum later: say so once, and change nothing."""
	recorded = quantize(known.amount, known.currency)
	if (event.amount, event.currency.upper()) != (recorded, known.currency):
		invoice.flag_for_review(
			_("The gateway now reports {0} for payment {1}, but {2} is recorded here.").format(
				exact_money(event.amount, event.currency), event.payment_id, money(recorded, known.currency)
			)
		)
	if known.invoice != invoice.name:
		invoice.flag_for_review(
			_(
				"The gateway reports payment {0} for this invoice, but it already belongs to invoice {1}."
			).format(known.name, known.invoice)
		)


def _disposition(invoice, attempt, event: PaymentEvent) -> tuple[str, Decimal]:
	"""What this sum of money is to the invoice, and how much of it pays the invoice."""
	if _is_mismatch(attempt, event):
		return "Mismatch", Decimal(0)
	outstanding = invoice.outstanding()
	if invoice.status in (*SETTLED, "Cancelled") or not outstanding:
		return "Duplicate", Decimal(0)
	if event.amount < outstanding:
		return "Short", event.amount
	return ("Applied" if event.amount == outstanding else "Overpaid"), outstanding


def _is_mismatch(attempt, event: PaymentEvent) -> bool:
	another_order = attempt.gateway_order_id and event.order_id and attempt.gateway_order_id != event.order_id
	return bool(another_order) or event.currency.upper() != attempt.currency.upper() or event.amount <= 0


def _put_aside(invoice, attempt, reason: str):
	"""Money that fits nothing waits for a person, and the customer may pay as was asked."""
	invoice.flag_for_review(reason)
	close_invoice_if_last(invoice, attempt, lambda: invoice.mark_as_failed(MISMATCH_REASON))


def _mismatch_reason(attempt, event: PaymentEvent) -> str:
	return _(
		"The gateway took {0} for attempt {1}, which is for {2}. Nothing was applied to the invoice."
	).format(exact_money(event.amount, event.currency), attempt.name, money(attempt.amount, attempt.currency))


def insert_capture(invoice, attempt, event: PaymentEvent, disposition: str, applied: Decimal):
	capture = records.new("Payment Capture")
	capture.update(
		{
			"attempt": attempt.name,
			"invoice": invoice.name,
			"user": invoice.user,
			"gateway": attempt.gateway,
			"gateway_payment_id": event.payment_id,
			"amount": event.amount,
			"currency": event.currency.upper(),
			"captured_at": local_time(event.occurred_at),
			"disposition": disposition,
			"applied_amount": applied,
			"surplus": event.amount - applied,
			"amount_refunded": 0,
			"credit_used": 0,
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


def _close_as_paid(invoice, attempt, event: PaymentEvent, disposition: str):
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


def apply_capture(invoice, capture, response: str | None = None, expected_part: bool = False):
	"""Let the captured money pay the invoice and serve the customer; what is too much is left to the policy.

	A part that nobody asked for is flagged.
	"""
	amount, applied = to_decimal(capture.amount), to_decimal(capture.applied_amount or 0)
	served = True
	if invoice.status == "Cancelled":
		served = _pay_cancelled(invoice, capture)
	elif applied:
		served = _pay(invoice, capture, invoice.paid() + applied, response, expected_part)
	unwanted = amount - applied if served else amount
	if unwanted > 0:
		overpayment.apply_policy(invoice, capture, unwanted)
	if not served:
		overpayment.apply_policy_to_parts(invoice, but=capture.name)


def _pay(invoice, capture, paid: Decimal, response: str | None, expected_part: bool) -> bool:
	"""False when the money served nothing, because what it was for is gone."""
	values = {
		"payment_gateway": capture.gateway,
		"transaction_id": capture.gateway_payment_id,
		"payment_gateway_response": response,
	}
	kept = paid - invoice.paid() + invoice.kept()
	if kept >= invoice.total():
		invoice.mark_as_paid(amount_paid=paid, **values)
		return fulfil(invoice)
	if invoice.status == "Partly Paid":
		invoice.write(amount_paid=paid, outstanding_amount=invoice.total() - kept, **values)
	else:
		if not invoice.can_move_to("Partly Paid"):
			invoice.mark_as_processing()
		invoice.mark_as_partly_paid(paid, **values)
	if not expected_part:
		message = _("{0} was received, which is less than the {1} that was due.")
		received, due = (money(amount, capture.currency) for amount in (capture.amount, invoice.total()))
		invoice.flag_for_review(message.format(received, due))
	return True


def _pay_cancelled(invoice, capture) -> bool:
	"""Money for a cancelled invoice: it is recorded as paid and gives no service."""
	applied = min(to_decimal(capture.amount), invoice.total())
	capture.write(applied_amount=applied)
	invoice.mark_as_paid(
		amount_paid=applied, payment_gateway=capture.gateway, transaction_id=capture.gateway_payment_id
	)
	return False


def _details(event: PaymentEvent) -> str:
	return frappe.as_json({"outcome": event.outcome.value, "payment_id": event.payment_id, **event.details})
