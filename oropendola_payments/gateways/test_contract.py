"""One test for all adapters: what the engine relies on, tried against the simulator over real HTTP."""

import re
import unittest
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from functools import wraps
from unittest.mock import patch
from urllib.parse import parse_qsl

from hypothesis import given, settings
from hypothesis import strategies as st

from oropendola_payments.gateways import BUILT_IN, load
from oropendola_payments.gateways.base import (
	CREDENTIAL_SLOTS,
	Callback,
	Capabilities,
	Checkout,
	Customer,
	Notice,
	Outcome,
	PaymentRef,
	PaymentRequest,
	RefundOutcome,
	RefundRequest,
)
from oropendola_payments.gateways.errors import GatewayError, GatewayRefused, MaybeSent, NotSent
from oropendola_payments.gateways.http import HttpClient
from oropendola_payments.simulator import Simulator
from oropendola_payments.tests.support.gateway_events import currency_of

AMOUNT = Decimal("499.50")
ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"


class Tokens(dict):
	def set(self, key, value, seconds):
		self[key] = value

	def delete(self, key):
		self.pop(key, None)


# PhonePe's status answer has no refunds, and it has no list of them: each is asked by its own number.
TELLS_NO_REFUNDS = ("phonepe",)


@contextmanager
def recorded_calls(http: HttpClient, calls: list[str]):
	"""Notes where each call goes and what it says, and lets it go."""
	send = http.send

	def noted(method, url, **options):
		calls.append(f"{method} {url} {options.get('data')}")
		return send(method, url, **options)

	with patch.object(http, "send", noted):
		yield


def over_every_adapter(test):
	"""Runs the test once for each gateway, with clean books."""

	@wraps(test)
	def run(self):
		for code, path in BUILT_IN.items():
			with self.subTest(gateway=code):
				self.simulator.reset()
				test(self, code, load(path))

	return run


