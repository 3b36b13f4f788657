"""Another app of the site, as its `hooks.py` would add it: a gateway as in docs/adding-a-gateway.md, and payment hooks."""

import hmac
import json
from contextlib import contextmanager
from decimal import Decimal
from hashlib import sha256
from typing import ClassVar
from unittest.mock import patch

import frappe

from oropendola_payments.gateways.base import (
	Callback,
	Capabilities,
	Checkout,
	Credential,
	Gateway,
	Notice,
	Outcome,
	PaymentEvent,
	PaymentRef,
	PaymentRequest,
	RefundEvent,
	RefundOutcome,
	RefundRequest,
)
from oropendola_payments.gateways.errors import SignatureError

THIS = "oropendola_payments.tests.support.another_app"
hook_calls: list[tuple] = []


@contextmanager
def another_app(**hooks: list[str]):
	"""As if an installed app had these hooks too; what the other apps name stays."""
	real = frappe.get_hooks

	def get_hooks(hook=None, default="_KEEP_DEFAULT_LIST", app_name=None):
		mine = hooks.get(hook, []) if not app_name else []
		return [*real(hook), *mine] if mine else real(hook, default, app_name)

	hook_calls.clear()
	with patch.object(frappe, "get_hooks", get_hooks):
		yield


@contextmanager
def document_event(doctype: str, event: str, handler: str):
	"""As if an installed app had this entry under `doc_events`."""
	handlers = frappe.get_doc_hooks().setdefault(doctype, {}).setdefault(event, [])
	handlers.append(handler)
	try:
		yield
	finally:
		handlers.remove(handler)


# Hooks --------------------------------------------------------------------------------------------


def payout_recorded(payout):
	hook_calls.append(("payout_recorded", payout.name))


def payment_succeeded(invoice, capture):
	hook_calls.append(("payment_succeeded", invoice.name, capture.name))


def careless(invoice, **_other):
	"""A function that uses what it got as its own."""
	hook_calls.append(("careless", invoice.status))
	invoice.update({"status": "Draft", "total_amount": 1})


def payment_failed(invoice, attempt):
	hook_calls.append(("payment_failed", invoice.name, attempt.name))


def payment_refunded(invoice, refund):
	hook_calls.append(("payment_refunded", invoice.name, refund.name))


def usage_threshold_reached(alert):
	hook_calls.append(("usage_threshold_reached", alert.subscription, alert.limit_name, alert.percent))


def on_payment_authorized(doc, _event, status):
	hook_calls.append(("on_payment_authorized", doc.name, status))


# A gateway ----------------------------------------------------------------------------------------

OUTCOMES = {"captured": Outcome.PAID, "failed": Outcome.FAILED}


class AcmePay(Gateway):
	code = "acmepay"
	label = "Acme Pay"
	credentials = (Credential("key_id", "Client ID"), Credential("key_secret", "Client Secret"))
	capabilities = Capabilities(currencies=frozenset({"INR"}), methods=("card",))
	hosts: ClassVar = {
		"Test": {"api": "https://test.acme-pay.example"},
		"Live": {"api": "https://api.acme-pay.example"},
	}
	# What the provider would know: our reference -> its payment; our refund -> the amount.
	payments: ClassVar[dict[str, dict]] = {}
	refunds: ClassVar[dict[str, Decimal]] = {}

	def create(self, request: PaymentRequest) -> Checkout:
		self.payments[request.reference] = {
			"reference": request.reference,
			"id": f"acme{request.reference}",
			"state": "open",
			"amount": str(request.amount),
			"currency": request.currency,
		}
		return Checkout("redirect", url=f"{self.host()}/pay/{request.reference}")

	def status(self, payment: PaymentRef) -> list[PaymentEvent]:
		known = self.payments.get(payment.reference)
		return [self._event(known) if known else PaymentEvent(Outcome.NOT_FOUND)]

	def verify(self, callback: Callback) -> None:
		if callback.kind == "return":
			return  # not signed: it only triggers a status query
		expected = signature_of(callback.body, self.secrets["key_secret"])
		if not hmac.compare_digest(expected.encode(), callback.header("X-Acme-Signature").encode()):
			raise SignatureError("Acme's signature does not match the body")

	def parse(self, callback: Callback) -> Notice:
		if callback.kind == "return":
			return Notice(reference=callback.query.get("attempt"))
		payment = json.loads(callback.body)
		return Notice((self._event(payment),), verified=True, event_key=f"{payment['id']}:{payment['state']}")

	def refund(self, request: RefundRequest) -> RefundEvent:
		self.refunds[request.key] = request.amount
		return self.refund_status(request)

	def refund_status(self, request: RefundRequest) -> RefundEvent:
		done = self.refunds.get(request.key)
		outcome = RefundOutcome.REFUNDED if done else RefundOutcome.NOT_FOUND
		return RefundEvent(outcome, key=request.key, refund_id=f"back{request.key}", amount=done)

	@staticmethod
	def _event(payment: dict) -> PaymentEvent:
		return PaymentEvent(
			OUTCOMES.get(payment["state"], Outcome.PENDING),
			reference=payment["reference"],
			payment_id=payment["id"],
			amount=Decimal(payment["amount"]),
			currency=payment["currency"],
		)


def signature_of(body: bytes, secret: str) -> str:
	return hmac.new(secret.encode(), body, sha256).hexdigest()
