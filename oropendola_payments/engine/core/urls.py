"""URLs of this site, built from the site's configuration and never from the request's host."""

from frappe.utils import get_url

from oropendola_payments.engine.core.signing import is_signed, sign

VIEW = "result page"


def api_url(path: str) -> str:
	return get_url(f"/api/method/oropendola_payments.api.{path}")


def result_url(invoice: str | None = None, attempt: str | None = None) -> str:
	return get_url(f"/payment-result?{'attempt' if attempt else 'invoice'}={attempt or invoice}")


def signed_view(attempt: str) -> str:
	"""Return the signature with which a guest sees the page of this payment."""
	return sign(VIEW, attempt)


def is_signed_view(signature: str, attempt: str) -> bool:
	return is_signed(signature, VIEW, attempt)