class TestEveryAdapter(unittest.TestCase):
	@classmethod
	def setUpClass(cls):
		cls.simulator = Simulator().start()
		cls.addClassCleanup(cls.simulator.close)
		cls.number = 0

	def build(self, cls, base_url=None, timeout=(2, 5)):
		return cls(
			secrets=dict(cls.simulator_secrets),
			mode="Simulator",
			http=HttpClient(timeout=timeout),
			tokens=Tokens(),
			base_url=base_url or f"{self.simulator.url}/{cls.code}",
		)

	def request(self, code: str) -> PaymentRequest:
		TestEveryAdapter.number += 1
		reference = "CONTRACT" + "".join(ALPHABET[int(d)] for d in f"{self.number:06d}")
		back = f"http://site.example/return?gateway={code}&attempt={reference}"
		return PaymentRequest(
			reference=reference,
			amount=AMOUNT,
			currency=currency_of(code),
			description="Starter plan",
			customer=Customer("Asha Example", "asha@example.com", "+919876543210"),
			return_url=back,
			cancel_url=f"{back}&cancelled=1",
			webhook_url=f"http://site.example/hook?gateway={code}",
			idempotency_key=f"key-{reference}",
		)

	def ref(self, request: PaymentRequest, opened: Checkout | None = None) -> PaymentRef:
		return PaymentRef(
			request.reference,
			request.amount,
			request.currency,
			order_id=opened and opened.order_id,
			data=dict(opened.data) if opened else {},
			created_at=datetime.now(timezone.utc),
		)

	def visit(self, opened: Checkout):
		"""The customer's browser goes where the checkout sends it."""
		if opened.form:
			self.simulator.open(opened.form.action, opened.form.fields)
		elif opened.url:
			self.simulator.open(opened.url)

	def paid(self, adapter, request):
		opened = adapter.create(request)
		self.visit(opened)
		self.simulator.pay(adapter.code, request.reference)
		return opened, self.money(adapter, self.ref(request, opened))

	def money(self, adapter, ref):
		"""What the gateway took, after a capture where it only reserved."""
		event = next(e for e in adapter.status(ref) if e.outcome in (Outcome.PAID, Outcome.AUTHORIZED))
		return adapter.capture(ref, event, "capture-key") if event.outcome is Outcome.AUTHORIZED else event

	def refund_request(self, request, opened, event, amount=AMOUNT) -> RefundRequest:
		return RefundRequest(
			payment=self.ref(request, opened),
			payment_id=event.payment_id,
			amount=amount,
			currency=request.currency,
			key=f"RF{request.reference[-10:]}",
			reason="A test",
			captured_amount=AMOUNT,
		)

	# Declarations ---------------------------------------------------------------------------------

	@over_every_adapter
	def test_it_says_who_it_is_and_what_it_needs(self, code, cls):
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
	def test_without_credentials_it_names_what_is_missing_and_with_them_nothing(self, code, cls):
		self.assertTrue(cls.missing_credentials({}))
		self.assertEqual(cls.missing_credentials(cls.simulator_secrets), [])

	# Paying ---------------------------------------------------------------------------------------

	@over_every_adapter
	def test_what_was_paid_comes_back_with_its_number_amount_and_currency(self, code, cls):
		adapter, request = self.build(cls), self.request(code)
		_opened, event = self.paid(adapter, request)
		self.assertEqual(event.outcome, Outcome.PAID)
		self.assertTrue(event.payment_id)
		self.assertEqual((event.amount, event.currency), (AMOUNT, request.currency))
		charge = self.simulator.captures(code)[-1]
		self.assertEqual((charge.reference, charge.amount_minor), (request.reference, 49950))

	@over_every_adapter
	def test_before_anybody_paid_there_is_no_money(self, code, cls):
		adapter, request = self.build(cls), self.request(code)
		opened = adapter.create(request)
		outcomes = {event.outcome for event in adapter.status(self.ref(request, opened))}
		self.assertFalse(outcomes & {Outcome.PAID, Outcome.AUTHORIZED})
		self.assertTrue(outcomes)

	@over_every_adapter
	def test_the_same_request_twice_is_one_payment(self, code, cls):
		adapter, request = self.build(cls), self.request(code)
		opened, event = self.paid(adapter, request)
		with suppress(
			MaybeSent, GatewayRefused
		):  # it may say that it knows this one, but not take money again
			self.visit(adapter.create(request))
		taken = [charge for charge in self.simulator.captures(code) if charge.reference == request.reference]
		self.assertEqual([charge.amount_minor for charge in taken], [49950])
		self.assertEqual(self.money(adapter, self.ref(request, opened)).payment_id, event.payment_id)

	@over_every_adapter
	def test_an_attempt_that_the_gateway_never_saw_is_not_paid(self, code, cls):
		outcomes = {event.outcome for event in self.build(cls).status(self.ref(self.request(code)))}
		self.assertLessEqual(outcomes, {Outcome.NOT_FOUND, Outcome.PENDING, Outcome.FAILED, Outcome.EXPIRED})

	@over_every_adapter
	def test_a_decline_is_a_value(self, code, cls):
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
	def test_what_was_sent_back_in_the_dashboard_stands_behind_the_payment(self, code, cls):
		adapter, request = self.build(cls), self.request(code)
		opened, event = self.paid(adapter, request)
		self.simulator.refund_from_dashboard(code, request.reference, 12345)
		old = replace(self.ref(request, opened), created_at=datetime.now(timezone.utc) - timedelta(hours=1))
		first, *refunds = adapter.status(old)
		self.assertEqual(
			(first.outcome, first.payment_id, first.amount), (Outcome.PAID, event.payment_id, AMOUNT)
		)
		told = [(r.outcome, r.payment_id, r.amount, r.currency) for r in refunds]
		sent_back = (RefundOutcome.REFUNDED, event.payment_id, Decimal("123.45"), request.currency)
		self.assertEqual(told, [] if code in TELLS_NO_REFUNDS else [sent_back])
		self.assertTrue(all(refund.refund_id for refund in refunds))

	@over_every_adapter
	def test_a_refund_of_ours_stands_behind_the_payment_with_our_key(self, code, cls):
		adapter, request = self.build(cls), self.request(code)
		opened, event = self.paid(adapter, request)
		wanted = self.refund_request(request, opened, event)
		adapter.refund(wanted)
		old = replace(self.ref(request, opened), created_at=datetime.now(timezone.utc) - timedelta(hours=1))
		keys = [refund.key for refund in adapter.status(old)[1:]]
		self.assertEqual(keys, [] if code in TELLS_NO_REFUNDS else [wanted.key])

	@over_every_adapter
	def test_a_new_payment_is_not_asked_about_refunds(self, code, cls):
		adapter, request = self.build(cls), self.request(code)
		opened, _event = self.paid(adapter, request)
		asked = []
		with recorded_calls(adapter.http, asked):
			adapter.status(self.ref(request, opened))
		self.assertTrue(asked)
		self.assertFalse([call for call in asked if "refund" in call.lower()])

	# Trouble --------------------------------------------------------------------------------------

	@over_every_adapter
	def test_a_gateway_that_is_not_there_was_not_reached(self, code, cls):
		nowhere = self.build(cls, base_url="http://127.0.0.1:9")
		with self.assertRaises(NotSent):
			nowhere.status(replace(self.ref(self.request(code)), order_id="order_1"))

	@over_every_adapter
	def test_an_answer_that_is_lost_leaves_it_open_whether_it_was_refunded(self, code, cls):
		"""R13."""
		adapter, request = self.build(cls), self.request(code)
		opened, event = self.paid(adapter, request)
		self.simulator.faults.add(code, "refund", "timeout_after")
		wanted = self.refund_request(request, opened, event)
		with self.assertRaises(MaybeSent):
			adapter.refund(wanted)
		self.assertIn(
			adapter.refund_status(wanted).outcome, (RefundOutcome.REFUNDED, RefundOutcome.PROCESSING)
		)

	# Giving back ----------------------------------------------------------------------------------

	@over_every_adapter
	def test_a_refund_asked_for_twice_with_one_key_sends_the_money_once(self, code, cls):
		adapter, request = self.build(cls), self.request(code)
		opened, event = self.paid(adapter, request)
		wanted = self.refund_request(request, opened, event, Decimal("100"))
		adapter.refund(wanted)
		adapter.refund(wanted)
		self.assertEqual(sum(refund.amount_minor for refund in self.simulator.refunds(code)), 10000)

	@over_every_adapter
	def test_a_refund_that_was_never_made_is_not_found(self, code, cls):
		adapter, request = self.build(cls), self.request(code)
		opened, event = self.paid(adapter, request)
		told = adapter.refund_status(self.refund_request(request, opened, event))
		self.assertEqual(told.outcome, RefundOutcome.NOT_FOUND)

	# Hearing --------------------------------------------------------------------------------------

	@over_every_adapter
	def test_its_own_webhooks_are_understood_and_tampered_ones_prove_nothing(self, code, cls):
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
		"""True when a message changes money without the gateway being asked."""
		try:
			notice = adapter.receive(callback)
		except GatewayError:
			return False
		# A message about another amount that is passed on as it came was not tampered with where it counts.
		wrong = [e for e in notice.events if getattr(e, "amount", None) not in (None, AMOUNT)]
		return notice.verified and not notice.confirm and bool(wrong)

	@settings(max_examples=150, deadline=None)
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
	def test_nothing_that_comes_in_breaks_it(self, code, kind, body, fields, headers):
		"""S23: whatever the bytes are, the answer is a Notice or one of our errors."""
		callback = Callback(kind, "POST", headers, {"gateway": code, **fields}, body, fields)
		self.assertFalse(self.is_believed(self.build(load(BUILT_IN[code])), callback))


if __name__ == "__main__":
	unittest.main()
