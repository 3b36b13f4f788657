"""Webhook endpoint: check the signature, store and process the message, then answer."""

from contextlib import suppress
from typing import Any

import frappe
from frappe import _
from werkzeug.wrappers import Response

from oropendola_payments.api import contract, refusal
from oropendola_payments.api.answers import managers as answers
from oropendola_payments.api.answers.types import OrOwnFormat
from oropendola_payments.api.contract import described
from oropendola_payments.api.incoming import incoming
from oropendola_payments.engine.inbound import inbox
from oropendola_payments.engine.monitoring import health
from oropendola_payments.exceptions import Refusal, TooManyRequests
from oropendola_payments.gateways.errors import GatewayError, SignatureError

REJECTED_PER_MINUTE = 60


@frappe.whitelist(allow_guest=True, methods=["POST"])
@described(
	OrOwnFormat(answers.ReceivedNotice),
	errors=("invalid_signature", "malformed_notice", "too_large", *contract.GATEWAY),
	guest=True,
	query=("gateway",),
)
def receive(**_fields: Any) -> Response | dict:
	"""Receive a webhook of any gateway: `?gateway=<code>`."""
	gateway = frappe.request.args.get("gateway") or ""
	try:
		return _receive(gateway)
	except SignatureError as error:
		if _count_rejected(gateway) > REJECTED_PER_MINUTE:
			return refusal(_flood())
		with suppress(GatewayError, Refusal):
			inbox.handle_unverified_notice(gateway, incoming("webhook"))
		return refusal(error)
	except Exception as error:
		return refusal(error)


def _receive(gateway: str) -> Response | dict:
	status, notice = inbox.receive(gateway, incoming("webhook"))
	if not notice.verified:
		if status == "ignored":
			health.count_rejected(gateway)
		status = "queued"  # the same answer for all unverified messages, so that it does not reveal whether the payment exists
	if notice.reply is not None:
		return Response(frappe.as_json(dict(notice.reply)), status=200, mimetype="application/json")
	return {"success": True, "status": status}


def _count_rejected(gateway: str) -> int:
	"""Count a rejected message and return the sender's count of this minute. Valid messages are never limited."""
	health.count_rejected(gateway)
	key = _flood_key(gateway)
	count = frappe.cache.incrby(key, 1)
	frappe.cache.expire(key, 60)
	return int(count)


def _flood() -> TooManyRequests:
	return TooManyRequests(_("Too many messages without a valid signature. Please try again in a minute."))


def _flood_key(gateway: str) -> bytes:
	return frappe.cache.make_key(f"oropendola_rejected:{gateway[:40]}:{frappe.local.request_ip}")
