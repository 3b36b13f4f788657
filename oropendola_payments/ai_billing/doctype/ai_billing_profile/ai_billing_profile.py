import frappe
from frappe import _
from frappe.utils import escape_html, now_datetime, validate_email_address

from oropendola_payments.ai_billing.doctype.payment_event.payment_event import append_to_site
from oropendola_payments.ai_billing.formatting import is_language
from oropendola_payments.ai_billing.places import country_code, indian_state, state_of_gstin
from oropendola_payments.ai_billing.plain_text import values_without_tags
from oropendola_payments.ai_billing.records import SystemRecord
from oropendola_payments.ai_billing.tax_ids import check
from oropendola_payments.exceptions import Conflict, Unprocessable

TYPED = (
	"legal_name", "billing_email", "language", "po_reference", "address_line1", "address_line2", "city", "pincode", "state",
	"tax_id",
)  # fmt: skip
KINDS = ("Person", "Company")
# A confirmation says that this number belongs to this company there.
CONFIRMED_FIELDS = ("tax_id", "country", "legal_name")


class AIBillingProfile(SystemRecord):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		address_line1: DF.Data | None
		address_line2: DF.Data | None
		billing_email: DF.Data | None
		city: DF.Data | None
		country: DF.Link | None
		gst_category: DF.Literal["", "Unregistered", "Registered Regular", "SEZ", "Overseas"]
		kind: DF.Literal["Person", "Company"]
		language: DF.Data | None
		legal_name: DF.Data | None
		pincode: DF.Data | None
		po_reference: DF.Data | None
		state: DF.Data | None
		tax_id: DF.Data | None
		tax_id_check_reference: DF.Data | None
		tax_id_checked_on: DF.Datetime | None
		tax_id_status: DF.Literal["", "Format Checked", "Confirmed", "Rejected", "Unchecked"]
		tax_id_type: DF.Literal["", "GSTIN", "EU VAT", "GB VAT", "Other"]
		user: DF.Link
	# end: auto-generated types

	system_fields = ("tax_id_type", "tax_id_status", "tax_id_checked_on", "tax_id_check_reference")

	def before_insert(self) -> None:
		"""Reset what only a check may say, whatever was entered."""
		self.update(dict.fromkeys(self.system_fields))

	def validate(self) -> None:
		self.validate_system_fields()
		self.tidy()
		self.validate_country()
		self.validate_tax_id()
		self.set_gst_category()

	def tidy(self) -> None:
		typed = {field: " ".join((self.get(field) or "").split()) or None for field in TYPED}
		self.update(values_without_tags(self.doctype, typed))
		self.kind = self.kind or "Person"
		if self.kind not in KINDS:
			raise Unprocessable(
				_("{0} is not possible here. Please choose one of: {1}.").format(
					escape_html(self.kind), ", ".join(KINDS)
				)
			)
		if self.language and not is_language(self.language):
			raise Unprocessable(
				_("There is no language {0}. Please use a code such as en or hi.").format(
					escape_html(self.language)
				)
			)
		if self.billing_email and not validate_email_address(self.billing_email):
			raise Unprocessable(
				_("{0} is not an email address. Please check it.").format(escape_html(self.billing_email))
			)

	def validate_country(self) -> None:
		if not self.country:
			self.state = None
		elif country_code(self.country) == "IN" and self.state:
			self.state = indian_state(self.state)

	def validate_tax_id(self) -> None:
		"""Check the tax id and store it as its authority writes it. A confirmation is about one company at one number."""
		if not self.tax_id:
			self.before_insert()
			return
		if not self.country:
			raise Unprocessable(_("Please choose the country of the tax ID."))
		code = country_code(self.country)
		found = check(self.tax_id, code, self.state)
		self.tax_id = found.number
		if code == "IN" and not self.state:
			self.state = state_of_gstin(found.number)
		if not self.tax_id_status or any(self.has_value_changed(field) for field in CONFIRMED_FIELDS):
			self.update({**dict.fromkeys(self.system_fields), "tax_id_type": found.kind})
			self.tax_id_status = found.status

	def set_gst_category(self) -> None:
		if country_code(self.country) != "IN":
			self.gst_category = "Overseas" if self.country else ""
		elif not self.tax_id:
			self.gst_category = "Unregistered"
		elif self.gst_category != "SEZ" or self.is_of_an_earlier_number():
			self.gst_category = "Registered Regular"

	def is_of_an_earlier_number(self) -> bool:
		"""Return whether the zone was confirmed for another number than the one that is entered now."""
		return self.has_value_changed("tax_id") and not self.has_value_changed("gst_category")

	def on_update(self) -> None:
		before = self.get_doc_before_save()
		changed = [name for name in self.shown_fields() if (before and before.get(name)) != self.get(name)]
		if changed:
			append_to_site(
				"billing_profile_changed" if before else "billing_profile_created", self, fields=changed
			)

	def shown_fields(self) -> list[str]:
		return [
			field.fieldname
			for field in self.meta.fields
			if field.fieldtype not in ("Section Break", "Column Break")
		]

	def record_check(self, confirmed: bool, reference: str | None) -> None:
		"""Record what the authority said about the tax id. The caller holds the lock."""
		if not self.tax_id:
			frappe.throw(_("This profile has no tax ID."), Conflict)
		result = "Confirmed" if confirmed else "Rejected"
		self.write(
			tax_id_status=result, tax_id_checked_on=now_datetime(), tax_id_check_reference=reference or None
		)
		append_to_site("tax_id_checked", self, result=result)
