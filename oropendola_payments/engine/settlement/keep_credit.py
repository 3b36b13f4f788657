"""Keep what was paid too much as credit of the customer, where the policy left that to a manager."""

from collections.abc import Iterable

import frappe
from frappe import _

from oropendola_payments.ai_billing.doctype.payment_capture.payment_capture import CONTESTED, PaymentCapture
from oropendola_payments.engine.core.transactions import in_transaction, lock
from oropendola_payments.engine.refunds import ledger
from oropendola_payments.exceptions import Conflict, NotFound
from oropendola_payments.money import to_decimal

UNDECIDED = ("", "Flag")


def undecided(captures: Iterable[PaymentCapture]) -> list[PaymentCapture]:
	"""Return the payments of which something is neither applied nor decided about. Money that a bank may take back is not."""
	return [
		capture
		for capture in captures
		if (capture.resolution or "") in UNDECIDED
		and capture.dispute_state not in CONTESTED
		and not capture.credit_from
		and capture.surplus_left() > 0
	]


def keep(invoice_name: str) -> dict:
	"""Keep all that is undecided of the payments for this invoice. It pays the customer's next invoice in the same currency."""
	if not frappe.db.exists("AI Invoice", invoice_name):
		raise NotFound(_("There is no invoice {0}.").format(invoice_name))
	return {"invoice_id": invoice_name, "kept": in_transaction(_keep_locked, invoice_name)}


def _keep_locked(invoice_name: str) -> list[dict]:
	invoice = lock("AI Invoice", invoice_name)
	if not invoice.user:
		raise Conflict(
			_("This invoice belongs to no user who could spend a credit. Please refund the difference.")
		)
	names = frappe.get_all("Payment Capture", {"invoice": invoice_name}, pluck="name", order_by="creation")
	captures = undecided(lock("Payment Capture", name) for name in names)
	if not captures:
		raise Conflict(_("Nothing of the payments for {0} is waiting for a decision.").format(invoice_name))
	kept = []
	for capture in captures:
		left = capture.surplus_left()
		capture.decide("Credit", surplus=to_decimal(capture.amount) - capture.refundable() + left)
		invoice.record(
			"surplus_decided", capture, to_status="Credit", unwanted=left, currency=capture.currency
		)
		kept.append({"payment": capture.gateway_payment_id, "amount": left, "currency": capture.currency})
	ledger.update_credited(invoice)
	return kept
