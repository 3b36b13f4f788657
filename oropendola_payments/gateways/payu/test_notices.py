"""What PayU posts to us: real messages of the simulator, worked examples, forgeries, and noise."""

import json
from dataclasses import replace
from decimal import Decimal
from hashlib import sha512
from unittest import TestCase
from urllib.parse import parse_qsl

from hypothesis import given, settings
from hypothesis import strategies as st

from oropendola_payments.gateways.base import Callback, Outcome
from oropendola_payments.gateways.errors import MalformedNotice, SignatureError
from oropendola_payments.gateways.payu.signature import is_signed, is_signed_dispute
from oropendola_payments.gateways.payu.test_adapter import WORKED, WORKED_SALT, SimulatorCase, make_adapter

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
SIGNED = {
	**WORKED,
	"status": "success",
	"mihpayid": "403993715521889530",
	"unmappedstatus": "captured",
	"hash": "cedf4c84c68deb7abd8f0f927a9e63285b11489a2bfcd4fa3db155c7f77867dd"
	"e0f8fe0c76ff4b7bc5ebf716ee7f207b8a571d7713827bacc550a54dfcd3194f",
}


def came_back(fields: dict) -> Callback:
	return Callback("return", "POST", {}, {"attempt": "A7T2K9"}, form=fields)


def hook(body: bytes, headers: dict | None = None) -> Callback:
	form = {} if body[:1] in (b"{", b"[") else dict(parse_qsl(body.decode(), keep_blank_values=True))
	return Callback("webhook", "POST", headers or FORM, {}, body, form)


def sha(*parts: str) -> str:
	return sha512("|".join(parts).encode()).hexdigest()


class TestReverseHash(TestCase):
	"""The formulas of docs.payu.in/docs/hashing-request-and-response."""

	def test_the_worked_example_is_accepted(self):
		self.assertTrue(is_signed(SIGNED, [WORKED_SALT]))
		self.assertTrue(is_signed({**SIGNED, "hash": SIGNED["hash"].upper()}, [WORKED_SALT]))

	def test_a_fee_stands_in_front_under_both_of_its_names(self):
		"""payu.md pitfall 3: works without fees, fails in production."""
		signature = (
			"ea0fea2c635c032ab00851ac2fb9b417cc7f46af1613977c7cbb6f24b86c70de"
			"f1693c2218a7c770baed58086759a3cc4e18b12f13fac44a83ac457aaadd5a36"
		)
		for name in ("additionalCharges", "additional_charges"):
			with self.subTest(name=name):
				self.assertTrue(is_signed({**SIGNED, name: "29.99", "hash": signature}, [WORKED_SALT]))
				self.assertFalse(is_signed({**SIGNED, name: "30.00", "hash": signature}, [WORKED_SALT]))

	def test_split_settlement_counts_only_where_payu_hashed_it(self):
		tail = [*[""] * 5, *[""] * 4, WORKED["udf1"], WORKED["email"], WORKED["firstname"]]
		tail += [WORKED["productinfo"], WORKED["amount"], WORKED["txnid"], WORKED["key"]]
		split = sha(WORKED_SALT, "success", "{}", *tail)
		both = sha("29.99", WORKED_SALT, "success", "{}", *tail)
		self.assertTrue(is_signed({**SIGNED, "splitInfo": "{}", "hash": split}, [WORKED_SALT]))
		self.assertTrue(
			is_signed(
				{**SIGNED, "splitInfo": "{}", "additionalCharges": "29.99", "hash": both}, [WORKED_SALT]
			)
		)
		self.assertTrue(is_signed({**SIGNED, "splitInfo": "splitNotReceived"}, [WORKED_SALT]))
		self.assertFalse(is_signed({**SIGNED, "hash": split}, [WORKED_SALT]))

	def test_every_hashed_field_is_protected(self):
		for name in (*WORKED, "status"):
			with self.subTest(name=name):
				self.assertFalse(is_signed({**SIGNED, name: SIGNED[name] + "x"}, [WORKED_SALT]))

	def test_a_pipe_inside_a_field_is_refused_even_under_a_right_hash(self):
		"""Nothing is escaped in the hash, so `Asha|Annual Plan` could stand for two fields."""
		for name, value in (("firstname", "Asha|Annual Plan|1.00"), ("status", "success|x")):
			told = {**SIGNED, name: value}
			names = ("email", "firstname", "productinfo", "amount", "txnid", "key")
			tail = [*[""] * 9, told["udf1"], *(told[name] for name in names)]
			with self.subTest(name=name):
				self.assertFalse(
					is_signed({**told, "hash": sha(WORKED_SALT, told["status"], *tail)}, [WORKED_SALT])
				)

	def test_no_salt_accepts_nothing(self):
		"""S6 and payu.md pitfall 4: an empty string hashes too."""
		self.assertFalse(is_signed(SIGNED, []))
		self.assertFalse(is_signed({}, [WORKED_SALT]))

	def test_a_dispute_is_signed_with_and_without_the_spaces_of_its_status(self):
		"""The example of docs.payu.in/docs/webhooks-for-chargeback hashes PendingResponse."""
		told = {
			"txn_id": "403993715515239610",
			"cb_amount": "1500.0",
			"cb_id": "987",
			"cb_type": "Chargeback",
		}
		told["cb_status"] = "Pending Response"
		for word in ("Pending Response", "PendingResponse"):
			signature = sha("JBZaLc", "403993715515239610", "1500.0", "987", "Chargeback", word, "saltsalt")
			with self.subTest(word=word):
				self.assertTrue(is_signed_dispute(told, signature, "JBZaLc", ["saltsalt"]))
				self.assertFalse(
					is_signed_dispute({**told, "cb_id": "988"}, signature, "JBZaLc", ["saltsalt"])
				)
				self.assertFalse(is_signed_dispute(told, signature, "JBZaLc", ["other"]))


