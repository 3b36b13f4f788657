"""The user's billing profile: what invoices say about the buyer, and what decides the tax."""

from oropendola_payments.api import endpoint, require_login
from oropendola_payments.api.answers import billing as answers
from oropendola_payments.engine.tax import profile


@endpoint(methods=("GET", "POST"), answer=answers.Profile)
def get_profile() -> dict:
	"""Return the user's billing profile, with empty texts for what is not known."""
	return {"profile": profile.get(require_login())}


@endpoint(methods=("POST",), answer=answers.Profile, errors=("invalid_tax_id",))
def save_profile(
	kind: str | None = None,
	legal_name: str | None = None,
	billing_email: str | None = None,
	language: str | None = None,
	po_reference: str | None = None,
	address_line1: str | None = None,
	address_line2: str | None = None,
	city: str | None = None,
	pincode: str | None = None,
	country: str | None = None,
	state: str | None = None,
	tax_id: str | None = None,
) -> dict:
	"""Replace the user's billing profile: what is not sent is emptied. Unpaid invoices get the tax that follows from it."""
	values = {name: value or "" for name, value in locals().items()}
	return {"profile": profile.save(require_login(), values)}
