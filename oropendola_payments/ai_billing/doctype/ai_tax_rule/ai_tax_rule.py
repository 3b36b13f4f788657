from string import Formatter

import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import cint, getdate

from oropendola_payments.ai_billing.doctype.payment_event.payment_event import append_to_site
from oropendola_payments.ai_billing.places import country_code, indian_state
from oropendola_payments.money import to_decimal

PLACEHOLDERS = {"lut", "seller_id", "buyer_id"}
HALVES = ("CGST", "SGST", "UTGST")


class AITaxRule(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		from oropendola_payments.ai_billing.doctype.ai_tax_rule_line.ai_tax_rule_line import AITaxRuleLine

		buyer_country: DF.Link | None
		buyer_group: DF.Literal["", "Abroad", "EU", "Union Territory"]
		buyer_registered: DF.Literal["Any", "No", "Yes", "Confirmed"]
		buyer_state: DF.Data | None
		buyer_zone: DF.Literal["Any", "Ordinary", "SEZ"]
		currency_class: DF.Literal["Any", "Domestic", "Foreign"]
		data_set: DF.Data | None
		enabled: DF.Check
		lines: DF.Table[AITaxRuleLine]
		lut: DF.Literal["Any", "Valid", "Not Valid"]
		note: DF.SmallText | None
		priority: DF.Int
		product_kind: DF.Data | None
		same_state: DF.Literal["Any", "Same", "Other"]
		seller_country: DF.Link | None
		seller_established: DF.Literal["Any", "Here", "Elsewhere"]
		seller_scheme: DF.Literal["", "GST", "VAT", "EU OSS", "Sales Tax", "Other"]
		seller_state: DF.Data | None
		title: DF.Data
		treatment: DF.Data
		valid_from: DF.Date | None
		valid_to: DF.Date | None
	# end: auto-generated types

	def validate(self) -> None:
		self.validate_dates()
		self.validate_states()
		self.validate_note()
		self.validate_rates()

	def validate_dates(self) -> None:
		if self.valid_from and self.valid_to and getdate(self.valid_from) > getdate(self.valid_to):
			labels = [_(self.meta.get_label(field)) for field in ("valid_to", "valid_from")]
			frappe.throw(_("{0} is before {1}. Please correct the dates.").format(*labels))

	def validate_states(self) -> None:
		for side in ("seller", "buyer"):
			country, state = self.get(f"{side}_country"), self.get(f"{side}_state")
			if state and not country:
				frappe.throw(_("Please choose the country of {0}.").format(state))
			if state and country_code(country) == "IN":
				self.update({f"{side}_state": indian_state(state)})

	def validate_note(self) -> None:
		try:
			names = {name for _text, name, *_rest in Formatter().parse(self.note or "") if name is not None}
		except ValueError:
			names = {""}
		if not names <= PLACEHOLDERS:
			message = _("The note can contain {0}, and nothing else in curly brackets.")
			frappe.throw(message.format(", ".join(f"{{{name}}}" for name in sorted(PLACEHOLDERS))))

	def validate_rates(self) -> None:
		"""Refuse rates that could take more than the price, and unequal halves of GST."""
		rates = [to_decimal(row.rate or 0) for row in self.lines]
		if any(rate < 0 for rate in rates) or sum(rates) > 100:
			frappe.throw(_("The rates of a rule must be between 0 and 100 together."))
		halves = {to_decimal(row.rate or 0) for row in self.lines if row.label in HALVES}
		if len(halves) > 1:
			frappe.throw(_("The two halves of GST must have the same rate."))

	def on_update(self) -> None:
		lines = [f"{row.label} {to_decimal(row.rate or 0).normalize():f}" for row in self.lines]
		append_to_site("tax_rule_saved", self, enabled=cint(self.enabled), lines=lines)

	def on_trash(self) -> None:
		append_to_site("tax_rule_deleted", self)
