"""What a payout moves: which of its parts waits in the books, and where the rest comes from."""

from decimal import Decimal

import frappe
from frappe import _
from frappe.query_builder import DocType
from frappe.query_builder.functions import Sum
from frappe.utils import cint, getdate

from oropendola_payments.ai_billing.doctype.payment_payout.payment_payout import LINE, PaymentPayout
from oropendola_payments.ai_billing.doctype.payment_posting.payment_posting import PaymentPosting
from oropendola_payments.ai_billing.formatting import money as shown
from oropendola_payments.engine.core.transactions import lock
from oropendola_payments.integrations.erpnext.types import PAYMENT, Books, Transfer
from oropendola_payments.integrations.outbox.service_user import as_service_user
from oropendola_payments.integrations.outbox.types import Made, NeedsAttention, NotYet
from oropendola_payments.money import quantize

MONEY = {"Capture": ("Payment", "Payment Request"), "Refund": ("Refund",)}


def post(posting: PaymentPosting, books: Books) -> Made:
	"""Book a payout in the caller's transaction, or raise what keeps it from being booked."""
	payout: PaymentPayout = lock("Payment Payout", posting.payout)
	_require_complete(posting, payout)
	transfer = _transfer(posting, payout)
	if transfer.total != transfer.amount:
		message = _(
			"The parts of payout {0} come to {1} and not to {2}. Please press Check again on the payout."
		)
		raise NeedsAttention(
			message.format(
				payout.gateway_payout_id,
				shown(transfer.total, payout.currency),
				shown(transfer.amount, payout.currency),
			)
		)
	with as_service_user():
		return books.book_payout(transfer)


def _require_complete(posting: PaymentPosting, payout: PaymentPayout) -> None:
	if (payout.content_hash or "") != (posting.source_version or ""):
		raise NotYet(_("The payout has just been corrected."))
	if payout.status != "Balanced":
		message = _("The lines of payout {0} do not add up to its amount. Please import the complete report.")
		raise NeedsAttention(message.format(payout.gateway_payout_id))
	if not payout.checked_on:
		raise NotYet(_("The payout has not been compared with our records yet."))
	filters = {"payout": payout.name, "status": "Open"}
	if count := cint(frappe.db.count("Payment Payout Difference", filters)):
		message = _("Payout {0} has open differences: {1}. Please resolve or accept them.")
		raise NeedsAttention(message.format(payout.gateway_payout_id, count))
	if _has_converted(payout):
		message = _("Payout {0} contains payments in another currency than its own. Please book it by hand.")
		raise NeedsAttention(message.format(payout.gateway_payout_id))


def _has_converted(payout: PaymentPayout) -> bool:
	line = DocType(LINE)
	query = frappe.qb.from_(line).select(line.name).where(line.payout == payout.name)
	query = query.where(line.kind.isin(list(MONEY))).where(line.own_currency != line.currency)
	return bool(query.limit(1).run())


def _transfer(posting: PaymentPosting, payout: PaymentPayout) -> Transfer:
	def exact(value: object) -> Decimal:
		return quantize(value or 0, payout.currency)  # type: ignore[arg-type]

	others = {kind: exact(amount) for kind, amount in payout.sums().items() if kind not in MONEY}
	payments: dict[str, Decimal] = {}
	expected = unbooked = Decimal(0)
	for kind, postings in MONEY.items():
		for row in _parts(payout.name, kind, postings):
			amount = exact(row.amount)
			if row.status == "Waiting":
				raise NotYet(_("Payments of this payout have not been booked yet."))
			if not row.posting:
				unbooked += amount
			elif row.status == "Done" and row.document_type == PAYMENT:
				payments[row.document] = payments.get(row.document, Decimal(0)) + amount
			else:
				expected += amount
	return Transfer(
		key=posting.source_key or "",
		gateway=payout.gateway,
		amount=exact(payout.amount),
		currency=payout.currency,
		reference=payout.bank_reference or payout.gateway_payout_id,
		day=getdate(payout.paid_on or payout.creation),
		payments=payments,
		expected=expected,
		others={**others, "Not Booked": unbooked},
	)


def _parts(payout: str, kind: str, postings: tuple[str, ...]) -> list[frappe._dict]:
	"""Return what the lines of this kind come to by the posting of their payment or refund; without one it was not booked."""
	line, posting = DocType(LINE), DocType("Payment Posting")
	column = kind.lower()
	query = frappe.qb.from_(line).left_join(posting)
	query = query.on((posting[column] == line[column]) & posting.kind.isin(list(postings)))
	query = query.where(line.payout == payout).where(line.kind == kind)
	query = query.groupby(posting.name, posting.status, posting.document_type, posting.document_name)
	return query.select(
		posting.name.as_("posting"),
		posting.status,
		posting.document_type,
		posting.document_name.as_("document"),
		Sum(line.amount).as_("amount"),
	).run(as_dict=True)
