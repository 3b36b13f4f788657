"""Cashfree's adapter against the facts of its API and against the simulator over real HTTP."""

import json
import unittest
from datetime import datetime, timedelta, timezone
from decimal import Decimal

from Crypto.PublicKey import RSA

from oropendola_payments.gateways.base import (
	Callback,
	Customer,
	Outcome,
	PaymentRef,
	PaymentRequest,
	RefundRequest,
)
from oropendola_payments.gateways.cashfree.adapter import Cashfree
from oropendola_payments.gateways.cashfree.client import API_VERSION, is_unknown, json_of
from oropendola_payments.gateways.cashfree.mapping import id_of, payment_event, unpaid_event
from oropendola_payments.gateways.cashfree.payloads import _phone as phone
from oropendola_payments.gateways.cashfree.payloads import order_fields
from oropendola_payments.gateways.errors import (
	BadAnswer,
	CredentialsRefused,
	GatewayRefused,
	MaybeSent,
	NotSent,
)
from oropendola_payments.gateways.http import HttpClient, parse_object
from oropendola_payments.simulator import Simulator

RETURN = "https://example.com/api/method/oropendola_payments.api.callbacks.returned?gateway=cashfree&attempt="
SECRETS = dict(Cashfree.simulator_secrets)


class NoTokens:
	"""Cashfree needs none."""


def adapter(secrets=SECRETS, base_url="http://127.0.0.1:9", mode="Simulator", **options) -> Cashfree:
	http = HttpClient(timeout=(2, 2))
	return Cashfree(secrets=secrets, mode=mode, http=http, tokens=NoTokens(), base_url=base_url, **options)


def request(reference: str, amount="1499.00", **values) -> PaymentRequest:
	wanted = {
		"reference": reference,
		"amount": Decimal(amount),
		"currency": "INR",
		"description": "Plan",
		"customer": Customer("Asha Example", "asha@example.com", "+91 98765 43210"),
		"return_url": RETURN + reference,
		"cancel_url": RETURN + reference,
		"webhook_url": "https://example.com/hook",
		"idempotency_key": f"key-{reference}",
		"invoice": "INV-0001",
	}
	return PaymentRequest(**{**wanted, **values})


def ref(reference: str, amount="1499.00", **values) -> PaymentRef:
	return PaymentRef(reference, Decimal(amount), "INR", **values)


def refund_of(reference: str, payment_id="", amount="1499.00", key="RF1", **values) -> RefundRequest:
	return RefundRequest(ref(reference), payment_id, Decimal(amount), "INR", key, **values)


def delivered(delivery) -> Callback:
	return Callback("webhook", "POST", delivery.headers, {"gateway": "cashfree"}, delivery.body)


class WithSimulator(unittest.TestCase):
	@classmethod
	def setUpClass(cls):
		cls.simulator = Simulator(codes=["cashfree"]).start()
		cls.addClassCleanup(cls.simulator.close)

	def setUp(self):
		self.addCleanup(self.simulator.reset)
		self.gateway = self.make()

	def make(self, **options) -> Cashfree:
		return adapter(base_url=f"{self.simulator.url}/cashfree", **options)

	def configure(self, **values):
		config = self.simulator.providers["cashfree"].config
		before = {name: config[name] for name in values}
		self.addCleanup(lambda: self.simulator.configure("cashfree", **before))
		self.simulator.configure("cashfree", **values)

	def open(self, reference: str, **values):
		return self.gateway.create(request(reference, **values))

	def paid(self, reference: str) -> str:
		self.open(reference)
		self.simulator.pay("cashfree", reference)
		return self.status(reference).payment_id

	def status(self, reference: str):
		return self.gateway.status(ref(reference))[0]


