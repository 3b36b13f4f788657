import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import getdate

from oropendola_payments.ai_billing import tax_ids
from oropendola_payments.ai_billing.doctype.payment_event.payment_event import append_to_site
from oropendola_payments.ai_billing.places import EU, country_code, indian_state

ALWAYS = getdate("9999-12-31")


class AITaxRegistration(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		address: DF.SmallText | None
		country: DF.Link
		country_code: DF.Data | None
		document_prefix: DF.Data | None
		legal_name: DF.Data | None
		lut_from: DF.Date | None
		lut_number: DF.Data | None
		lut_to: DF.Date | None
		number: DF.Data
		scheme: DF.Literal["GST", "VAT", "EU OSS", "Sales Tax", "Other"]
		service_code: DF.Data | None
		state: DF.Data | None
		valid_from: DF.Date
		valid_to: DF.Date | None
	# end: auto-generated types

	def validate(self) -> None:
		self.country_code = country_code(self.country)
		self.validate_dates()
		self.validate_scheme()
		self.validate_lut()
		self.validate_others()

	def validate_dates(self) -> None:
		for first, last in (("valid_from", "valid_to"), ("lut_from", "lut_to")):
			if self.get(last) and getdate(self.get(first) or self.get(last)) > getdate(self.get(last)):
				labels = [_(self.meta.get_label(field)) for field in (last, first)]
				frappe.throw(_("{0} is before {1}. Please correct the dates.").format(*labels))

	def validate_scheme(self) -> None:
		"""Check the number as far as its form is known, and store it as its authority writes it."""
		if self.scheme == "GST" and self.country_code == "IN":
			self.state = indian_state(self.state or self.number[:2])
			self.number = tax_ids.check_gstin(self.number, self.state)
		elif self.scheme == "EU OSS":
			if self.country_code not in EU:
				frappe.throw(_("Please choose the member state where you registered for the One-Stop Shop."))
			self.number = tax_ids.check_oss(self.number)
		elif self.scheme == "VAT":
			self.number = tax_ids.check(self.number, self.country_code or "", self.state).number

	def validate_lut(self) -> None:
		if self.lut_number and not (self.lut_from and self.lut_to):
			frappe.throw(
				_("A letter of undertaking is valid for one financial year. Please enter its dates.")
			)

	def validate_others(self) -> None:
		"""Refuse a second registration for the same country, scheme and time: it would be unclear which one sells."""
		same = {"country": self.country, "scheme": self.scheme, "name": ("!=", self.name or "")}
		for other in frappe.get_all(self.doctype, same, ["number", "valid_from", "valid_to"]):
			starts_before_end = getdate(self.valid_from) <= getdate(other.valid_to or ALWAYS)
			if starts_before_end and getdate(other.valid_from) <= getdate(self.valid_to or ALWAYS):
				message = _(
					"Registration {0} is for the same country, scheme and time. Please enter its last day first."
				)
				frappe.throw(message.format(other.number))

	def on_update(self) -> None:
		append_to_site(
			"tax_registration_saved",
			self,
			number=self.number,
			valid_from=self.valid_from,
			valid_to=self.valid_to,
		)
