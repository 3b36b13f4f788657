"""What PayU's returns and webhooks say: messages of the simulator, worked examples, forgeries and noise."""

import json
import unittest
from dataclasses import replace
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from oropendola_payments.gateways.base import Callback, Outcome
from oropendola_payments.gateways.errors import MalformedNotice, SignatureError
from oropendola_payments.gateways.payu.test_case import SIGNED, WORKED_SALT, PayUCase, returned, sha, webhook
from oropendola_payments.tests.support.proofs import examples


class TestReturns(PayUCase):
	def test_a_signed_return_reports_the_payment_and_must_be_confirmed(self):
		back = self.come_back()
		self.assertEqual((back.method, back.url), ("POST", self.return_url()))
		notice = self.gateway.receive(returned(back.fields))
		self.assertEqual((notice.verified, notice.confirm, notice.reference), (True, True, "A7T2K9"))
		(event,) = notice.events
		self.assertEqual((event.outcome, event.amount), (Outcome.PAID, Decimal("1499.50")))
		self.assertEqual(event.payment_id, self.simulator.captures("payu")[0].payment_id)

	def test_a_decline_and_a_cancel_return_to_the_cancel_address(self):
		for outcome in ("failure", "cancel"):
			with self.subTest(outcome=outcome):
				back = self.come_back(outcome)
				self.assertEqual(back.url, f"{self.return_url()}&cancelled=1")
				self.assertIs(self.gateway.receive(returned(back.fields)).events[0].outcome, Outcome.FAILED)

	def test_fees_and_fewer_udf_fields_are_accepted(self):
		for options in (
			{"additional_charges": "29.99"},
			{"additional_charges": "29.99", "charges_field": "additional_charges"},
			{"split_info": '{"splitStatus":"splitNotReceived"}'},
			{"split_info": '{"a":1}', "split_in_hash": True},
			{"udf_in_return": "filled"},
		):
			with self.subTest(options=options):
				self.configure(**options)
				self.assertTrue(self.gateway.receive(returned(self.come_back().fields)).verified)
				self.configure(**{name: self.provider.defaults[name] for name in options})
				self.simulator.reset()

	def test_a_forged_return_is_refused(self):
		"""payu.md pitfall 6: verifyHash of PayU's own PHP kit answers true either way, so no kit of theirs is used. S4, S10: a customer turns a failure into a success."""
		back = self.come_back("failure")
		for change in (
			{"status": "success"},
			{"amount": "1.00"},
			{"txnid": "OTHER"},
			{"hash": ""},
			{"hash": "é"},
		):
			with self.subTest(change=change), self.assertRaises(SignatureError):
				self.gateway.receive(returned({**back.fields, **change}))

	def test_a_wrong_signature_of_the_gateway_is_refused(self):
		self.fault("return", "wrong_signature")
		with self.assertRaises(SignatureError):
			self.gateway.receive(returned(self.come_back().fields))

	def test_a_return_without_fields_is_an_unsigned_notice(self):
		notice = self.gateway.receive(Callback("return", "GET", {}, {"attempt": "A7T2K9"}))
		self.assertEqual((notice.verified, notice.events, notice.reference), (False, (), "A7T2K9"))

	def test_a_message_about_another_account_is_refused(self):
		adapter = self.make_gateway(key_id="Other1", key_secret=WORKED_SALT)
		with self.assertRaisesRegex(SignatureError, "another PayU account"):
			adapter.receive(returned(SIGNED))

	def test_both_salts_are_accepted_during_a_rotation(self):
		back = self.come_back()
		old = self.gateway.secrets["key_secret"]
		changed = self.make_gateway(key_secret="a-new-salt", webhook_secret_previous=old)
		self.assertTrue(changed.receive(returned(back.fields)).verified)
		with self.assertRaises(SignatureError):
			self.make_gateway(key_secret="a-new-salt").receive(returned(back.fields))

	def test_without_a_salt_every_message_is_refused(self):
		"""S6: an empty salt and one of asterisks."""
		fields = self.come_back().fields
		for salt in ("", "*****"):
			with self.subTest(salt=salt), self.assertRaises(SignatureError):
				self.make_gateway(key_secret=salt).receive(returned(fields))


