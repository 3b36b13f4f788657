"""PayU's adapter against the facts of its documentation and against the simulator, over real HTTP."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from unittest import TestCase

from oropendola_payments.gateways.base import (
	Customer,
	Outcome,
	PaymentRef,
	PaymentRequest,
)
from oropendola_payments.gateways.errors import (
	BadAnswer,
	CredentialsRefused,
	GatewayRefused,
	MaybeSent,
	NotSent,
)
from oropendola_payments.gateways.http import HttpClient
from oropendola_payments.gateways.payu.adapter import PayU
from oropendola_payments.gateways.payu.mapping import payment_event
from oropendola_payments.gateways.payu.signature import command_hash, request_hash
from oropendola_payments.simulator import Simulator

REQUEST = PaymentRequest(
	reference="A7T2K9",
	amount=Decimal("1499.50"),
	currency="INR",
	description="Annual Plan",
	customer=Customer("Asha Rao", "asha@example.com", "+91 99999 00000"),
	return_url="https://shop.example.com/back?gateway=payu&attempt=A7T2K9",
	cancel_url="https://shop.example.com/failed?gateway=payu&attempt=A7T2K9",
	webhook_url="https://shop.example.com/hook?gateway=payu",
	idempotency_key="k-A7T2K9",
	invoice="INV-0042",
)
WORKED = {
	"key": "Qm7TzX",
	"txnid": "INV-2026-00042",
	"amount": "1499.50",
	"productinfo": "Annual Plan",
	"firstname": "Asha",
	"email": "asha@example.com",
	"udf1": "ACC-SINV-2026-00042",
}
WORKED_SALT = "s3LtDemo9Kx2"


def make_adapter(base_url: str | None = None, mode: str = "Simulator", http=None, **secrets) -> PayU:
	kept = {**PayU.simulator_secrets, **secrets}
	return PayU(
		secrets=kept, mode=mode, http=http or HttpClient(timeout=(2, 5)), tokens=None, base_url=base_url
	)


def payment_ref(reference: str = REQUEST.reference, **values) -> PaymentRef:
	return PaymentRef(reference, Decimal("1499.50"), "INR", **values)


def entry(status: str, unmapped: str, **more) -> dict:
	return {"status": status, "unmappedstatus": unmapped, "mihpayid": "403993715521889530", **more}


class TestHashes(TestCase):
	"""Worked examples of the hashing page, docs.payu.in/docs/hashing-request-and-response."""

	def test_the_request_hash_is_the_one_of_the_worked_example(self):
		self.assertEqual(
			request_hash(WORKED, WORKED_SALT),
			"fc290324862ab1dd1df7617b23cf5a30d4a2a936a3cd0510846c833779b39058"
			"290526b3044980f19c1b2dc18949a28e0e0b83f3057c678776fed37ffcecbe11",
		)

	def test_additional_charges_stand_behind_the_salt_of_a_request(self):
		self.assertEqual(
			request_hash({**WORKED, "additional_charges": "CC:12,NB:55"}, WORKED_SALT),
			"1e75bc4e56af287093b68a5db347230dfa278589ae93f0d0717993cab0c54989"
			"e1f5a11b56b77dcb2cf320f6f657066ecdd16a1ebae2492af2d01f9da8151f34",
		)

	def test_other_text_for_the_same_amount_gives_another_hash(self):
		"""payu.md pitfall 1: 1499.5 and 1499.50 are different characters."""
		self.assertNotEqual(
			request_hash({**WORKED, "amount": "1499.5"}, WORKED_SALT), request_hash(WORKED, WORKED_SALT)
		)

	def test_a_status_question_is_hashed_over_command_and_first_variable(self):
		self.assertEqual(
			command_hash("Qm7TzX", "verify_payment", "INV-2026-00042", WORKED_SALT),
			"f6f26e2fdd9d39d174063fed6a33743ca38373ae8c6db0f2a8814256212c0395"
			"06195b1bebfe98a8805d3a682bde777675361999b517824c1b7cc8a4004f3f72",
		)

	def test_a_refund_is_hashed_over_the_payment_id(self):
		self.assertEqual(
			command_hash("Qm7TzX", "cancel_refund_transaction", "403993715599999999", WORKED_SALT),
			"9f0417e161da3c1fd0e0f0348cb52e72ca5b8a9d74237f277442a7a4d7fe111a"
			"48bfa52102822948c167eb3dacd480fa429e589cefb9e69c3bbe13a2fb3d0764",
		)


class TestCreate(TestCase):
	def setUp(self):
		self.payu = make_adapter(mode="Test")

	def fields(self, **changes) -> dict:
		return self.payu.create(replace(REQUEST, **changes)).form.fields

	def test_a_customer_is_sent_to_the_page_of_the_mode(self):
		self.assertEqual(self.payu.create(REQUEST).form.action, "https://test.payu.in/_payment")
		live = make_adapter(mode="Live").create(REQUEST)
		self.assertEqual(live.form.action, "https://secure.payu.in/_payment")

	def test_the_form_holds_what_is_hashed_and_never_the_salt(self):
		fields = self.fields()
		self.assertEqual(fields["txnid"], "A7T2K9")
		self.assertEqual(fields["amount"], "1499.50")
		self.assertEqual(
			(fields["firstname"], fields["lastname"], fields["udf1"]), ("Asha", "Rao", "INV-0042")
		)
		self.assertEqual(fields["hash"], request_hash(fields, PayU.simulator_secrets["key_secret"]))
		self.assertNotIn(PayU.simulator_secrets["key_secret"], "".join(fields.values()))

	def test_whole_rupees_are_posted_with_two_decimals(self):
		"""R17, payu.md pitfall 1: one way of writing an amount, without a float."""
		self.assertEqual(self.fields(amount=Decimal("500"))["amount"], "500.00")
		self.assertEqual(self.fields(amount=Decimal("8.35"))["amount"], "8.35")

	def test_pipes_and_characters_that_become_entities_do_not_reach_the_hash(self):
		"""payu.md pitfall 2: a pipe moves the borders, & and ' come back as entities."""
		fields = self.fields(
			description="R&D | <b>Plan</b>", customer=Customer("O'Brien|x", "a@example.com", "1")
		)
		self.assertEqual(fields["productinfo"], "R D b Plan /b")
		self.assertEqual(fields["firstname"], "O")

	def test_long_texts_are_cut_to_payus_limits(self):
		fields = self.fields(description="x" * 300, customer=Customer("y" * 90, "a@example.com", "1"))
		self.assertEqual((len(fields["productinfo"]), len(fields["firstname"])), (100, 20))

	def test_another_currency_is_refused_instead_of_charged_in_rupees(self):
		"""R18."""
		with self.assertRaisesRegex(GatewayRefused, "INR only"):
			self.payu.create(replace(REQUEST, currency="USD"))

	def test_a_customer_without_a_phone_number_is_told_so(self):
		with self.assertRaisesRegex(GatewayRefused, "phone number"):
			self.payu.create(replace(REQUEST, customer=Customer("Asha", "a@example.com")))

	def test_bolt_gets_the_same_fields_and_says_inline_or_embedded(self):
		for flow in ("inline", "embedded"):
			with self.subTest(flow=flow):
				checkout = self.payu.create(replace(REQUEST, flow=flow))
				self.assertEqual((checkout.next_action, checkout.sdk.driver), ("sdk", "bolt"))
				self.assertEqual(checkout.sdk.script, "https://jssdk-uat.payu.in/bolt/bolt.min.js")
				self.assertEqual(checkout.sdk.config["pg_redirect_flow"], flow)
				self.assertEqual(checkout.sdk.config["show_payment_mode"], "CC,DC,NB,UPI,CASH")
				self.assertEqual(checkout.sdk.config["hash"], checkout.form.fields["hash"])


