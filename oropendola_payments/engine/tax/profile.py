"""The billing profile of a customer: read, save, and record what an authority said about its tax id."""

import frappe
from frappe import _

from oropendola_payments.ai_billing.doctype.ai_billing_profile.ai_billing_profile import AIBillingProfile
from oropendola_payments.ai_billing.places import country_code, country_named
from oropendola_payments.engine.core.transactions import in_transaction, lock
from oropendola_payments.engine.tax import reprice
from oropendola_payments.exceptions import NotFound

# What customers enter. SEZ is not among them: it takes off the tax, so staff confirm it.
FIELDS = (
	"kind", "legal_name", "billing_email", "language", "po_reference", "address_line1", "address_line2", "city", "pincode",
	"country", "state", "tax_id",
)  # fmt: skip
SHOWN = (*FIELDS, "tax_id_type", "tax_id_status", "gst_category")


def get(user: str) -> dict:
	"""Return the customer's profile, with empty texts for what is not known."""
	row = frappe.db.get_value("AI Billing Profile", {"user": user}, SHOWN, as_dict=True) or frappe._dict()
	shown = {field: row.get(field) or "" for field in SHOWN}
	return {**shown, "kind": row.kind or "Person", "country_code": country_code(row.country)}


def save(user: str, values: dict) -> dict:
	"""Save what the customer entered, bring unpaid invoices up to date, and return the profile. Only given fields change."""
	given = {field: value for field, value in values.items() if field in FIELDS and value is not None}
	try:
		in_transaction(_save, user, given)
	except (frappe.UniqueValidationError, frappe.DuplicateEntryError):
		in_transaction(_save, user, given)  # another tab was faster: change its profile
	reprice.open_invoices_of(user)
	return get(user)


def record_check(profile: str, confirmed: bool, reference: str | None) -> dict:
	"""Record that the authority confirmed or rejected the tax id. Unpaid invoices follow."""
	user = in_transaction(_record_check, profile, confirmed, reference)
	reprice.open_invoices_of(user)
	return {"tax_id_status": frappe.db.get_value("AI Billing Profile", profile, "tax_id_status")}


def _save(user: str, given: dict) -> None:
	name = frappe.db.get_value("AI Billing Profile", {"user": user}, "name", for_update=True)
	profile: AIBillingProfile = (
		frappe.get_doc("AI Billing Profile", name) if name else frappe.new_doc("AI Billing Profile")
	)
	if given.get("country"):
		given = {**given, "country": country_named(given["country"])[0]}
		if given["country"] != profile.country:
			given = {"state": "", "tax_id": "", **given}  # those of another country say nothing here
	profile.update({"user": user, **given})
	profile.flags.ignore_permissions = True
	profile.save()


def _record_check(name: str, confirmed: bool, reference: str | None) -> str:
	try:
		profile: AIBillingProfile = lock("AI Billing Profile", name)
	except frappe.DoesNotExistError:
		raise NotFound(_("There is no billing profile {0}.").format(name)) from None
	profile.record_check(confirmed, reference)
	return profile.user