class TestPaying(WithSimulator):
	def test_the_hosted_page_is_opened_by_the_script_and_the_payment_is_told(self):
		checkout = self.open("PAY1")
		self.assertEqual((checkout.next_action, checkout.sdk.driver), ("sdk", "cashfree"))
		self.assertEqual(checkout.sdk.config["mode"], "sandbox")
		script = self.simulator.open(checkout.sdk.script)
		self.assertIn("window.Cashfree", script.text)
		session = checkout.sdk.config["paymentSessionId"]
		page = self.simulator.open(f"/cashfree/pg/view/sessions/checkout?session={session}")
		self.assertIn("1499.00", page.text)
		back = self.simulator.pay("cashfree", "PAY1")
		self.assertEqual((back.method, back.url, dict(back.fields)), ("GET", RETURN + "PAY1", {}))
		event, charge = self.status("PAY1"), self.simulator.captures("cashfree")[0]
		self.assertEqual(
			(event.outcome, event.amount, event.currency), (Outcome.PAID, Decimal("1499.00"), "INR")
		)
		self.assertEqual((event.payment_id, event.order_id), (charge.payment_id, checkout.order_id))

	def test_every_call_names_its_version(self):
		"""cashfree.md pitfall 7: without x-api-version another API answers; since 2023-08-01 all cf_* ids are text."""
		spoken = []
		self.gateway.http.session.hooks["response"].append(
			lambda answer, **_options: spoken.append(answer.request.headers.get("x-api-version"))
		)
		payment_id = self.paid("VERSION1")
		self.gateway.refund(refund_of("VERSION1", payment_id))
		self.gateway.refund_status(refund_of("VERSION1", payment_id))
		self.assertGreaterEqual(len(spoken), 5)
		self.assertEqual(set(spoken), {API_VERSION})
		self.assertGreaterEqual(API_VERSION, "2023-08-01")

	def test_amounts_are_rupees_and_exact(self):
		"""cashfree.md pitfall 1, R17: neither paise nor a float."""
		self.open("PAY2", amount="8.35")
		self.assertEqual(self.simulator.order("cashfree", "PAY2").amount_minor, 835)
		self.assertEqual(json_of({"a": 1}, order_amount="1499.50"), '{"a": 1, "order_amount": 1499.50}')

	def test_an_amount_finer_than_paise_is_refused(self):
		with self.assertRaises(ValueError):
			self.open("PAY3", amount="1.005")

	def test_our_reference_is_echoed_in_order_id_and_tags(self):
		self.open("PAY4")
		self.assertEqual(self.simulator.order("cashfree", "PAY4").fields["tags"]["reference"], "PAY4")

	def test_a_missing_phone_number_is_said_before_anything_is_sent(self):
		with self.assertRaisesRegex(GatewayRefused, "phone number"):
			self.open("PAY5", customer=Customer("Asha Example", "asha@example.com"))
		self.assertIsNone(self.simulator.order("cashfree", "PAY5"))

	def test_phone_numbers_take_the_form_that_cashfree_wants(self):
		self.assertEqual(phone("+91 98765-43210"), "9876543210")
		self.assertEqual(phone("098765 43210"), "9876543210")
		self.assertEqual(phone("+44 7700 900123"), "+447700900123")

	def test_an_order_ends_after_half_an_hour(self):
		"""cashfree.md section 2: at least about 15 minutes ahead; the simulator refuses less."""
		ahead = self.open("PAY6").expires_at - datetime.now(timezone.utc)
		self.assertTrue(timedelta(minutes=29) < ahead < timedelta(minutes=31))

	def test_failed_attempts_leave_the_order_payable(self):
		"""cashfree.md pitfall 3: one FAILED closes nothing, a later attempt may succeed (R21)."""
		self.open("PAY7")
		for outcome in ("failure", "cancel"):
			self.simulator.pay("cashfree", "PAY7", outcome=outcome)
			event = self.status("PAY7")
			self.assertEqual((event.outcome, event.payment_id), (Outcome.PENDING, None))
		self.assertEqual(event.error_code, "TRANSACTION_DECLINED")
		self.simulator.pay("cashfree", "PAY7")
		self.assertEqual(self.status("PAY7").outcome, Outcome.PAID)

	def test_an_expired_order_without_an_open_attempt_is_expired(self):
		self.open("PAY8")
		self.simulator.pay("cashfree", "PAY8", outcome="failure")
		self.simulator.clock.advance(3600)
		self.addCleanup(self.simulator.clock.advance, -3600)
		self.assertEqual(self.status("PAY8").outcome, Outcome.EXPIRED)

	def test_an_attempt_that_began_before_expiry_may_still_succeed(self):
		"""cashfree.md section 2; R5, R6."""
		self.open("PAY9")
		self.simulator.pay("cashfree", "PAY9", outcome="pending")
		self.simulator.clock.advance(3600)
		self.addCleanup(self.simulator.clock.advance, -3600)
		self.assertEqual(self.status("PAY9").outcome, Outcome.PENDING)
		self.simulator.finish("cashfree", "PAY9")
		self.assertEqual(self.status("PAY9").outcome, Outcome.PAID)

	def test_an_order_that_ended_with_an_attempt_under_way_is_not_failed(self):
		"""R6: the attempt may still take the money."""
		for word in ("EXPIRED", "TERMINATED"):
			for attempt, outcome in (("PENDING", Outcome.PENDING), ("NEW_WORD", Outcome.PENDING)):
				tries = [{"payment_status": "FAILED"}, {"payment_status": attempt}]
				self.assertEqual(unpaid_event({"order_status": word}, tries, "PAY17", None).outcome, outcome)
			ended = unpaid_event({"order_status": word}, [{"payment_status": "FAILED"}], "PAY17", None)
			self.assertIn(ended.outcome, (Outcome.EXPIRED, Outcome.CANCELLED))

	def test_two_successes_of_one_order_are_two_facts(self):
		"""P8. R7: a second capture must not disappear."""
		self.open("PAY10")
		self.simulator.pay("cashfree", "PAY10", outcome="pending")
		first = self.simulator.charges("cashfree")[0].payment_id
		self.simulator.pay("cashfree", "PAY10")
		body = {"entity": "PAYMENTS", "entity_id": first, "entity_simulation": {"payment_status": "SUCCESS"}}
		self.gateway._client.ask("POST", "/simulate", data=json.dumps(body))
		events = self.gateway.status(ref("PAY10"))
		self.assertEqual([event.outcome for event in events], [Outcome.PAID] * 2)
		self.assertEqual(len({event.payment_id for event in events}), 2)

	def test_amount_and_currency_are_the_gateways(self):
		"""S2, R8."""
		self.open("PAY11")
		self.simulator.faults.add("cashfree", "pay", "wrong_amount", amount_minor=100)
		self.simulator.faults.add("cashfree", "pay", "wrong_currency", currency="USD")
		self.simulator.pay("cashfree", "PAY11")
		event = self.status("PAY11")
		self.assertEqual((event.amount, event.currency), (Decimal("1.00"), "USD"))

	def test_a_service_fee_for_the_customer_is_not_our_money(self):
		"""SDK model of the payment: the order's amount differs from the payment's when a fee is added on top."""
		payment = {"payment_status": "SUCCESS", "cf_payment_id": "1", "payment_currency": "INR"}
		amounts = {"order_amount": Decimal("1499.00"), "payment_amount": Decimal("1520.50")}
		self.assertEqual(payment_event({**payment, **amounts}, "PAY16").amount, Decimal("1499.00"))
		less = {**amounts, "payment_amount": Decimal("1400.00")}
		self.assertEqual(payment_event({**payment, **less}, "PAY16").amount, Decimal("1400.00"))

	def test_an_unknown_reference_is_not_found(self):
		self.assertEqual(self.status("NEVER").outcome, Outcome.NOT_FOUND)

	def test_words_that_we_do_not_know_are_never_money(self):
		for status in ("SUCCEEDED", "success", None, 1, ["SUCCESS"], "FLAGGED"):
			payment = {
				"payment_status": status,
				"cf_payment_id": "1",
				"payment_amount": 1,
				"payment_currency": "INR",
			}
			self.assertEqual(payment_event(payment, "PAY12").outcome, Outcome.PENDING)

	def test_a_success_without_id_amount_or_currency_is_not_paid(self):
		whole = {
			"payment_status": "SUCCESS",
			"cf_payment_id": 5,
			"payment_amount": "2.50",
			"payment_currency": "inr",
		}
		self.assertEqual(payment_event(whole, "PAY13").amount, Decimal("2.50"))
		for name in ("cf_payment_id", "payment_amount", "payment_currency"):
			broken = {**whole, name: True}
			self.assertEqual(payment_event(broken, "PAY13").outcome, Outcome.PENDING)

	def test_the_customers_id_gives_away_no_address(self):
		"""S37: no personal data where an id suffices, and letters and digits only."""
		fields = order_fields(request("PAY14"), datetime.now(timezone.utc))
		customer_id = fields["customer_details"]["customer_id"]
		self.assertTrue(customer_id.isalnum() and 3 <= len(customer_id) <= 50)
		self.assertNotIn("asha", customer_id)

	def test_a_webhook_address_is_told_only_when_cashfree_could_reach_it(self):
		now = datetime.now(timezone.utc)
		meta = order_fields(request("PAY15", webhook_url="http://127.0.0.1/hook"), now)["order_meta"]
		self.assertNotIn("notify_url", meta)
		self.assertIn("notify_url", order_fields(request("PAY15"), now)["order_meta"])


