from typing import TYPE_CHECKING, Any

import frappe
from frappe import _
from frappe.utils import now_datetime

from oropendola_payments.ai_billing import records
from oropendola_payments.ai_billing.records import StatefulRecord
from oropendola_payments.compat import add_index
from oropendola_payments.exceptions import Conflict

if TYPE_CHECKING:
	from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice

TRANSITIONS = {
	"Waiting": {"Done", "Needs Attention"},
	"Needs Attention": {"Waiting", "Closed"},
	# A bank rejected a refund after it was booked, or a payout was corrected.
	"Done": {"Needs Attention", "Waiting"},
	# A refund that had failed was made after all.
	"Closed": {"Needs Attention"},
}


class PaymentPosting(StatefulRecord):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		amount: DF.Currency
		capture: DF.Link | None
		currency: DF.Data | None
		document_name: DF.Data | None
		document_type: DF.Data | None
		error: DF.SmallText | None
		invoice: DF.Link | None
		kind: DF.Literal[
			"Document", "Payment Request", "Invoice", "Payment", "Credit Note", "Refund", "Payout"
		]
		next_try_at: DF.Datetime | None
		note: DF.SmallText | None
		payout: DF.Link | None
		posted_on: DF.Datetime | None
		refund: DF.Link | None
		source_key: DF.Data | None
		source_version: DF.Data | None
		status: DF.Literal["Waiting", "Done", "Needs Attention", "Closed"]
		tries: DF.Int
		user: DF.Link | None
	# end: auto-generated types

	transitions = TRANSITIONS
	first_status = "Waiting"
	system_fields = (
		"kind",
		"invoice",
		"capture",
		"refund",
		"payout",
		"user",
		"amount",
		"currency",
		"document_type",
		"document_name",
		"posted_on",
		"error",
		"note",
		"tries",
		"next_try_at",
		"source_key",
		"source_version",
	)

	def mark_as_done(self, document_type: str, document_name: str) -> bool:
		return self._move_to(
			"Done",
			document_type=document_type,
			document_name=document_name,
			posted_on=now_datetime(),
			next_try_at=None,
			error=None,
		)

	def mark_as_needing_attention(self, error: str, **values: Any) -> bool:
		return self._move_to("Needs Attention", error=error, next_try_at=None, **values)

	def mark_as_waiting(self) -> bool:
		"""Try again from the start, after somebody removed the cause."""
		self._require_attention()
		return self._move_to("Waiting", tries=0, next_try_at=now_datetime())

	def mark_as_changed(self, **values: Any) -> bool:
		"""Book anew what was booked of something that changed since."""
		return self._move_to("Waiting", tries=0, next_try_at=now_datetime(), **values)

	def mark_as_closed(self, note: str) -> bool:
		"""For what somebody booked by hand, or will not book."""
		self._require_attention()
		return self._move_to("Closed", note=note)

	def _require_attention(self) -> None:
		if self.status != "Needs Attention":
			message = _("Posting {0} is {1}. Only one that needs attention can be posted again or closed.")
			frappe.throw(message.format(self.name, _(self.status)), Conflict)


def new_posting(invoice: "AIInvoice | None", kind: str, source_key: str, **values: Any) -> PaymentPosting:
	"""Insert a posting, which belongs to an invoice or to a payout. DuplicateEntryError if its source has one already."""
	posting = records.new("Payment Posting")
	posting.update(
		{
			"kind": kind,
			"status": "Waiting",
			"invoice": invoice.name if invoice else None,
			"user": invoice.user if invoice else None,
			"source_key": source_key,
			"tries": 0,
			"next_try_at": now_datetime(),
			**values,
		}
	)
	posting.add()
	return posting


def on_doctype_update() -> None:
	add_index("Payment Posting", ["status", "next_try_at"])
