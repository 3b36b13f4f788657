"""PhonePe's adapter against the facts of its API and against the simulator over real HTTP."""

import unittest
from datetime import datetime, timezone
from decimal import Decimal
from itertools import pairwise

from oropendola_payments.gateways.base import (
	Callback,
	Customer,
	Outcome,
	PaymentRef,
	PaymentRequest,
	RefundOutcome,
	RefundRequest,
)
from oropendola_payments.gateways.errors import (
	BadAnswer,
	CredentialsRefused,
	GatewayRefused,
	MaybeSent,
	NotSent,
	SignatureError,
)
from oropendola_payments.gateways.http import HttpClient
from oropendola_payments.gateways.phonepe.adapter import BOTH_FILLED, PhonePe
from oropendola_payments.simulator import Simulator

RETURN = "https://example.com/api/method/oropendola_payments.api.callbacks.returned?gateway=phonepe&attempt="
NEW = dict(PhonePe.simulator_secrets)
SALT = "22222222-3333-4444-8555-666666666666"
LEGACY = {"legacy_id": "SIMMERCHANT", "legacy_secret": SALT, "legacy_version": "1"}


class Tokens(dict):
	"""The host's cache of tokens, and for how long they were to be kept."""

	def __init__(self):
		super().__init__()
		self.seconds = []

	def set(self, key, value, seconds):
		self[key] = value
		self.seconds.append(seconds)

	def delete(self, key):
		self.pop(key, None)


def adapter(secrets=NEW, base_url="http://127.0.0.1:9", tokens=None, **options) -> PhonePe:
	tokens = Tokens() if tokens is None else tokens
	http = HttpClient(timeout=(2, 2))
	return PhonePe(secrets=secrets, mode="Simulator", http=http, tokens=tokens, base_url=base_url, **options)


def request(reference: str, amount="1499.00", **values) -> PaymentRequest:
	wanted = {
		"reference": reference,
		"amount": Decimal(amount),
		"currency": "INR",
		"description": "Plan",
		"customer": Customer("Asha Example", "asha@example.com", "+919876543210"),
		"return_url": RETURN + reference,
		"cancel_url": RETURN + reference,
		"webhook_url": "https://example.com/hook",
		"idempotency_key": f"key-{reference}",
		"invoice": "INV-0001",
	}
	return PaymentRequest(**{**wanted, **values})


def ref(reference: str, amount="1499.00", **values) -> PaymentRef:
	return PaymentRef(reference, Decimal(amount), "INR", **values)


def refund_of(reference: str, payment_id: str, amount="1499.00", key="RF1") -> RefundRequest:
	hook = "https://example.com/hook?gateway=phonepe"
	return RefundRequest(ref(reference), payment_id, Decimal(amount), "INR", key, webhook_url=hook)


def webhook(body: bytes, **headers) -> Callback:
	named = {name.replace("_", "-"): value for name, value in headers.items()}
	return Callback("webhook", "POST", named, {"gateway": "phonepe"}, body)


def delivered(delivery) -> Callback:
	return Callback("webhook", "POST", delivery.headers, {"gateway": "phonepe"}, delivery.body)


class WithSimulator(unittest.TestCase):
	secrets = NEW

	@classmethod
	def setUpClass(cls):
		cls.simulator = Simulator(codes=["phonepe"]).start()
		cls.addClassCleanup(cls.simulator.close)

	def setUp(self):
		self.addCleanup(self.simulator.reset)
		self.tokens = Tokens()
		self.gateway = self.make()

	def make(self, **options) -> PhonePe:
		options.setdefault("tokens", self.tokens)
		return adapter(options.pop("secrets", self.secrets), f"{self.simulator.url}/phonepe", **options)

	def configure(self, **values):
		config = self.simulator.providers["phonepe"].config
		before = {name: config[name] for name in values}
		self.addCleanup(lambda: self.simulator.configure("phonepe", **before))
		self.simulator.configure("phonepe", **values)

	def paid(self, reference: str, **values) -> str:
		self.gateway.create(request(reference, **values))
		self.simulator.pay("phonepe", reference)
		return self.gateway.status(ref(reference))[0].payment_id


