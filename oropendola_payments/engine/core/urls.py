"""Our own addresses, by the site's name and never by what a request says."""

from frappe.utils import get_url


def api_url(path: str) -> str:
	return get_url(f"/api/method/oropendola_payments.api.{path}")


def result_url(invoice: str | None = None, attempt: str | None = None) -> str:
	return get_url(f"/payment-result?{'attempt' if attempt else 'invoice'}={attempt or invoice}")
