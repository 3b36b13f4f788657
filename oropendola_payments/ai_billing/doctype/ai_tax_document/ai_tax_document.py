"""A tax invoice or credit note: inserted once with its legal number, then never changed, by nobody.

The content is kept as canonical JSON, and its hash is in the audit trail of the invoice. The columns and lines repeat it for lists
and reports. What happens to the document later (its PDF, its email) stands in columns of its own, each written once.
"""

import json
from typing import Any

import frappe
from frappe import _

from oropendola_payments.ai_billing import document_page, formatting
from oropendola_payments.ai_billing.records import FrozenRecord
from oropendola_payments.compat import add_index
from oropendola_payments.exceptions import DocumentIsFrozen

LINE = "AI Tax Document Line"


class AITaxDocument(FrozenRecord):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		from oropendola_payments.ai_billing.doctype.ai_tax_document_line.ai_tax_document_line import (
			AITaxDocumentLine,
		)

		buyer_country: DF.Data | None
		buyer_name: DF.Data | None
		buyer_tax_id: DF.Data | None
		content: DF.Code | None
		content_hash: DF.Data | None
		currency: DF.Link
		exchange_rate: DF.Data | None
		financial_year: DF.Data | None
		home_currency: DF.Data | None
		home_total: DF.Currency
		invoice: DF.Link
		issue_date: DF.Date
		kind: DF.Literal["Invoice", "Credit Note"]
		lines: DF.Table[AITaxDocumentLine]
		mailed_on: DF.Datetime | None
		mailed_to: DF.Data | None
		net_amount: DF.Currency
		number_in_series: DF.Int
		original: DF.Link | None
		pdf_file: DF.Data | None
		pdf_hash: DF.Data | None
		place_of_supply: DF.Data | None
		reason: DF.SmallText | None
		refund: DF.Link | None
		registration: DF.Link
		seller_name: DF.Data | None
		seller_tax_id: DF.Data | None
		series: DF.Data | None
		source_key: DF.Data | None
		tax_amount: DF.Currency
		title: DF.Data | None
		total_amount: DF.Currency
		treatment: DF.Data | None
		untold: DF.Check
		user: DF.Link
	# end: auto-generated types

	def facts(self) -> dict:
		"""Return the frozen content."""
		return json.loads(self.content or "{}")

	def printed(self) -> dict:
		"""Return the texts of the print format."""
		with formatting.in_language(document_page.LANGUAGE):
			return document_page.printed(self.facts())

	def add_with_lines(self, lines: list[dict]) -> None:
		"""Insert the document and its lines with two SQL statements. DuplicateEntryError if its source has a document already."""
		self.update({"pdf_hash": "", "mailed_to": "", "untold": 1})
		self.add()
		stamp = (self.owner, self.owner, self.creation, self.creation, 0, self.name, "lines", self.doctype)
		rows = [
			(f"{self.name}-{number}", *stamp, number, *(line.get(field) for field in LINE_FIELDS))
			for number, line in enumerate(lines, start=1)
		]
		frappe.db.bulk_insert(LINE, [*STAMP_FIELDS, *LINE_FIELDS], rows)

	def keep_pdf(self, file: str, digest: str) -> bool:
		"""Store where the PDF is, once. Return False if there is one already."""
		return self._update_row({"pdf_file": file, "pdf_hash": digest}, only_if={"pdf_hash": ""})

	def note_mail(self, address: str, at: Any) -> bool:
		"""Store the first email, once."""
		return self._update_row({"mailed_to": address, "mailed_on": at}, only_if={"mailed_to": ""})

	def mark_as_told(self) -> bool:
		"""Return False if another email brings the document, or there was nothing to send."""
		return self._update_row({"untold": 0}, only_if={"untold": 1})

	def refuse(self) -> None:
		message = _(
			"Tax documents cannot be written, changed or deleted. Please correct one with a credit note."
		)
		frappe.throw(message, DocumentIsFrozen)


STAMP_FIELDS = (
	"name",
	"owner",
	"modified_by",
	"creation",
	"modified",
	"docstatus",
	"parent",
	"parentfield",
	"parenttype",
	"idx",
)
LINE_FIELDS = ("kind", "label", "code", "rate", "base_amount", "amount", "currency", "account_hint")


def on_doctype_update() -> None:
	add_index("AI Tax Document", ["registration", "issue_date"])