class TestWebhooks(PayUCase):
	def delivered(self):
		(delivery,) = self.simulator.webhooks.take("payu")
		return delivery

	def test_form_and_json_webhooks_are_read_alike(self):
		"""payu.md pitfall 7: some of PayU's pages say form, others JSON."""
		read = []
		for style in ("form", "json"):
			self.configure(webhook_format=style)
			self.come_back()
			delivery = self.delivered()
			notice = self.gateway.receive(webhook(delivery.body, dict(delivery.headers)))
			read.append(
				(notice.verified, notice.events[0].outcome, notice.events[0].amount, notice.event_type)
			)
			self.simulator.reset()
		self.assertEqual(read, [(True, Outcome.PAID, Decimal("1499.50"), "payment.success")] * 2)

	def test_a_form_is_read_from_the_raw_body_too(self):
		self.come_back()
		body = self.delivered().body
		self.assertTrue(self.gateway.receive(Callback("webhook", "POST", {}, {}, body)).verified)

	def test_a_repeated_message_has_the_same_key_and_another_state_another(self):
		"""R11: (mihpayid, status) is PayU's dedupe key; there is no event id."""
		self.come_back("failure")
		first = self.delivered()
		key = self.gateway.receive(webhook(first.body)).event_key
		self.assertEqual(self.gateway.receive(webhook(first.body)).event_key, key)
		self.simulator.finish("payu", "A7T2K9", "success")
		self.assertNotEqual(self.gateway.receive(webhook(self.delivered().body)).event_key, key)

	def test_the_key_contains_the_signed_transaction(self):
		"""mihpayid is outside the hash; the signed transaction is part of the key."""
		back = dict(self.come_back().fields)
		own = self.gateway.receive(returned({**back, "mihpayid": "999"})).event_key
		self.assertIn("A7T2K9", own)

	def test_a_forged_webhook_is_refused(self):
		self.fault("webhook", "wrong_signature")
		self.come_back()
		with self.assertRaises(SignatureError):
			self.gateway.receive(webhook(self.delivered().body))

	def test_a_refund_notice_is_unsigned(self):
		"""docs.payu.in/reference/refund-status-callback shows no hash."""
		self.come_back()
		self.simulator.reset()
		body = {
			"action": "refund",
			"status": "success",
			"key": "SimPyU",
			"token": "RF1",
			"mihpayid": " 4039 ",
		}
		notice = self.gateway.receive(
			webhook(json.dumps({**body, "merchantTxnId": "A7T2K9", "amt": "1.00"}).encode())
		)
		self.assertEqual((notice.verified, notice.events, notice.event_key), (False, (), None))
		self.assertEqual((notice.reference, notice.payment_id), ("A7T2K9", "4039"))
		with self.assertRaises(SignatureError):
			self.gateway.receive(webhook(json.dumps({**body, "key": "Other1"}).encode()))

	def test_a_signed_dispute_is_verified(self):
		self.come_back()
		self.delivered()
		for state in ("open", "won", "lost"):
			self.simulator.dispute("payu", "A7T2K9", state)
			delivery = self.delivered()
			with self.subTest(state=state):
				notice = self.gateway.receive(webhook(delivery.body, dict(delivery.headers)))
				(event,) = notice.events
				self.assertEqual(
					(notice.verified, event.state, event.amount), (True, state, Decimal("1499.50"))
				)
				self.assertEqual(event.payment_id, self.simulator.captures("payu")[0].payment_id)

	def test_an_unsigned_dispute_is_an_unsigned_notice_and_a_wrongly_signed_one_is_refused(self):
		self.come_back()
		self.delivered()
		self.simulator.dispute("payu", "A7T2K9", "lost")
		delivery = self.delivered()
		unsigned = self.gateway.receive(webhook(delivery.body))
		self.assertEqual((unsigned.verified, unsigned.events), (False, ()))
		self.fault("webhook", "wrong_signature")
		self.simulator.dispute("payu", "A7T2K9", "lost")
		forged = self.delivered()
		with self.assertRaises(SignatureError):
			self.gateway.receive(webhook(forged.body, dict(forged.headers)))

	def test_a_signed_message_without_a_transaction_is_malformed(self):
		salt = self.gateway.secrets["key_secret"]
		empty = {"key": "SimPyU", "status": "success", "hash": sha(salt, "success", *[""] * 15, "SimPyU")}
		with self.assertRaises(MalformedNotice):
			self.gateway.receive(returned(empty))


json_values = st.recursive(
	st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
	lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
	max_leaves=6,
)
names = st.sampled_from(
	["key", "status", "txnid", "hash", "action", "event", "cb_id", "cb_status", "amount", "udf1"]
)
words = st.sampled_from(["SimPyU", "success", "refund", "dispute", ""])
fields_of_messages = st.dictionaries(names, words | json_values, max_size=10)
headers = st.fixed_dictionaries({}, optional={"X-PayU-Dispute-Webhook-Signature-V2": st.text(max_size=9)})


class TestNoise(PayUCase):
	def test_a_lone_surrogate_is_refused(self):
		body = b'{"key":"SimPyU","status":"success","txnid":"\\ud800","hash":"\\udfff"}'
		with self.assertRaises(SignatureError):
			self.gateway.receive(Callback("webhook", "POST", {}, {}, body))

	def test_long_ids_still_give_a_short_key(self):
		fields = {"key": "SimPyU", "status": "success", "txnid": "T" * 140, "mihpayid": "4" * 64}
		tail = [*[""] * 14, fields["txnid"], "SimPyU"]
		fields["hash"] = sha(self.gateway.secrets["key_secret"], "success", *tail)
		self.assertLessEqual(len(self.gateway.receive(returned(fields)).event_key), 140)

	@settings(max_examples=examples(150), deadline=None)
	@given(st.binary(max_size=200), st.sampled_from(["return", "webhook"]))
	def test_any_bytes_are_refused_or_an_unsigned_notice(self, body, kind):
		notice = self.receive_any(Callback(kind, "POST", {}, {}, body))
		self.assertFalse(notice and notice.verified)

	@settings(max_examples=examples(200), deadline=None)
	@given(fields_of_messages, headers, st.sampled_from(["return", "webhook"]))
	def test_any_json_is_refused_or_an_unsigned_notice(self, fields, header, kind):
		notice = self.receive_any(Callback(kind, "POST", header, {}, json.dumps(fields).encode()))
		self.assertFalse(notice and (notice.verified or notice.events))

	@settings(max_examples=examples(150), deadline=None)
	@given(st.dictionaries(names, st.text(max_size=30), max_size=10))
	def test_any_signed_form_is_read_or_malformed(self, fields):
		fields = {**fields, "key": "SimPyU", "action": "", "event": ""}
		order = [
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
		]
		tail = [fields.get(name, "").encode("utf-8", "ignore").decode() for name in order]
		salt = self.gateway.secrets["key_secret"]
		fields["hash"] = sha(
			salt, fields.get("status", "").encode("utf-8", "ignore").decode(), *[""] * 5, *tail
		)
		notice = self.receive_any(replace(returned(fields), body=b""))
		if notice:
			self.assertTrue(notice.confirm)


if __name__ == "__main__":
	unittest.main()