class TestReturns(SimulatorCase):
	def test_a_proven_return_tells_the_payment_and_still_wants_a_question(self):
		back = self.pay()
		self.assertEqual(
			(back.method, back.url), ("POST", "https://shop.example.com/back?gateway=payu&attempt=A7T2K9")
		)
		notice = self.payu.receive(came_back(back.fields))
		self.assertEqual((notice.verified, notice.confirm, notice.reference), (True, True, "A7T2K9"))
		(event,) = notice.events
		self.assertEqual((event.outcome, event.amount), (Outcome.PAID, Decimal("1499.50")))
		self.assertEqual(event.payment_id, self.simulator.captures("payu")[0].payment_id)

	def test_a_decline_and_a_cancel_come_back_signed_to_furl(self):
		for outcome in ("failure", "cancel"):
			with self.subTest(outcome=outcome):
				back = self.pay(outcome)
				self.assertIn("/failed?", back.url)
				self.assertIs(self.payu.receive(came_back(back.fields)).events[0].outcome, Outcome.FAILED)

	def test_fees_and_fewer_udf_fields_are_accepted(self):
		for options in (
			{"additional_charges": "29.99"},
			{"additional_charges": "29.99", "charges_field": "additional_charges"},
			{"split_info": '{"splitStatus":"splitNotReceived"}'},
			{"split_info": '{"a":1}', "split_in_hash": True},
			{"udf_in_return": "filled"},
		):
			with self.subTest(options=options):
				provider = self.simulator.providers["payu"]
				self.simulator.configure("payu", **options)
				self.assertTrue(self.payu.receive(came_back(self.pay().fields)).verified)
				self.simulator.configure("payu", **{name: provider.defaults[name] for name in options})
				self.simulator.reset()

	def test_a_forged_return_is_refused(self):
		"""payu.md pitfall 6: verifyHash of PayU's own PHP kit answers true either way, so no kit of theirs is used. S4, S10: a customer turns a failure into a success."""
		back = self.pay("failure")
		for change in (
			{"status": "success"},
			{"amount": "1.00"},
			{"txnid": "OTHER"},
			{"hash": ""},
			{"hash": "é"},
		):
			with self.subTest(change=change), self.assertRaises(SignatureError):
				self.payu.receive(came_back({**back.fields, **change}))

	def test_a_wrong_signature_of_the_gateway_is_refused(self):
		self.fault("return", "wrong_signature")
		with self.assertRaises(SignatureError):
			self.payu.receive(came_back(self.pay().fields))

	def test_an_opened_return_address_only_rings_the_bell(self):
		notice = self.payu.receive(Callback("return", "GET", {}, {"attempt": "A7T2K9"}))
		self.assertEqual((notice.verified, notice.events, notice.reference), (False, (), "A7T2K9"))

	def test_a_message_about_another_account_is_refused(self):
		adapter = make_adapter(key_id="Other1", key_secret=WORKED_SALT)
		with self.assertRaisesRegex(SignatureError, "another PayU account"):
			adapter.receive(came_back(SIGNED))

	def test_the_previous_salt_is_accepted_while_the_salt_is_changed(self):
		back = self.pay()
		old = self.payu.secrets["key_secret"]
		changed = make_adapter(key_secret="a-new-salt", webhook_secret_previous=old)
		self.assertTrue(changed.receive(came_back(back.fields)).verified)
		with self.assertRaises(SignatureError):
			make_adapter(key_secret="a-new-salt").receive(came_back(back.fields))

	def test_without_a_salt_every_message_is_refused(self):
		"""S6: an empty salt and one of asterisks."""
		fields = self.pay().fields
		for salt in ("", "*****"):
			with self.subTest(salt=salt), self.assertRaises(SignatureError):
				make_adapter(key_secret=salt).receive(came_back(fields))


