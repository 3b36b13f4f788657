"""Reviews: clear the review flag of an invoice and keep the reviewer's note."""

import frappe
from frappe import _

from oropendola_payments.engine.core.transactions import in_transaction, lock
from oropendola_payments.exceptions import NotFound


def finish_review(invoice_name: str, note: str) -> dict:
	"""Clear the flag and store the note in the audit trail and on the mismatched captures."""
	if not frappe.db.exists("AI Invoice", invoice_name):
		raise NotFound(_("There is no invoice {0}.").format(invoice_name))
	in_transaction(_finish_locked, invoice_name, note)
	return {"invoice_id": invoice_name}


def _finish_locked(invoice_name: str, note: str) -> None:
	invoice = lock("AI Invoice", invoice_name)
	invoice.record("review_finished", invoice, note=note, reasons=invoice.review_reason)
	mismatches = {"invoice": invoice.name, "disposition": "Mismatch", "note": ("is", "not set")}
	for name in frappe.get_all("Payment Capture", mismatches, pluck="name"):
		lock("Payment Capture", name).write(note=note)
	invoice.write(needs_review=0, review_reason=None)