class TestSettings(TestCase):
	def problems(self, mode="Live", **secrets) -> str:
		return " ".join(PayU.credential_problems(secrets, mode))

	def test_keys_that_cannot_be_right_are_named(self):
		"""payu.md pitfall 5: test keys in live mode and mixed-up fields."""
		self.assertIn("test key", self.problems(key_id="JPM7Fg", key_secret="s"))
		self.assertIn("simulator", self.problems("Test", key_id="SimPyU", key_secret="s"))
		self.assertIn("merchant id", self.problems(key_id="8235901", key_secret="s"))
		self.assertIn("no spaces", self.problems(key_id="Qm7TzX", key_secret="a b"))
		self.assertIn("another field", self.problems(key_id="Qm7TzX", key_secret="Qm7TzX"))

	def test_plausible_keys_have_no_problems(self):
		self.assertEqual(self.problems(key_id="Qm7TzX", key_secret=WORKED_SALT), "")
		self.assertEqual(PayU.credential_problems(PayU.simulator_secrets, "Simulator"), [])

	def test_asterisks_and_nothing_are_no_salt(self):
		"""S6."""
		for salt in ("", "*" * 10):
			with self.subTest(salt=salt), self.assertRaisesRegex(CredentialsRefused, "Merchant Salt"):
				make_adapter(key_secret=salt).create(REQUEST)


