"""Send an SMS through the provider set up in Frappe's SMS Settings.

Not with Frappe's own `send_sms`: it has no timeout, stores the text (here a code or a payment link) in SMS Log, and shows a message instead of
raising when no provider is set up.
"""

from typing import Any

import frappe
import requests
from frappe import _
from frappe.utils import cint

from oropendola_payments.exceptions import Unavailable

TIMEOUT = (5, 10)


def require_ready() -> None:
	"""Raise Unavailable if no SMS provider is set up."""
	if not can_be_sent():
		raise Unavailable(
			_(
				"Text messages cannot be sent because no SMS provider is set up. An administrator can set one up in SMS Settings."
			)
		)


def can_be_sent() -> bool:
	"""Return whether an SMS provider is set up."""
	settings = frappe.get_cached_doc("SMS Settings")
	return bool(settings.sms_gateway_url and settings.message_parameter and settings.receiver_parameter)


def send(phone: str, text: str) -> None:
	"""Send the text to the provider. It is neither logged nor stored."""
	require_ready()
	settings = frappe.get_cached_doc("SMS Settings")
	headers = {row.parameter: row.value for row in settings.parameters if cint(row.header)}
	values = {row.parameter: row.value for row in settings.parameters if not cint(row.header)}
	values.update({settings.message_parameter: text, settings.receiver_parameter: phone})
	try:
		answer = requests.request(**_request(settings, headers, values), headers=headers, timeout=TIMEOUT)
		status: int | str = answer.status_code
	except requests.RequestException as error:
		status = type(error).__name__
	if not isinstance(status, int) or status >= 300:
		# Not the exception's text, because it may contain the URL with the text.
		frappe.log_error(title="SMS could not be sent", message=f"The SMS provider answered: {status}")
		frappe.db.commit()
		raise Unavailable(_("The text message could not be sent. Please try again in a minute.")) from None


def _request(settings: Any, headers: dict, values: dict) -> dict:
	target = {"url": settings.sms_gateway_url, "allow_redirects": False}
	is_json = any(k.lower() == "content-type" and "json" in (v or "") for k, v in headers.items())
	if not cint(settings.use_post):
		return {**target, "method": "GET", "params": values}
	return {**target, "method": "POST", **({"json": values} if is_json else {"data": values})}
