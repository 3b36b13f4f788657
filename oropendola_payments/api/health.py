"""Health and metrics."""

import hmac

import frappe
from frappe import _
from frappe.utils.password import get_decrypted_password
from werkzeug.wrappers import Response

from oropendola_payments.api import endpoint, refusal, require_staff
from oropendola_payments.api.answers import managers as answers
from oropendola_payments.api.answers.types import File
from oropendola_payments.api.contract import described
from oropendola_payments.engine.monitoring import health
from oropendola_payments.exceptions import NotAllowed
from oropendola_payments.roles import is_staff


@endpoint(methods=("GET", "POST"), guest=True, answer=answers.Health)
def status() -> dict:
	"""Return the health status: short for everybody, full for payments staff."""
	return health.full() if is_staff() else health.short()


@frappe.whitelist(allow_guest=True, methods=["GET"])
@described(File(("text/plain",)), guest=True, header="X-Metrics-Token")
def metrics() -> Response | dict:
	"""Return Prometheus metrics, for staff or with the token of Payment Settings in X-Metrics-Token."""
	try:
		_require_staff_or_token()
	except NotAllowed as error:
		return refusal(error)
	return Response(health.metrics(), status=200, mimetype="text/plain; version=0.0.4")


def _require_staff_or_token() -> None:
	sent = frappe.request.headers.get("X-Metrics-Token") or ""
	stored = sent and get_decrypted_password(
		"Payment Settings", "Payment Settings", "metrics_token", raise_exception=False
	)
	if stored and hmac.compare_digest(stored.encode(), sent.encode()):
		return
	if sent:
		raise NotAllowed(_("This metrics token is not valid."))
	require_staff()
