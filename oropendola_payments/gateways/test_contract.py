"""What the engine relies on when payments are made and messages come in, for all adapters against the simulator."""

import re
import unittest
from contextlib import contextmanager, suppress
from dataclasses import replace
from unittest.mock import patch
from urllib.parse import parse_qsl

from hypothesis import given, settings
from hypothesis import strategies as st

from oropendola_payments.gateways import BUILT_IN, load
from oropendola_payments.gateways.base import CREDENTIAL_SLOTS, Callback, Capabilities, Notice, Outcome
from oropendola_payments.gateways.errors import GatewayError, GatewayRefused, MaybeSent, NotSent
from oropendola_payments.gateways.http import HttpClient
from oropendola_payments.tests.support.contract_case import (
	AMOUNT,
	AMOUNT_MINOR,
	ContractCase,
	over_every_adapter,
)
from oropendola_payments.tests.support.proofs import examples


@contextmanager
def recorded_calls(http: HttpClient, calls: list[str]):
	"""Records the address and the body of every call that is sent."""
	send = http.send

	def recorded(method, url, **options):
		calls.append(f"{method} {url} {options.get('data')}")
		return send(method, url, **options)

	with patch.object(http, "send", recorded):
		yield


class TestEveryAdapter(ContractCase):
	# Declarations ---------------------------------------------------------------------------------

	@over_every_adapter
	def test_its_declarations_are_complete(self, code, cls):
		self.assertEqual(cls.code, code)
		self.assertTrue(cls.label and isinstance(cls.capabilities, Capabilities))
		names = [credential.name for credential in cls.credentials]
		self.assertEqual(len(names), len(set(names)), "a slot is used twice")
		self.assertLessEqual(set(names), set(CREDENTIAL_SLOTS))
		self.assertTrue(all(credential.label for credential in cls.credentials))
		self.assertLessEqual({"Test", "Live"}, set(cls.hosts))

	@over_every_adapter
	def test_live_addresses_are_https(self, code, cls):
		self.assertTrue(all(url.startswith("https://") for url in cls.hosts["Live"].values()))

	@over_every_adapter
	def test_missing_credentials_are_named(self, code, cls):
		self.assertTrue(cls.missing_credentials({}))
		self.assertEqual(cls.missing_credentials(cls.simulator_secrets), [])

	# Payments -------------------------------------------------------------------------------------

	@over_every_adapter
	def test_a_paid_payment_has_its_id_amount_and_currency(self, code, cls):
		adapter, request = self.build(cls), self.request(code)
		_opened, event = self.paid(adapter, request)
		self.assertEqual(event.outcome, Outcome.PAID)
		self.assertTrue(event.payment_id)
		self.assertEqual((event.amount, event.currency), (AMOUNT, request.currency))
		charge = self.simulator.captures(code)[-1]
		self.assertEqual((charge.reference, charge.amount_minor), (request.reference, AMOUNT_MINOR))

	@over_every_adapter
	def test_an_unpaid_payment_is_neither_paid_nor_authorized(self, code, cls):
		adapter, request = self.build(cls), self.request(code)
		opened = adapter.create(request)
		outcomes = {event.outcome for event in adapter.status(self.ref(request, opened))}
		self.assertFalse(outcomes & {Outcome.PAID, Outcome.AUTHORIZED})
		self.assertTrue(outcomes)

	@over_every_adapter
	def test_the_same_request_twice_is_one_payment(self, code, cls):
		adapter, request = self.build(cls), self.request(code)
		opened, event = self.paid(adapter, request)
		# It may say that it knows this payment already, but not take money again.
		with suppress(MaybeSent, GatewayRefused):
			self.visit(adapter.create(request))
		taken = [charge for charge in self.simulator.captures(code) if charge.reference == request.reference]
		self.assertEqual([charge.amount_minor for charge in taken], [AMOUNT_MINOR])
		self.assertEqual(self.captured(adapter, self.ref(request, opened)).payment_id, event.payment_id)

	@over_every_adapter
	def test_an_attempt_that_is_unknown_to_the_gateway_is_not_paid(self, code, cls):
		outcomes = {event.outcome for event in self.build(cls).status(self.ref(self.request(code)))}
		self.assertLessEqual(outcomes, {Outcome.NOT_FOUND, Outcome.PENDING, Outcome.FAILED, Outcome.EXPIRED})

	@over_every_adapter
	def test_a_decline_is_an_event_and_not_an_error(self, code, cls):
		adapter, request = self.build(cls), self.request(code)
		opened = adapter.create(request)
		self.visit(opened)
		self.simulator.pay(code, request.reference, outcome="failure")
		events = adapter.status(self.ref(request, opened))
		if events[0].outcome is Outcome.AUTHORIZED:  # approved by the customer, declined when it is taken
			events = [adapter.capture(self.ref(request, opened), events[0], "capture-key")]
		outcomes = {event.outcome for event in events}
		self.assertLessEqual(outcomes, {Outcome.FAILED, Outcome.PENDING, Outcome.CANCELLED})

	@over_every_adapter
	def test_the_status_of_a_new_payment_fetches_no_refunds(self, code, cls):
		adapter, request = self.build(cls), self.request(code)
		opened, _event = self.paid(adapter, request)
		calls: list[str] = []
		with recorded_calls(adapter.http, calls):
			adapter.status(self.ref(request, opened))
		self.assertTrue(calls)
		self.assertFalse([call for call in calls if "refund" in call.lower()])

	# Errors ---------------------------------------------------------------------------------------

	@over_every_adapter
	def test_a_refused_connection_is_not_sent(self, code, cls):
		nowhere = self.build(cls, base_url="http://127.0.0.1:9")
		with self.assertRaises(NotSent):
			nowhere.status(replace(self.ref(self.request(code)), order_id="order_1"))

	# Returns and webhooks -----------------------------------------------------------------------

	@over_every_adapter
	def test_its_webhooks_are_read_and_tampered_ones_are_not_believed(self, code, cls):
		adapter, request = self.build(cls), self.request(code)
		self.paid(adapter, request)
		deliveries = self.simulator.webhooks.take(code)
		self.assertTrue(deliveries)
		for delivery in deliveries:
			self.assertIsInstance(adapter.receive(self.callback(delivery)), Notice)
			self.assertFalse(self.is_believed(adapter, self.callback(delivery, tampered=True)))

	def callback(self, delivery, tampered: bool = False) -> Callback:
		body = delivery.body
		if tampered:
			body = re.sub(rb"49950|499\.50|499\.5", lambda found: found.group().replace(b"4", b"1", 1), body)
		is_form = "urlencoded" in next(
			(v for k, v in delivery.headers.items() if k.lower() == "content-type"), ""
		)
		form = dict(parse_qsl(body.decode(), keep_blank_values=True)) if is_form else {}
		return Callback("webhook", "POST", dict(delivery.headers), {"gateway": delivery.code}, body, form)

	def is_believed(self, adapter, callback: Callback) -> bool:
		"""Whether a message would change money without a status query."""
		try:
			notice = adapter.receive(callback)
		except GatewayError:
			return False
		# The right amount means that the tampering touched nothing that the signature covers.
		wrong = [e for e in notice.events if getattr(e, "amount", None) not in (None, AMOUNT)]
		return notice.verified and not notice.confirm and bool(wrong)

	@settings(max_examples=examples(150), deadline=None)
	@given(
		code=st.sampled_from(sorted(BUILT_IN)),
		kind=st.sampled_from(["return", "webhook"]),
		body=st.binary(max_size=300),
		fields=st.dictionaries(st.text(max_size=20), st.text(max_size=40), max_size=6),
		headers=st.dictionaries(
			st.sampled_from(["Authorization", "Stripe-Signature", "X-Razorpay-Signature", "x-webhook-signature",
				"x-webhook-timestamp", "PAYPAL-CERT-URL", "PAYPAL-TRANSMISSION-SIG", "X-VERIFY", "Content-Type"]),
			st.text(max_size=80), max_size=5,
		),
	)  # fmt: skip
	def test_any_incoming_bytes_are_read_or_refused(self, code, kind, body, fields, headers):
		"""S23: whatever the bytes are, the answer is a Notice or one of our errors."""
		callback = Callback(kind, "POST", headers, {"gateway": code, **fields}, body, fields)
		self.assertFalse(self.is_believed(self.build(load(BUILT_IN[code])), callback))


if __name__ == "__main__":
	unittest.main()
