"""The customer's browser comes back from the gateway: verify, settle what is proven, else ask, and lead to an own page.

The browser arrives as Guest (a cross-site POST carries no log-in) and the answer sets no cookie, so that nobody is logged out.
"""

from typing import Any
from urllib.parse import urlsplit

import frappe
from frappe import _
from werkzeug.wrappers import Request, Response

from oropendola_payments.ai_billing.doctype.payment_event.payment_event import acting_as
from oropendola_payments.api.incoming import incoming
from oropendola_payments.engine.core.urls import result_url
from oropendola_payments.engine.gateway.registry import adapter_of
from oropendola_payments.engine.inbound.status_query import GAP_SECONDS, RECENT_SECONDS, refresh
from oropendola_payments.engine.monitoring import health
from oropendola_payments.engine.settlement.settle import find_attempt
from oropendola_payments.exceptions import Refusal
from oropendola_payments.gateways.errors import GatewayError, SignatureError

RETURNS = tuple(f"/api/method/{__name__}.{name}" for name in ("returned", "payu_success", "payu_failure"))


@frappe.whitelist(allow_guest=True, methods=["GET", "POST"])
def returned(**_fields: Any) -> Response:
	"""Where every gateway sends the customer back to."""
	return _come_back(frappe.request.args.get("gateway") or "")


@frappe.whitelist(allow_guest=True, methods=["POST"])
def payu_success(**_fields: Any) -> Response:
	"""PayU's return under its old name; what it says is judged by its content, not by this address."""
	return _come_back("payu")


@frappe.whitelist(allow_guest=True, methods=["POST"])
def payu_failure(**_fields: Any) -> Response:
	return _come_back("payu")


def _come_back(gateway: str) -> Response:
	attempt = None
	try:
		with acting_as("Callback"):
			attempt = _take_in(gateway)
	except SignatureError:
		frappe.db.rollback()
		health.count_rejected(gateway)
		_ring(gateway)
	except (GatewayError, Refusal):
		frappe.db.rollback()  # the result page and the sweeps ask again
	except Exception:
		frappe.db.rollback()
		frappe.log_error(title=f"Return from {gateway[:40]} failed", message=frappe.get_traceback())
		frappe.db.commit()
	return _lead_to(attempt or _named_attempt(gateway))


def _take_in(gateway: str) -> str:
	"""The attempt that came back, after its news is settled."""
	adapter = adapter_of(gateway)
	notice = adapter.receive(incoming("return"))
	attempt = find_attempt(gateway, notice)
	# A signed return is news, even right after a page asked; it can be sent again, so not as often as one likes.
	pause = GAP_SECONDS if notice.verified else RECENT_SECONDS
	refresh(attempt, unless_checked_within=pause, adapter=adapter)
	return attempt.name


def _ring(gateway: str) -> None:
	"""An unproven return still tells that something happened: the gateway is asked, not oftener than any page may."""
	attempt = _named_attempt(gateway)
	try:
		if attempt:
			refresh(attempt, unless_checked_within=RECENT_SECONDS)
	except (GatewayError, Refusal):
		frappe.db.rollback()


def _named_attempt(gateway: str) -> str | None:
	"""The attempt in our own address, only to show its page: knowing it proves nothing."""
	name = frappe.request.args.get("attempt") or ""
	return (
		frappe.db.get_value("Payment Attempt", {"name": name[:140], "gateway": gateway}, "name")
		if name
		else None
	)


def _lead_to(attempt: str | None) -> Response:
	response = _pointed_to_result(Response(), attempt)
	forget_cookies()
	return response


def _pointed_to_result(response: Response, attempt: str | None) -> Response:
	response.status_code = 303
	response.set_data(_("Continuing to your payment."))
	response.headers["Location"] = _result_of(attempt)
	response.headers["Cache-Control"] = "no-store"
	response.headers["Referrer-Policy"] = "no-referrer"
	return response


def _result_of(attempt: str | None) -> str:
	"""With the word that the customer left the gateway's page, which decides nothing but how the page speaks.

	A posted return is a gateway's own news, whichever address it took: PayU has one for a no, a cancel and an open end.
	"""
	target = urlsplit(result_url(attempt=attempt) if attempt else result_url(invoice=""))
	# Without a host: what the request names as its own could be anybody's.
	path = target._replace(scheme="", netloc="").geturl()
	walked_away = frappe.request.method == "GET" and frappe.request.args.get("cancelled")
	return f"{path}&cancelled=1" if walked_away else path


def redirect_csrf_failure(response: Response | None = None, request: Request | None = None) -> None:
	"""After a request: the way on for a browser whose return the framework refused before our code ran.

	Where the gateway's page and this site share a host name, the log-in comes along and a CSRF token is missed. Nothing
	was taken in, and nothing is: the result page only reads, and asks the gateway by itself.
	"""
	if response is None or request is None or request.method != "POST" or request.path not in RETURNS:
		return
	if response.status_code == frappe.CSRFTokenError.http_status_code:
		_pointed_to_result(response, _named_attempt(request.args.get("gateway") or "payu"))


def forget_cookies() -> None:
	"""Frappe gives every guest the cookie of a guest, over the log-in that the browser kept back on a cross-site visit."""
	if cookies := getattr(frappe.local, "cookie_manager", None):
		cookies.cookies.clear()