class TestTrouble(WithSimulator):
	def test_a_create_call_that_timed_out_is_repeated_without_a_second_order(self):
		"""cashfree.md section 8: the same idempotency key answers the first result."""
		self.simulator.faults.add("cashfree", "create", "timeout_after")
		with self.assertRaises(MaybeSent):
			self.open("TR1")
		first = self.simulator.order("cashfree", "TR1")
		again = self.open("TR1")
		self.assertEqual(again.order_id, first.order_id)
		self.assertEqual(self.status("TR1").outcome, Outcome.PENDING)

	def test_an_order_that_exists_already_is_taken_up_when_it_is_the_same(self):
		"""A repeat gives 409 order_already_exists; the session of the first order still works."""
		first = self.open("TR2")
		again = self.open("TR2", idempotency_key="another-key")
		self.assertEqual(again.sdk.config, first.sdk.config)

	def test_an_order_of_another_amount_is_never_taken_up(self):
		"""S2: otherwise a cheap order could stand in for a dear one."""
		self.open("TR3", amount="1.00")
		with self.assertRaises(MaybeSent):
			self.open("TR3", idempotency_key="another-key")

	def test_a_paid_order_is_not_opened_again(self):
		self.paid("TR4")
		with self.assertRaises(MaybeSent):
			self.open("TR4", idempotency_key="another-key")

	def test_errors_say_whether_it_was_sent(self):
		cases = {"error_500_before": MaybeSent, "timeout_before": MaybeSent, "garbage": BadAnswer}
		for number, (kind, error) in enumerate(cases.items()):
			self.simulator.faults.add("cashfree", "create", kind)
			with self.subTest(kind), self.assertRaises(error):
				self.open(f"TR5{number}")
		self.simulator.faults.add("cashfree", "create", "error_500_before", status=429)
		with self.assertRaises(NotSent):
			self.open("TR6")
		with self.assertRaises(NotSent):
			adapter().create(request("TR7"))

	def test_a_refusal_carries_cashfrees_reason(self):
		with self.assertRaisesRegex(GatewayRefused, "at least 1") as caught:
			self.open("TR8", amount="0.50")
		self.assertEqual(caught.exception.gateway_code, "order_invalid")

	def test_wrong_keys_are_named_by_their_fields_and_never_shown(self):
		gateway = self.make(secrets={**SECRETS, "key_secret": "cfsk_ma_test_wrong"})
		with self.assertRaisesRegex(CredentialsRefused, "Client ID and Client Secret") as caught:
			gateway.test_connection()
		self.assertNotIn("cfsk_ma_test_wrong", str(caught.exception))
		self.assertIn("accepts", self.gateway.test_connection())

	def test_a_404_of_a_wrong_address_is_not_an_unknown_order(self):
		"""Otherwise a wrong test address would look like payments that were never made."""
		with self.assertRaises(BadAnswer):
			adapter(base_url=f"{self.simulator.url}/nobody").status(ref("TR9"))
		self.assertFalse(is_unknown(404, {"code": "path_invalid"}))
		self.assertTrue(is_unknown(404, {"code": "order_not_found"}))