class TestWebhooks(SimulatorCase):
	def delivered(self):
		(delivery,) = self.simulator.webhooks.take("payu")
		return delivery

	def test_form_and_json_tell_the_same(self):
		"""payu.md pitfall 7: some of PayU's pages say form, others JSON."""
		told = []
		for style in ("form", "json"):
			self.simulator.configure("payu", webhook_format=style)
			self.addCleanup(self.simulator.configure, "payu", webhook_format="form")
			self.pay()
			delivery = self.delivered()
			notice = self.payu.receive(hook(delivery.body, dict(delivery.headers)))
			told.append(
				(notice.verified, notice.events[0].outcome, notice.events[0].amount, notice.event_type)
			)
			self.simulator.reset()
		self.assertEqual(told, [(True, Outcome.PAID, Decimal("1499.50"), "payment.success")] * 2)

	def test_a_form_is_read_from_the_raw_body_too(self):
		self.pay()
		body = self.delivered().body
		self.assertTrue(self.payu.receive(Callback("webhook", "POST", {}, {}, body)).verified)

	def test_the_same_message_has_the_same_key_and_another_fact_another(self):
		"""R11: (mihpayid, status) is PayU's dedupe key; there is no event id."""
		self.pay("failure")
		first = self.delivered()
		key = self.payu.receive(hook(first.body)).event_key
		self.assertEqual(self.payu.receive(hook(first.body)).event_key, key)
		self.simulator.finish("payu", "A7T2K9", "success")
		self.assertNotEqual(self.payu.receive(hook(self.delivered().body)).event_key, key)

	def test_the_key_of_another_customers_message_cannot_be_taken(self):
		"""mihpayid is outside the hash; the signed transaction is part of the key."""
		back = dict(self.pay().fields)
		own = self.payu.receive(came_back({**back, "mihpayid": "999"})).event_key
		self.assertIn("A7T2K9", own)

	def test_a_forged_webhook_is_refused_before_anything_is_believed(self):
		self.fault("webhook", "wrong_signature")
		self.pay()
		with self.assertRaises(SignatureError):
			self.payu.receive(hook(self.delivered().body))

	def test_a_refund_notice_has_no_hash_and_only_rings_the_bell(self):
		"""docs.payu.in/reference/refund-status-callback shows no hash."""
		self.pay()
		self.simulator.reset()
		body = {
			"action": "refund",
			"status": "success",
			"key": "SimPyU",
			"token": "RF1",
			"mihpayid": " 4039 ",
		}
		notice = self.payu.receive(
			hook(json.dumps({**body, "merchantTxnId": "A7T2K9", "amt": "1.00"}).encode())
		)
		self.assertEqual((notice.verified, notice.events, notice.event_key), (False, (), None))
		self.assertEqual((notice.reference, notice.payment_id), ("A7T2K9", "4039"))
		with self.assertRaises(SignatureError):
			self.payu.receive(hook(json.dumps({**body, "key": "Other1"}).encode()))

	def test_a_signed_dispute_is_a_fact(self):
		self.pay()
		self.delivered()
		for state in ("open", "won", "lost"):
			self.simulator.dispute("payu", "A7T2K9", state)
			delivery = self.delivered()
			with self.subTest(state=state):
				notice = self.payu.receive(hook(delivery.body, dict(delivery.headers)))
				(event,) = notice.events
				self.assertEqual(
					(notice.verified, event.state, event.amount), (True, state, Decimal("1499.50"))
				)
				self.assertEqual(event.payment_id, self.simulator.captures("payu")[0].payment_id)

	def test_an_unsigned_dispute_rings_the_bell_and_a_wrongly_signed_one_is_refused(self):
		self.pay()
		self.delivered()
		self.simulator.dispute("payu", "A7T2K9", "lost")
		delivery = self.delivered()
		bell = self.payu.receive(hook(delivery.body))
		self.assertEqual((bell.verified, bell.events), (False, ()))
		self.fault("webhook", "wrong_signature")
		self.simulator.dispute("payu", "A7T2K9", "lost")
		forged = self.delivered()
		with self.assertRaises(SignatureError):
			self.payu.receive(hook(forged.body, dict(forged.headers)))

	def test_a_signed_message_without_a_transaction_is_malformed(self):
		salt = self.payu.secrets["key_secret"]
		empty = {"key": "SimPyU", "status": "success", "hash": sha(salt, "success", *[""] * 15, "SimPyU")}
		with self.assertRaises(MalformedNotice):
			self.payu.receive(came_back(empty))