class TestWords(TestCase):
	"""The table of docs.payu.in/reference/payment-state-explanations."""

	def test_every_documented_state_means_what_the_table_says(self):
		table = {
			("success", "captured"): Outcome.PAID,
			("success", "auth"): Outcome.AUTHORIZED,
			("pending", "initiated"): Outcome.PENDING,
			("pending", "in progress"): Outcome.PENDING,
			("pending", "pending"): Outcome.PENDING,
			("failure", "bounced"): Outcome.FAILED,
			("failure", "dropped"): Outcome.FAILED,
			("failure", "failed"): Outcome.FAILED,
			("failure", "userCancelled"): Outcome.FAILED,
			("failure", "autoRefund"): Outcome.FAILED,
			("Not Found", ""): Outcome.NOT_FOUND,
		}
		for (status, unmapped), outcome in table.items():
			with self.subTest(status=status, unmapped=unmapped):
				self.assertIs(payment_event(entry(status, unmapped), "A1", "10.00").outcome, outcome)

	def test_unknown_words_are_pending_and_never_money(self):
		for status, unmapped in (
			("success", "settled"),
			("success", ""),
			("SUCCESSFUL", "captured"),
			("", ""),
		):
			with self.subTest(status=status, unmapped=unmapped):
				self.assertIs(payment_event(entry(status, unmapped), "A1", "10.00").outcome, Outcome.PENDING)

	def test_a_success_without_amount_or_id_is_pending(self):
		for told, amount in (
			(entry("success", "captured"), None),
			(entry("success", "captured"), "ten"),
			(entry("success", "captured"), "-1.00"),
			(entry("success", "captured", mihpayid=None), "10.00"),
		):
			with self.subTest(told=told, amount=amount):
				self.assertIs(payment_event(told, "A1", amount).outcome, Outcome.PENDING)

	def test_loose_types_are_read(self):
		"""The same field is a number in one answer and text in the next."""
		event = payment_event(
			entry("success", "captured", mihpayid=403993715521889530), "A1", Decimal("10.5")
		)
		self.assertEqual((event.payment_id, event.amount), ("403993715521889530", Decimal("10.5")))

	def test_details_keep_the_last_four_digits_of_the_card_and_no_person(self):
		told = entry(
			"success", "captured", cardnum="512345XXXXXX2346", firstname="Asha", phone="9", field3="a@upi"
		)
		details = payment_event(told, "A1", "10.00").details
		self.assertEqual(details["card_last4"], "2346")
		self.assertNotIn("512345", str(details))
		self.assertFalse({"firstname", "phone", "field3"} & set(details))


class SimulatorCase(TestCase):
	@classmethod
	def setUpClass(cls):
		cls.simulator = Simulator(codes=("payu",)).start()
		cls.addClassCleanup(cls.simulator.close)
		cls.payu = make_adapter(f"{cls.simulator.url}/payu")

	def setUp(self):
		self.addCleanup(self.simulator.reset)

	def pay(self, outcome: str = "success", **how):
		form = self.payu.create(REQUEST).form
		self.assertEqual(self.simulator.open(form.action, form.fields).status, 200)
		return self.simulator.pay("payu", REQUEST.reference, outcome=outcome, **how)

	def fault(self, call: str, kind: str, **args):
		self.simulator.faults.add("payu", call, kind, **args)

	def ask(self, **values):
		(event,) = self.payu.status(payment_ref(**values))
		return event