class TestPaying(WithSimulator):
	def test_a_paid_order_is_told_with_its_id_amount_and_currency(self):
		checkout = self.gateway.create(request("PAY1"))
		back = self.simulator.pay("phonepe", "PAY1", method="card")
		event = self.gateway.status(ref("PAY1"))[0]
		self.assertEqual((checkout.next_action, checkout.order_id), ("redirect", event.order_id))
		self.assertEqual(
			(event.outcome, event.amount, event.currency), (Outcome.PAID, Decimal("1499.00"), "INR")
		)
		self.assertEqual((event.reference, event.payment_id), ("PAY1", checkout.order_id))
		self.assertEqual((back.method, back.url), ("GET", RETURN + "PAY1"))
		charge = self.simulator.captures("phonepe")[0]
		self.assertEqual((charge.payment_id, charge.amount_minor), (event.payment_id, 149900))

	def test_paise_are_exact(self):
		"""phonepe.md pitfall 2: rupees where paise are meant, and floats. R17: int(8.35 * 100) is 834."""
		self.gateway.create(request("PAY2", "8.35"))
		self.assertEqual(self.simulator.order("phonepe", "PAY2").amount_minor, 835)

	def test_another_currency_is_refused_before_anything_is_sent(self):
		"""R18: an unsupported currency must not become rupees with the same number."""
		with self.assertRaisesRegex(GatewayRefused, "rupees only"):
			self.gateway.create(request("PAY3", currency="USD"))
		self.assertIsNone(self.simulator.order("phonepe", "PAY3"))

	def test_a_partner_names_the_merchant_in_every_call(self):
		"""phonepe.md section 1: partners who act for several merchants send X-MERCHANT-ID."""
		self.configure(acts_for="M22SHOP")
		with self.assertRaises(CredentialsRefused):
			self.gateway.create(request("PART1"))
		partner = self.make(secrets={**NEW, "account_id": "M22SHOP"})
		partner.create(request("PART2"))
		self.simulator.pay("phonepe", "PART2")
		event = partner.status(ref("PART2"))[0]
		partner.refund(refund_of("PART2", event.payment_id))
		self.assertEqual(partner.refund_status(refund_of("PART2", event.payment_id)).key, "RF1")

	def test_a_bare_refusal_is_about_keys_and_a_bare_400_about_nothing(self):
		"""phonepe.md pitfall 8: a key or app that is not enabled for production gives bare 400 and 401 answers."""
		for number, (status, error) in enumerate(((401, None), (403, CredentialsRefused), (400, BadAnswer))):
			self.simulator.faults.add("phonepe", "create", "error_500_before", status=status)
			if error is None:  # once, with a new token
				self.assertTrue(self.gateway.create(request(f"BARE{number}")).url)
				continue
			with self.assertRaises(error):
				self.gateway.create(request(f"BARE{number}"))

	def test_an_order_ends_after_half_an_hour(self):
		"""phonepe.md pitfall 5 and section 2: expireAt counts milliseconds; expireAfter is 300 to 3600 seconds, the simulator refuses anything else."""
		before = datetime.now(timezone.utc)
		checkout = self.gateway.create(request("EXP1"))
		self.assertAlmostEqual((checkout.expires_at - before).total_seconds(), 1800, delta=5)

	def test_embedded_flow_offers_the_script_and_the_plain_address(self):
		checkout = self.gateway.create(request("PAY4", flow="embedded"))
		self.assertEqual((checkout.next_action, checkout.sdk.driver), ("sdk", "phonepe"))
		self.assertEqual(checkout.sdk.config["tokenUrl"], checkout.url)
		script = self.simulator.open(checkout.sdk.script.removeprefix(self.simulator.url))
		self.assertIn("PhonePeCheckout", script.text)

	def test_a_cancelled_visit_leaves_the_order_pending(self):
		self.gateway.create(request("PAY5"))
		self.simulator.pay("phonepe", "PAY5", outcome="cancel")
		self.assertEqual(self.gateway.status(ref("PAY5"))[0].outcome, Outcome.PENDING)

	def test_a_failed_attempt_inside_an_open_order_is_not_a_failed_order(self):
		"""phonepe.md pitfall 4: only the root state decides."""
		self.configure(keeps_order_open=True)
		self.gateway.create(request("PAY6"))
		self.simulator.pay("phonepe", "PAY6", outcome="failure")
		self.assertEqual(self.gateway.status(ref("PAY6"))[0].outcome, Outcome.PENDING)
		self.simulator.pay("phonepe", "PAY6")
		event = self.gateway.status(ref("PAY6"))[0]
		self.assertEqual((event.outcome, event.details["attempts"]), (Outcome.PAID, 2))

	def test_a_failed_order_says_why(self):
		self.gateway.create(request("PAY7"))
		self.simulator.pay("phonepe", "PAY7", outcome="failure")
		event = self.gateway.status(ref("PAY7"))[0]
		self.assertEqual((event.outcome, event.error_code), (Outcome.FAILED, "ZM"))

	def test_an_order_that_expired_unpaid_is_failed_and_a_late_success_is_seen(self):
		"""R5: a payment that was pending at expiry may still come through."""
		self.gateway.create(request("PAY8"))
		self.simulator.pay("phonepe", "PAY8", outcome="pending")
		self.simulator.finish("phonepe", "PAY8", "failure")
		self.assertEqual(self.gateway.status(ref("PAY8"))[0].outcome, Outcome.FAILED)
		self.simulator.finish("phonepe", "PAY8", "success")
		self.assertEqual(self.gateway.status(ref("PAY8"))[0].outcome, Outcome.PAID)

	def test_an_unknown_reference_is_not_found(self):
		self.assertEqual(self.gateway.status(ref("NEVER"))[0].outcome, Outcome.NOT_FOUND)

	def test_the_amount_told_is_the_gateways_not_ours(self):
		"""S2, R8: the engine can only compare when the adapter does not echo the request."""
		self.gateway.create(request("PAY9"))
		self.simulator.faults.add("phonepe", "pay", "wrong_amount", amount_minor=100)
		self.simulator.pay("phonepe", "PAY9")
		self.assertEqual(self.gateway.status(ref("PAY9"))[0].amount, Decimal("1.00"))

	def test_a_time_out_while_creating_is_unknown_and_status_finds_the_order(self):
		self.simulator.faults.add("phonepe", "create", "timeout_after")
		with self.assertRaises(MaybeSent):
			self.gateway.create(request("PAY10"))
		self.assertEqual(self.gateway.status(ref("PAY10"))[0].outcome, Outcome.PENDING)

	def test_creating_again_under_the_same_id_asks_for_the_state_instead_of_failing(self):
		"""phonepe.md section 7: on 409 the order is looked up."""
		self.gateway.create(request("PAY11"))
		with self.assertRaises(MaybeSent):
			self.gateway.create(request("PAY11"))

	def test_a_server_error_while_creating_is_unknown(self):
		self.simulator.faults.add("phonepe", "create", "error_500_after")
		with self.assertRaises(MaybeSent):
			self.gateway.create(request("PAY12"))

	def test_garbage_is_a_bad_answer(self):
		self.simulator.faults.add("phonepe", "create", "garbage")
		with self.assertRaises(BadAnswer):
			self.gateway.create(request("PAY13"))

	def test_a_refused_order_is_final_and_carries_phonepes_reason(self):
		with self.assertRaisesRegex(GatewayRefused, "at least 100") as caught:
			self.gateway.create(request("PAY14", "0.50"))
		self.assertEqual(caught.exception.gateway_code, "BAD_REQUEST")


