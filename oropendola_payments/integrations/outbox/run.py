"""Post what waits: one transaction for each posting, with back-off after an error and a stop when somebody must look.

All postings of the invoice are locked before the documents of the other app, so that a worker and the sweep do not book a sale and
its payment past each other. The invoice comes last: its lock is what customers wait for.
"""

from collections.abc import Callable
from datetime import timedelta

import frappe
from frappe import _
from frappe.utils import cint, now_datetime

from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.payment_event.payment_event import append_to_site
from oropendola_payments.ai_billing.doctype.payment_posting.payment_posting import PaymentPosting
from oropendola_payments.engine.core.batch import for_each
from oropendola_payments.engine.core.transactions import in_transaction, lock, read
from oropendola_payments.exceptions import NotFound, sentence_of
from oropendola_payments.integrations.outbox.types import Made, NeedsAttention, NotYet

Poster = Callable[[PaymentPosting], Made]
# Each kind may need those before it.
ORDER = ("Invoice", "Payment Request", "Document", "Payment", "Credit Note", "Refund", "Payout")
FIRST_WAIT, LATER, MOST_TRIES = 60, 300, 5


def post_due(poster: Poster) -> int:
	"""Post everything that is due, and return how many postings were."""
	due = {"status": "Waiting", "next_try_at": ("<=", now_datetime())}
	return sum(
		for_each("Payment Posting", {**due, "kind": kind}, lambda name: post(name, poster)) for kind in ORDER
	)


def post_all(invoice: str, poster: Poster) -> None:
	"""Post what waits of one invoice, in the order in which one needs the other."""
	rows = frappe.get_all(
		"Payment Posting",
		{"invoice": invoice, "status": "Waiting"},
		["name", "kind"],
		order_by="creation, name",
	)
	for row in sorted(rows, key=lambda row: ORDER.index(row.kind)):
		post(row.name, poster)


def post(name: str, poster: Poster) -> None:
	"""Post one row. What goes wrong is stored on it and never raised, so that one posting does not stop the next."""
	try:
		in_transaction(_post_locked, name, _together_with(name), poster)
	except NotYet as reason:
		in_transaction(_wait, name, str(reason))
	except NeedsAttention as reason:
		in_transaction(_give_up, name, str(reason))
	except Exception as error:
		title = f"Posting {name} failed"
		frappe.log_error(title=title, message=frappe.get_traceback())
		in_transaction(_try_later, name, sentence_of(error)[:500])


def _together_with(name: str) -> list[str]:
	"""Return all postings of the same invoice. Read before the transaction: its first statement takes the locks."""
	invoice = frappe.db.get_value("Payment Posting", name, "invoice")
	return frappe.get_all("Payment Posting", {"invoice": invoice}, pluck="name") if invoice else [name]


def _post_locked(name: str, together: list[str], poster: Poster) -> None:
	# By their names and not by their invoice, so that no gap is locked into which a plan has to insert.
	rows = read("Payment Posting", "`name` IN %s ORDER BY `name` FOR UPDATE", (tuple(together),))
	posting: PaymentPosting = next(row for row in rows if row.name == name)
	if posting.status != "Waiting":
		return
	made = poster(posting)
	posting.mark_as_done(made.document_type, made.document_name)
	_record("posted", posting, "Waiting", document=made.document_name)


def _record(event: str, posting: PaymentPosting, before: str, **details: str) -> None:
	"""Write it into the history of the invoice, or into that of the site for a payout."""
	if not posting.invoice:
		append_to_site(event, posting, from_status=before, to_status=posting.status, **details)
		return
	invoice: AIInvoice = lock("AI Invoice", posting.invoice)
	invoice.record(event, posting, before, posting.status, **details)
	invoice.flush_events()


def _wait(name: str, reason: str) -> None:
	posting = lock("Payment Posting", name)
	if posting.status == "Waiting":
		posting.write(error=reason, next_try_at=now_datetime() + timedelta(seconds=LATER))


def _give_up(name: str, reason: str) -> None:
	posting = lock("Payment Posting", name)
	if posting.status == "Waiting":
		posting.mark_as_needing_attention(reason, tries=cint(posting.tries) + 1)


def _try_later(name: str, reason: str) -> None:
	posting = lock("Payment Posting", name)
	if posting.status != "Waiting":
		return
	tries = cint(posting.tries) + 1
	if tries >= MOST_TRIES:
		posting.mark_as_needing_attention(reason, tries=tries)
	else:
		wait = timedelta(seconds=FIRST_WAIT * 2 ** (tries - 1))
		posting.write(error=reason, tries=tries, next_try_at=now_datetime() + wait)


# What a manager decides ---------------------------------------------------------------------------


def retry(name: str) -> PaymentPosting:
	"""Let a posting that needs attention be posted again."""
	return in_transaction(_retry_locked, _known(name))


def close(name: str, note: str) -> PaymentPosting:
	"""Close a posting that needs attention, because it was booked by hand or will not be."""
	return in_transaction(_close_locked, _known(name), note)


def _known(name: str) -> str:
	if not frappe.db.exists("Payment Posting", name):
		raise NotFound(_("There is no posting {0}.").format(name))
	return name


def _retry_locked(name: str) -> PaymentPosting:
	posting: PaymentPosting = lock("Payment Posting", name)
	posting.mark_as_waiting()
	return posting


def _close_locked(name: str, note: str) -> PaymentPosting:
	posting: PaymentPosting = lock("Payment Posting", name)
	posting.mark_as_closed(note)
	_record("posting_closed", posting, "Needs Attention", note=note)
	return posting
