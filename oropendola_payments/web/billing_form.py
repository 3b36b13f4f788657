"""The form of the billing profile, on the billing page and, shorter, at checkout."""

import frappe
from frappe import _

from oropendola_payments.ai_billing.formatting import country_name
from oropendola_payments.ai_billing.places import STATES_OF_INDIA
from oropendola_payments.engine.tax import profile
from oropendola_payments.web import shell, words


def fields(page) -> dict:
	"""Return the values of the form, with what was typed before a refusal, and the choices of its lists."""
	values = profile.get(page.user)
	values["country"] = values["country_code"]
	values.update({name: text for name, text in page.typed.items() if name in profile.FIELDS})
	countries = [
		{"code": row.code.upper(), "name": country_name(row.code, row.name)}
		for row in frappe.get_all("Country", {"code": ("is", "set")}, ["name", "code"])
	]
	return {
		"filled": values,
		"countries": sorted(countries, key=lambda country: country["name"]),
		"states": [{"name": name, "shown": words.translated(name)} for name in STATES_OF_INDIA],
		"summary": summary(profile.get(page.user)),
		"tax_id_help": _tax_id_help(values["tax_id_status"]),
	}


def _tax_id_help(status: str) -> str:
	if status == "Rejected":
		return _("The authority does not know this number, so it does not count. Please correct it.")
	if status == "Format Checked":
		return _("The format is correct. We have not verified it with the tax authority.")
	return _("GSTIN in India, VAT number in the EU and the UK. Leave it empty if you have none.")


def summary(values: dict) -> str:
	"""Return the profile in one line, or an empty text if it says nothing."""
	place = ", ".join(filter(None, (values["city"], words.translated(values["state"]))))
	country = values["country_code"] and country_name(values["country_code"], "")
	parts = (values["legal_name"], place, country, values["tax_id"])
	return " · ".join(part for part in parts if part)


def save(user: str, address: str) -> None:
	"""Save what was posted. A refusal leads back to `address` with what was typed."""
	typed = {name: shell.posted(name)[:140] for name in profile.FIELDS if name in frappe.local.request.form}
	with shell.refusals_lead_to(address, **typed):
		profile.save(user, typed)