class TestToken(WithSimulator):
	def test_one_token_serves_many_calls_and_many_workers(self):
		self.gateway.create(request("TOK1"))
		self.simulator.faults.add("phonepe", "token", "error_500_before", times=None)
		self.make().status(ref("TOK1"))
		self.assertEqual(len(self.tokens), 1)

	def test_it_is_renewed_some_minutes_before_it_expires(self):
		"""phonepe.md pitfall 5 and section 1: expires_at of a token counts seconds and drives the cache; renew 3 to 5 minutes before."""
		self.gateway.create(request("TOK2"))
		self.assertAlmostEqual(self.tokens.seconds[0], 3600 - 240, delta=5)

	def test_a_short_lived_token_is_kept_for_half_its_life(self):
		self.configure(token_seconds=60)
		self.gateway.create(request("TOK3"))
		self.assertAlmostEqual(self.tokens.seconds[0], 30, delta=2)

	def test_a_refused_token_is_renewed_once_and_the_call_repeated(self):
		self.gateway.create(request("TOK4"))
		key = next(iter(self.tokens))
		self.tokens[key] = "expired-token"
		self.assertEqual(self.gateway.status(ref("TOK4"))[0].outcome, Outcome.PENDING)
		self.assertNotEqual(self.tokens[key], "expired-token")

	def test_a_token_that_is_refused_twice_is_a_matter_of_keys(self):
		self.configure(token_seconds=-10)
		with self.assertRaises(CredentialsRefused):
			self.gateway.status(ref("TOK5"))

	def test_without_a_token_nothing_was_sent(self):
		"""A time-out of the token call cannot have opened an order, so the customer may try again."""
		for kind in ("timeout_after", "error_500_before", "garbage"):
			self.simulator.faults.add("phonepe", "token", kind)
			with self.subTest(kind), self.assertRaises(NotSent):
				self.gateway.create(request(f"TOK6{kind[0]}"))

	def test_new_keys_never_use_the_token_of_the_old_ones(self):
		"""R25: other workers may still hold a token of keys that were replaced."""
		self.gateway.create(request("TOK7"))
		other = self.make(secrets={**NEW, "key_secret": "another-secret"})
		with self.assertRaisesRegex(CredentialsRefused, "Client Secret"):
			other.status(ref("TOK7"))

	def test_the_connection_test_asks_for_a_new_token(self):
		self.assertIn("accepts", self.gateway.test_connection())
		self.configure(client_secret="changed-at-phonepe")
		with self.assertRaisesRegex(CredentialsRefused, "Client Version"):
			self.gateway.test_connection()

	def test_nobody_at_the_address_means_not_sent(self):
		with self.assertRaises(NotSent):
			adapter().create(request("TOK8"))

	def test_the_secret_is_in_no_error(self):
		"""S16: secrets never appear in errors."""
		with self.assertRaises(CredentialsRefused) as caught:
			self.make(secrets={**NEW, "key_secret": "very-secret-value"}).test_connection()
		self.assertNotIn("very-secret-value", str(caught.exception))


