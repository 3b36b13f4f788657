"""Tax document jobs: issue what is due, and keep PDFs. Payments and emails do the same at once; this closes the gap after a crash."""

import frappe
from frappe.utils import add_to_date, now_datetime

from oropendola_payments.ai_billing.doctype.payment_event.payment_event import acting_as
from oropendola_payments.engine.core.batch import enqueue_sweep, for_each
from oropendola_payments.engine.documents import rendering, sweep
from oropendola_payments.engine.notifications import hooks, untold

THIS = "oropendola_payments.engine.jobs.document_jobs"
PDF_DAYS = 7


def issue_documents() -> None:
	enqueue_sweep(f"{THIS}.run_documents")


def run_documents() -> int:
	"""Issue every document that is due, email it and those that a crash left unsent, and make the PDFs that could not be made before."""
	with acting_as("Sweep"):
		done = for_each("AI Invoice", sweep.DUE, hooks.issue_documents)
		for invoice, numbers in untold.unsent_documents().items():
			hooks.documents_issued(invoice, numbers)
	if rendering.can_make_pdf():
		recent = {
			"pdf_hash": ("is", "not set"),
			"creation": (">=", add_to_date(now_datetime(), days=-PDF_DAYS)),
		}
		for name in frappe.get_all("AI Tax Document", recent, pluck="name", limit=500):
			rendering.keep_pdf(name)
	return done