class TestSettings(WithSimulator):
	def test_keys_of_the_other_mode_are_named(self):
		test = {"key_id": "TEST123", "key_secret": "cfsk_ma_test_demo"}
		live = {"key_id": "123", "key_secret": "cfsk_ma_prod_demo"}
		self.assertIn("sandbox", Cashfree.credential_problems(test, "Live")[0])
		self.assertIn("production", Cashfree.credential_problems(live, "Test")[0])
		for name, value in test.items():
			self.assertEqual(len(Cashfree.credential_problems({name: value}, "Live")), 1)
		self.assertEqual(Cashfree.credential_problems(test, "Test"), [])
		self.assertEqual(Cashfree.credential_problems(live, "Live"), [])

	def test_a_public_key_that_is_none_is_named(self):
		self.assertIn("Public Key", Cashfree.credential_problems({"public_key": "abc"}, "Test")[0])

	def test_two_factor_signature_is_sealed_for_cashfree(self):
		"""RSA-OAEP over `client id.seconds`, as Cashfree documents it for its other products."""
		key = RSA.generate(2048)
		self.configure(private_key=key.export_key().decode())
		with self.assertRaises(CredentialsRefused):
			self.gateway.test_connection()
		pem = key.public_key().export_key().decode()
		for text in (pem, pem.replace("\n", " "), pem.replace("\n", "\\n")):
			self.assertEqual(Cashfree.credential_problems({"public_key": text}, "Test"), [])
			self.assertIn("accepts", self.make(secrets={**SECRETS, "public_key": text}).test_connection())
		late = self.make(
			secrets={**SECRETS, "public_key": pem},
			now=lambda: datetime.now(timezone.utc) - timedelta(minutes=10),
		)
		with self.assertRaises(CredentialsRefused):
			late.test_connection()

	def test_live_and_sandbox_have_their_own_addresses_and_pages(self):
		live = Cashfree(secrets=SECRETS, mode="Live", http=HttpClient(), tokens=NoTokens())
		self.assertEqual(live.host(), "https://api.cashfree.com")
		order = {"payment_session_id": "s", "cf_order_id": 7}
		self.assertEqual(live._hosted(order).sdk.config["mode"], "production")
		self.assertEqual(live._hosted(order).sdk.script, "https://sdk.cashfree.com/js/v3/cashfree.js")

	def test_ids_are_text_whatever_they_come_as(self):
		"""cashfree.md pitfall 7: string ids handled as numbers; before 2023-08-01 and in disputes they are numbers."""
		for told in (1453002795, "1453002795"):
			self.assertEqual(id_of(told), "1453002795")
		for nonsense in (None, True, 1.5, [], {}, ""):
			self.assertIsNone(id_of(nonsense))

	def test_numbers_in_sentences_are_masked(self):
		told = parse_object(b'{"payment_message":"customer 9876543210 dropped"}', "Cashfree")
		self.assertEqual(payment_event(told, "X").reason, "customer … dropped")


if __name__ == "__main__":
	unittest.main()