class TestRefunds(WithSimulator):
	def test_a_refund_is_pending_first_and_refunded_later(self):
		payment_id = self.paid("REF1")
		first = self.gateway.refund(refund_of("REF1", payment_id, "500.00"))
		self.assertEqual((first.outcome, first.amount), (RefundOutcome.PROCESSING, Decimal("500.00")))
		self.simulator.finish_refund("phonepe", "RF1")
		later = self.gateway.refund_status(refund_of("REF1", payment_id, "500.00"))
		self.assertEqual((later.outcome, later.refund_id), (RefundOutcome.REFUNDED, first.refund_id))

	def test_a_failed_refund_is_told(self):
		payment_id = self.paid("REF2")
		self.gateway.refund(refund_of("REF2", payment_id))
		self.simulator.finish_refund("phonepe", "RF1", "failure")
		self.assertEqual(
			self.gateway.refund_status(refund_of("REF2", payment_id)).outcome, RefundOutcome.FAILED
		)

	def test_a_refund_that_timed_out_is_found_by_our_key_and_made_once(self):
		"""R13, R14: never recorded as failed, never refunded twice."""
		payment_id = self.paid("REF3")
		self.simulator.faults.add("phonepe", "refund", "timeout_after")
		with self.assertRaises(MaybeSent):
			self.gateway.refund(refund_of("REF3", payment_id))
		again = self.gateway.refund(refund_of("REF3", payment_id))
		self.assertEqual(again.outcome, RefundOutcome.PROCESSING)
		self.assertEqual(len(self.simulator.refunds("phonepe")), 1)

	def test_a_refund_that_was_never_made_is_not_found(self):
		payment_id = self.paid("REF4")
		self.assertEqual(
			self.gateway.refund_status(refund_of("REF4", payment_id)).outcome, RefundOutcome.NOT_FOUND
		)

	def test_a_second_refund_while_one_is_pending_is_refused(self):
		"""phonepe.md section 6; the engine learns it from `one_refund_at_a_time`."""
		payment_id = self.paid("REF5")
		self.gateway.refund(refund_of("REF5", payment_id, "10.00", "RF1"))
		with self.assertRaisesRegex(GatewayRefused, "pending"):
			self.gateway.refund(refund_of("REF5", payment_id, "10.00", "RF2"))
		self.assertTrue(PhonePe.capabilities.one_refund_at_a_time)

	def test_more_than_was_paid_is_refused(self):
		payment_id = self.paid("REF6")
		with self.assertRaises(GatewayRefused) as caught:
			self.gateway.refund(refund_of("REF6", payment_id, "1500.00"))
		self.assertEqual(caught.exception.gateway_code, "EXCESS_REFUND_AMOUNT")


