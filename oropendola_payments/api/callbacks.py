"""Return URLs: verify the return from a gateway, refresh the attempt and redirect to the result page.

The browser arrives as Guest (a cross-site POST sends no session cookie), and the answer sets no cookie, so that nobody is logged out.
"""

import re
from typing import Any
from urllib.parse import urlsplit

import frappe
from frappe import _
from werkzeug.wrappers import Request, Response

from oropendola_payments.ai_billing.doctype.payment_event.payment_event import acting_as
from oropendola_payments.api.answers.types import Redirect
from oropendola_payments.api.contract import described
from oropendola_payments.api.incoming import incoming
from oropendola_payments.engine.core.urls import result_url
from oropendola_payments.engine.gateway.registry import adapter_of
from oropendola_payments.engine.inbound.status_query import GAP_SECONDS, RECENT_SECONDS, refresh
from oropendola_payments.engine.monitoring import health
from oropendola_payments.engine.settlement.settle import find_attempt
from oropendola_payments.exceptions import Refusal
from oropendola_payments.gateways.errors import GatewayError, SignatureError

RETURNS = tuple(f"/api/method/{__name__}.{name}" for name in ("returned", "payu_success", "payu_failure"))

VIEW = re.compile("[0-9a-f]{32}")


@frappe.whitelist(allow_guest=True, methods=["GET", "POST"])
@described(Redirect(), guest=True, query=("gateway", "attempt", "view", "cancelled"))
def returned(**_fields: Any) -> Response:
	"""Return URL of every gateway."""
	return _handle_return(frappe.request.args.get("gateway") or "")


@frappe.whitelist(allow_guest=True, methods=["POST"])
@described(Redirect(), guest=True)
def payu_success(**_fields: Any) -> Response:
	"""Older return URL for PayU. The outcome is taken from the signed content, not from the URL."""
	return _handle_return("payu")


@frappe.whitelist(allow_guest=True, methods=["POST"])
@described(Redirect(), guest=True)
def payu_failure(**_fields: Any) -> Response:
	"""The same under another name. Which of the two is called proves nothing."""
	return _handle_return("payu")


def _handle_return(gateway: str) -> Response:
	attempt = None
	try:
		with acting_as("Callback"):
			attempt = _refresh_returned(gateway)
	except SignatureError:
		frappe.db.rollback()
		health.count_rejected(gateway)
		_refresh_unverified(gateway)
	except (GatewayError, Refusal):
		frappe.db.rollback()  # the result page and the sweeps query again
	except Exception:
		frappe.db.rollback()
		frappe.log_error(title=f"Return from {gateway[:40]} failed", message=frappe.get_traceback())
		frappe.db.commit()
	return _redirect_to_result(attempt or _named_attempt(gateway))


def _refresh_returned(gateway: str) -> str:
	"""Verify the return, refresh its attempt and return the attempt's name."""
	adapter = adapter_of(gateway)
	notice = adapter.receive(incoming("return"))
	attempt = find_attempt(gateway, notice)
	# A signed return is refreshed even right after another check, but with a short limit, because it can be replayed.
	pause = GAP_SECONDS if notice.verified else RECENT_SECONDS
	refresh(attempt, unless_checked_within=pause, adapter=adapter)
	return attempt.name


def _refresh_unverified(gateway: str) -> None:
	"""Refresh the attempt of an unverified return, with the rate limit of pages."""
	attempt = _named_attempt(gateway)
	try:
		if attempt:
			refresh(attempt, unless_checked_within=RECENT_SECONDS)
	except (GatewayError, Refusal):
		frappe.db.rollback()


def _named_attempt(gateway: str) -> str | None:
	"""Return the attempt in the URL. It is not verified, so use it only to show its page."""
	name = frappe.request.args.get("attempt") or ""
	return (
		frappe.db.get_value("Payment Attempt", {"name": name[:140], "gateway": gateway}, "name")
		if name
		else None
	)


def _redirect_to_result(attempt: str | None) -> Response:
	response = _with_result_redirect(Response(), attempt)
	forget_cookies()
	return response


def _with_result_redirect(response: Response, attempt: str | None) -> Response:
	response.status_code = 303
	response.set_data(_("Continuing to your payment."))
	response.headers["Location"] = _result_path(attempt)
	response.headers["Cache-Control"] = "no-store"
	response.headers["Referrer-Policy"] = "no-referrer"
	return response


def _result_path(attempt: str | None) -> str:
	"""Return the path of the result page, with the signature that the payer of a link has, and with `cancelled=1` if the customer left the gateway's page, which only changes its text.

	Not for a POST: PayU uses one URL for failed, cancelled and pending payments.
	"""
	target = urlsplit(result_url(attempt=attempt) if attempt else result_url(invoice=""))
	# Without a host, because the request's Host header cannot be trusted.
	path = target._replace(scheme="", netloc="").geturl()
	view = frappe.request.args.get("view") or ""
	if attempt and VIEW.fullmatch(view):
		path += f"&view={view}"
	was_cancelled = frappe.request.method == "GET" and frappe.request.args.get("cancelled")
	return f"{path}&cancelled=1" if was_cancelled else path


def redirect_csrf_failure(response: Response | None = None, request: Request | None = None) -> None:
	"""Redirect a return to the result page if the framework refused it for a missing CSRF token. For `after_request`.

	This happens when the gateway's page and this site share a host name, so that the session cookie is sent. The return
	itself is not processed; the result page queries the gateway.
	"""
	if response is None or request is None or request.method != "POST" or request.path not in RETURNS:
		return
	if response.status_code == frappe.CSRFTokenError.http_status_code:
		_with_result_redirect(response, _named_attempt(request.args.get("gateway") or "payu"))


def forget_cookies() -> None:
	"""Remove the Guest cookies of this answer. They would replace the session cookie, which a cross-site request does not send."""
	if cookies := getattr(frappe.local, "cookie_manager", None):
		cookies.cookies.clear()