json_values = st.recursive(
	st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
	lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
	max_leaves=6,
)
names = st.sampled_from(
	["key", "status", "txnid", "hash", "action", "event", "cb_id", "cb_status", "amount", "udf1"]
)
words = st.sampled_from(["SimPyU", "success", "refund", "dispute", ""])
told = st.dictionaries(names, words | json_values, max_size=10)
headers = st.fixed_dictionaries({}, optional={"X-PayU-Dispute-Webhook-Signature-V2": st.text(max_size=9)})


class TestNoise(TestCase):
	def test_half_a_character_is_refused(self):
		body = b'{"key":"SimPyU","status":"success","txnid":"\\ud800","hash":"\\udfff"}'
		with self.assertRaises(SignatureError):
			make_adapter().receive(Callback("webhook", "POST", {}, {}, body))

	def test_long_ids_still_give_a_short_key(self):
		fields = {"key": "SimPyU", "status": "success", "txnid": "T" * 140, "mihpayid": "4" * 64}
		tail = [*[""] * 14, fields["txnid"], "SimPyU"]
		fields["hash"] = sha(make_adapter().secrets["key_secret"], "success", *tail)
		self.assertLessEqual(len(make_adapter().receive(came_back(fields)).event_key), 140)

	def receive(self, callback: Callback):
		try:
			return make_adapter().receive(callback)
		except (SignatureError, MalformedNotice):
			return None

	@settings(max_examples=150, deadline=None)
	@given(st.binary(max_size=200), st.sampled_from(["return", "webhook"]))
	def test_any_bytes_end_in_a_refusal_or_a_bell(self, body, kind):
		notice = self.receive(Callback(kind, "POST", {}, {}, body))
		self.assertFalse(notice and notice.verified)

	@settings(max_examples=200, deadline=None)
	@given(told, headers, st.sampled_from(["return", "webhook"]))
	def test_any_json_ends_in_a_refusal_or_a_bell(self, fields, header, kind):
		notice = self.receive(Callback(kind, "POST", header, {}, json.dumps(fields).encode()))
		self.assertFalse(notice and (notice.verified or notice.events))

	@settings(max_examples=150, deadline=None)
	@given(st.dictionaries(names, st.text(max_size=30), max_size=10))
	def test_any_form_with_a_right_hash_is_read_or_malformed(self, fields):
		fields = {**fields, "key": "SimPyU", "action": "", "event": ""}
		order = (
			"udf5",
			"udf4",
			"udf3",
			"udf2",
			"udf1",
			"email",
			"firstname",
			"productinfo",
			"amount",
			"txnid",
			"key",
		)
		tail = [fields.get(name, "").encode("utf-8", "ignore").decode() for name in order]
		salt = make_adapter().secrets["key_secret"]
		fields["hash"] = sha(
			salt, fields.get("status", "").encode("utf-8", "ignore").decode(), *[""] * 5, *tail
		)
		notice = self.receive(replace(came_back(fields), body=b""))
		if notice:
			self.assertLessEqual(len(notice.event_key), 140)
			self.assertTrue(notice.confirm)
