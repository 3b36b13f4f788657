"""What Cashflows' webhooks and the customer's return say. Both are unsigned notices: they trigger a status query.

https://developer.cashflows.com/integration_guides/hosted_payment_page.html
"""

from oropendola_payments.gateways.base import Callback, Gateway, Notice
from oropendola_payments.gateways.cashflows.client import LABEL
from oropendola_payments.gateways.cashflows.mapping import reference_in
from oropendola_payments.gateways.cashflows.signature import check_own_signature
from oropendola_payments.gateways.errors import BadAnswer, MalformedNotice
from oropendola_payments.gateways.parsing import parse_object


def verify(callback: Callback, gateway: Gateway) -> None:
	"""Raise SignatureError where a shared secret of our own is set and did not sign the webhook."""
	secrets = gateway.secrets_in_use("webhook_secret")
	if callback.kind != "return" and secrets:
		check_own_signature(callback.body, callback.header("X-Signature"), secrets)


def parse(callback: Callback) -> Notice:
	"""The unsigned notice in a return or a webhook; no event, for there is no state in it."""
	return _return_notice(callback) if callback.kind == "return" else _webhook_notice(callback)


def _return_notice(callback: Callback) -> Notice:
	query = callback.query
	return Notice(
		reference=(query.get("attempt") or "")[:140] or None,
		order_id=reference_in(query.get("paymentjobref")),
		payment_id=reference_in(query.get("paymentref")),
		event_type="return",
	)


def _webhook_notice(callback: Callback) -> Notice:
	try:
		message = parse_object(callback.body, LABEL)
	except BadAnswer:
		raise MalformedNotice("The Cashflows webhook is not a JSON object.") from None
	job, payment = message.get("paymentJobReference"), message.get("paymentReference")
	if not reference_in(job) or (payment is not None and not reference_in(payment)):
		raise MalformedNotice("The Cashflows webhook does not name a payment job.")
	event_type = message.get("notifyType")
	return Notice(
		order_id=reference_in(job),
		payment_id=reference_in(payment),
		event_type=event_type[:140] if isinstance(event_type, str) else "",
		# Anything but this echo counts as not delivered and is repeated for a month.
		reply={"paymentJobReference": job, "paymentReference": payment},
	)
