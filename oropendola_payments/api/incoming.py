"""The raw request for signature checks: bytes, headers, query and form, without conversion."""

from urllib.parse import parse_qsl

import frappe
from werkzeug.wrappers import Request

from oropendola_payments.engine.inbound.inbox import MAX_BODY
from oropendola_payments.exceptions import Refusal
from oropendola_payments.gateways.base import Callback
from oropendola_payments.gateways.errors import MalformedNotice

MAX_FIELDS = 200


class TooLarge(Refusal):
	http_status_code = 413
	error_code = "too_large"


def incoming(kind: str) -> Callback:
	request = frappe.request
	if (request.content_length or 0) > MAX_BODY:
		raise TooLarge("The message is too large.")
	body = request.get_data(cache=True)
	if len(body) > MAX_BODY:
		raise TooLarge("The message is too large.")
	return Callback(
		kind=kind,
		method=request.method,
		headers=dict(request.headers.items()),
		query=request.args.to_dict(),
		body=body,
		form=_form(request, body),
	)


def _form(request: Request, body: bytes) -> dict[str, str]:
	"""Return the posted fields. Strictly UTF-8, because a replaced character would change the signed text."""
	fields = _fields(request, body)
	fields.pop("csrf_token", None)  # added by our own page, which posts what a gateway's script returned
	return fields


def _fields(request: Request, body: bytes) -> dict[str, str]:
	if request.mimetype == "multipart/form-data":
		return request.form.to_dict()
	if request.mimetype != "application/x-www-form-urlencoded":
		return {}
	try:
		fields = parse_qsl(
			body.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS
		)
	except ValueError:
		raise MalformedNotice("The form is not UTF-8, or has too many fields.") from None
	return dict(fields)