class TestSettings(unittest.TestCase):
	def test_two_products_are_never_mixed(self):
		"""phonepe.md pitfall 7: client id, client secret and salt key on one screen describe two products."""
		both = {**NEW, **LEGACY}
		self.assertIn(BOTH_FILLED, PhonePe.credential_problems(both, "Test"))
		with self.assertRaises(CredentialsRefused):
			adapter(both).create(request("MIX1"))
		with self.assertRaises(SignatureError):
			adapter(both).receive(webhook(b"{}"))

	def test_what_is_missing_depends_on_the_product_that_was_begun(self):
		self.assertEqual(PhonePe.missing_credentials({}), ["Client ID", "Client Secret", "Client Version"])
		self.assertEqual(PhonePe.missing_credentials({"legacy_id": "M"}), ["Salt Key", "Salt Index"])
		self.assertEqual(PhonePe.missing_credentials(LEGACY), [])
		self.assertEqual(PhonePe.missing_credentials(NEW), [])

	def test_impossible_credentials_are_named(self):
		self.assertEqual(PhonePe.credential_problems(NEW, "Test"), [])
		self.assertIn("Client Version", PhonePe.credential_problems({**NEW, "key_version": "v1"}, "Test")[0])
		self.assertIn(
			"Webhook Password", PhonePe.credential_problems({**NEW, "webhook_secret": ""}, "Test")[0]
		)
		legacy = {**LEGACY, "legacy_id": "PGTESTPAYUAT"}
		self.assertIn("test merchant", PhonePe.credential_problems(legacy, "Live")[0])

	def test_live_addresses_differ_for_token_and_payments(self):
		"""phonepe.md pitfall 1: the payments prefix on the token address answers 401."""
		gateway = PhonePe(secrets=NEW, mode="Live", http=HttpClient(), tokens=Tokens())
		self.assertEqual(gateway.host("token"), "https://api.phonepe.com/apis/identity-manager")
		self.assertEqual(gateway.host("api"), "https://api.phonepe.com/apis/pg")
		self.assertEqual(gateway.host("legacy"), "https://api.phonepe.com/apis/hermes")

	def test_polling_follows_the_schedule_phonepe_demands(self):
		"""phonepe.md section 5: 20-25 s, every 3 s for 30 s, 6 s for 60 s, 10 s for 60 s, 30 s for 60 s, each minute."""
		asked, age = [], 0
		while age < 400:
			age += PhonePe.poll_seconds(age)
			asked.append(age)
		self.assertTrue(20 <= asked[0] <= 25)
		waits = [later - earlier for earlier, later in pairwise(asked)]
		self.assertEqual(waits[:10], [3] * 10)
		self.assertEqual(waits[10:20], [6] * 10)
		self.assertEqual(waits[20:26], [10] * 6)
		self.assertEqual(waits[26:28], [30] * 2)
		self.assertEqual(set(waits[28:]), {60})
