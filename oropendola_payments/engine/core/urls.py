"""URLs of this site, built from the site's configuration and never from the request's host."""

from frappe.utils import get_url


def api_url(path: str) -> str:
	return get_url(f"/api/method/oropendola_payments.api.{path}")


def result_url(invoice: str | None = None, attempt: str | None = None) -> str:
	return get_url(f"/payment-result?{'attempt' if attempt else 'invoice'}={attempt or invoice}")