class TestStatus(SimulatorCase):
	def test_a_payment_that_never_reached_payu_is_not_found(self):
		self.assertIs(self.ask().outcome, Outcome.NOT_FOUND)

	def test_an_open_pay_page_is_pending(self):
		form = self.payu.create(REQUEST).form
		self.simulator.open(form.action, form.fields)
		self.assertIs(self.ask().outcome, Outcome.PENDING)

	def test_money_that_was_taken_comes_with_id_amount_and_currency(self):
		self.pay()
		(charge,) = self.simulator.captures("payu")
		event = self.ask()
		self.assertIs(event.outcome, Outcome.PAID)
		self.assertEqual((event.payment_id, event.reference), (charge.payment_id, "A7T2K9"))
		self.assertEqual((event.amount, event.currency, event.method), (Decimal("1499.50"), "INR", "card"))

	def test_a_fee_on_top_does_not_change_the_amount(self):
		"""`amt` and net_amount_debit hold the fee; transaction_amount is what we posted."""
		self.simulator.configure("payu", additional_charges="29.99")
		self.addCleanup(self.simulator.configure, "payu", additional_charges="")
		self.pay()
		event = self.ask()
		self.assertEqual((event.amount, event.details["net_amount_debit"]), (Decimal("1499.50"), "1529.49"))

	def test_another_amount_at_payu_is_told_as_it_is(self):
		"""R8: the engine compares; the adapter never repeats our own number."""
		self.fault("pay", "wrong_amount", amount_minor=100)
		self.pay()
		self.assertEqual(self.ask().amount, Decimal("1.00"))

	def test_a_decline_is_a_value_with_its_reason(self):
		self.pay("failure")
		event = self.ask()
		self.assertEqual((event.outcome, event.error_code), (Outcome.FAILED, "E308"))
		self.assertIn("not completed", event.reason)

	def test_a_late_success_of_a_failed_payment_is_paid(self):
		"""R5."""
		self.pay("failure")
		self.simulator.finish("payu", REQUEST.reference, "success")
		self.assertIs(self.ask().outcome, Outcome.PAID)

	def test_a_customer_lost_at_the_bank_stays_pending_for_half_an_hour(self):
		"""dropped and bounced can still become a success when the bank answers late."""
		form = self.payu.create(REQUEST).form
		self.simulator.open(form.action, form.fields)
		provider = self.simulator.providers["payu"]
		order = provider.ledger.find_order_by_reference(REQUEST.reference)
		provider.record_charge(order, "403993710000000777", "failure", "card", unmapped="dropped")
		now = datetime.now(timezone.utc)
		self.assertIs(self.ask(created_at=now - timedelta(minutes=5)).outcome, Outcome.PENDING)
		self.assertIs(self.ask(created_at=now - timedelta(minutes=31)).outcome, Outcome.FAILED)

	def test_an_answer_that_is_not_json_is_unknown(self):
		self.fault("status", "garbage")
		with self.assertRaises(BadAnswer):
			self.ask()

	def test_no_answer_is_maybe_and_no_connection_is_not_sent(self):
		self.fault("status", "timeout_before")
		with self.assertRaises(MaybeSent):
			self.ask()
		with self.assertRaises(NotSent):
			make_adapter("http://127.0.0.1:9/payu").status(payment_ref())

	def test_right_keys_pass_the_connection_test_and_wrong_ones_name_the_field(self):
		self.assertIn("accepts", self.payu.test_connection())
		for secrets in ({"key_id": "Other1"}, {"key_secret": "not-the-salt"}):
			with self.subTest(secrets=secrets), self.assertRaisesRegex(CredentialsRefused, "Merchant Salt"):
				make_adapter(f"{self.simulator.url}/payu", **secrets).test_connection()

	def test_a_paid_transaction_cannot_be_paid_again(self):
		"""txnid is PayU's natural key: a second success under it is refused as a duplicate order."""
		self.pay()
		form = self.payu.create(REQUEST).form
		self.assertIn("duplicate", self.simulator.open(form.action, form.fields).text)
		self.assertEqual(len(self.simulator.captures("payu")), 1)
