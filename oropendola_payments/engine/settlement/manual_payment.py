"""Manual payments: a manager records a bank transfer or cash. It is settled in the same way as a gateway payment."""

from datetime import date, datetime, time
from decimal import Decimal

import frappe
from frappe import _
from frappe.utils import getdate, now_datetime

from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import OPEN, AIInvoice
from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import PaymentAttempt, new_attempt
from oropendola_payments.ai_billing.formatting import exact_money, money
from oropendola_payments.ai_billing.periods import today
from oropendola_payments.ai_billing.plain_text import line_without_tags
from oropendola_payments.engine.core.transactions import in_transaction, lock
from oropendola_payments.engine.settlement import settle as settlement
from oropendola_payments.engine.settlement.types import Settled
from oropendola_payments.exceptions import BadRequest, Conflict, NotFound
from oropendola_payments.gateways.base import Outcome, PaymentEvent
from oropendola_payments.money import to_minor

GATEWAY = "manual"


def record_payment(
	invoice_name: str, amount: Decimal, reference: str, paid_on: str | date | None, note: str | None
) -> dict:
	"""Record a manual payment. A partial amount makes the invoice Partly Paid; more than is due is refused."""
	if not frappe.db.exists("AI Invoice", invoice_name):
		raise NotFound(_("There is no invoice {0}.").format(invoice_name))
	moment = _moment(paid_on)
	settled = in_transaction(
		_record, invoice_name, amount, line_without_tags(reference.strip()), moment, note
	)
	settlement.follow_up(settled)
	invoice = frappe.get_doc("AI Invoice", invoice_name)
	return {
		"invoice_id": invoice.name,
		"status": invoice.status,
		"amount_paid": invoice.paid(),
		"outstanding_amount": invoice.outstanding(),
		"attempt": settled.attempt,
	}


def _record(
	invoice_name: str, amount: Decimal, reference: str, moment: datetime, note: str | None
) -> Settled:
	invoice = lock("AI Invoice", invoice_name)
	_check(invoice, amount, reference)
	attempt = _attempt(invoice, amount, note)
	event = PaymentEvent(
		Outcome.PAID,
		reference=attempt.name,
		payment_id=reference,
		amount=amount,
		currency=invoice.currency,
		method="manual",
		occurred_at=moment,
		details={"note": note} if note else {},
	)
	settled = settlement.settle_manual_payment(invoice, attempt, event)
	_check_open_orders_now(invoice)
	return settled


def _check_open_orders_now(invoice: AIInvoice) -> None:
	"""Have the reconciler look at the invoice's open orders next: it closes those that would be a second payment."""
	table = frappe.qb.DocType("Payment Attempt")
	query = frappe.qb.update(table).set(table.next_check_at, now_datetime())
	query.where((table.invoice == invoice.name) & (table.status == "Processing")).run()


def _check(invoice: AIInvoice, amount: Decimal, reference: str) -> None:
	if invoice.status not in OPEN:
		raise Conflict(
			_("Invoice {0} is {1}. There is nothing left to pay.").format(invoice.name, _(invoice.status))
		)
	try:
		minor = to_minor(amount, invoice.currency)
	except ValueError:
		raise BadRequest(
			_("{0} has too many decimal places for {1}.").format(
				exact_money(amount, invoice.currency), invoice.currency
			)
		) from None
	if minor <= 0:
		raise BadRequest(_("The amount must be greater than 0."))
	if amount > invoice.outstanding():
		message = _("{0} is more than the {1} that is due. Please record no more than that.")
		due = money(invoice.outstanding(), invoice.currency)
		raise BadRequest(message.format(money(amount, invoice.currency), due))
	known = frappe.db.get_value(
		"Payment Capture", {"gateway": GATEWAY, "gateway_payment_id": reference}, "invoice"
	)
	if known:
		raise Conflict(_("Reference {0} is already recorded for invoice {1}.").format(reference, known))


def _attempt(invoice: AIInvoice, amount: Decimal, note: str | None) -> PaymentAttempt:
	attempt = new_attempt(
		invoice,
		gateway=GATEWAY,
		mode="Manual",
		flow="manual",
		amount=amount,
		request_data=frappe.as_json({"note": note, "recorded_by": frappe.session.user}),
	)
	attempt.add()
	return attempt


def _moment(paid_on: str | date | None) -> datetime:
	try:
		day = getdate(paid_on) if paid_on else today()
	except Exception:
		day = None
	if not day:
		raise BadRequest(_("{0} is not a date. Please write the date as YYYY-MM-DD.").format(paid_on))
	if day > today():
		raise BadRequest(_("The payment date is in the future."))
	return datetime.combine(day, time(12))
