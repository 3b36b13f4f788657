"""PhonePe's older salt scheme: its checksums by worked examples, and the simulator over real HTTP."""

import base64
import hashlib
import hmac
import json
import threading
import unittest
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from urllib.parse import parse_qsl, urlsplit

from werkzeug.serving import make_server
from werkzeug.wrappers import Response

from oropendola_payments.gateways.base import Outcome, PaymentEvent, RefundOutcome
from oropendola_payments.gateways.errors import (
	CredentialsRefused,
	GatewayRefused,
	MalformedNotice,
	MaybeSent,
	SignatureError,
)
from oropendola_payments.gateways.phonepe.salt_scheme.mapping import payment_event
from oropendola_payments.gateways.phonepe.salt_scheme.payloads import order_body, refund_body
from oropendola_payments.gateways.phonepe.salt_scheme.signature import checksum
from oropendola_payments.gateways.phonepe.test_case import LEGACY, PhonePeCase, webhook

# A made-up salt and merchant, and a callback of theirs.
EXAMPLE = {
	"legacy_id": "DEMOMERCHANT",
	"legacy_secret": "11111111-2222-4333-8444-555555555555",
	"legacy_version": "1",
}
EXAMPLE_CALLBACK = {
	"success": True,
	"code": "PAYMENT_SUCCESS",
	"data": {
		"merchantId": "DEMOMERCHANT",
		"merchantTransactionId": "PAYREQ-0007",
		"transactionId": "T2501010001",
		"amount": 149900,
		"state": "COMPLETED",
	},
}
EXAMPLE_CHECKSUM = "d105ecd5439426704ec94ffcfa3a052c130ce8acdd9dc5e4e5f08e9dc5ce7e05###1"


class TestSaltScheme(PhonePeCase):
	secrets = LEGACY

	def test_a_payment_by_the_salt_scheme_is_reported_paid(self):
		checkout = self.gateway.create(self.request("OLD1"))
		self.assertTrue(checkout.url.startswith(self.simulator.url))
		self.simulator.pay("phonepe", "OLD1")
		event = self.status_of("OLD1")
		self.assertEqual((event.outcome, event.amount), (Outcome.PAID, Decimal("1499.00")))
		self.assertEqual(event.payment_id, self.simulator.captures("phonepe")[0].payment_id)

	def test_the_salt_scheme_fetches_no_token(self):
		"""The two products must not be mixed."""
		self.gateway.create(self.request("OLD2"))
		self.assertEqual(self.tokens, {})
		self.assertEqual(self.gateway.token_state(), "not used")

	def test_the_checksums_of_the_worked_example_are_reproduced(self):
		gateway = self.make_gateway(**EXAMPLE)
		path = "/pg/v1/status/DEMOMERCHANT/PAYREQ-0007"
		status = "5cfc13cd25f399a537e4aae2213749bd0fa34da5dfb78c7a30f6ed3c138188bb###1"
		self.assertEqual(checksum(path, gateway), status)
		order = (
			b'{"merchantId":"DEMOMERCHANT","merchantTransactionId":"PAYREQ-0007","amount":149900,'
			b'"redirectUrl":"https://shop.example/return","redirectMode":"REDIRECT",'
			b'"callbackUrl":"https://shop.example/hook","paymentInstrument":{"type":"PAY_PAGE"}}'
		)
		pay = "e172f6f86408690edf53d10c074a1fed3ae64608fdc3b97c71fc379a00077c21###1"
		self.assertEqual(checksum(base64.b64encode(order).decode() + "/pg/v1/pay", gateway), pay)

	def test_the_callback_of_the_worked_example_is_verified_and_must_be_confirmed(self):
		packed = base64.b64encode(json.dumps(EXAMPLE_CALLBACK, separators=(",", ":")).encode()).decode()
		body = json.dumps({"response": packed}).encode()
		notice = self.make_gateway(**EXAMPLE).receive(webhook(body, X_VERIFY=EXAMPLE_CHECKSUM))
		self.assertTrue(notice.verified and notice.confirm)
		self.assertEqual((notice.events[0].payment_id, notice.reference), ("T2501010001", "PAYREQ-0007"))

	def test_wrong_variants_of_the_checksum_are_refused(self):
		packed = base64.b64encode(json.dumps(EXAMPLE_CALLBACK, separators=(",", ":")).encode()).decode()
		body, salt = json.dumps({"response": packed}).encode(), EXAMPLE["legacy_secret"]
		with_path = hashlib.sha256(f"{packed}/pg/v1/pay{salt}".encode()).hexdigest() + "###1"
		keyed = hmac.new(salt.encode(), packed.encode(), hashlib.sha256).hexdigest() + "###1"
		second = self.make_gateway(**{**EXAMPLE, "legacy_version": "2"})
		self.assertTrue(checksum(packed, second).endswith("###2"))
		other_index = EXAMPLE_CHECKSUM.replace("###1", "###2")
		for wrong in ("", "###1", with_path, keyed, other_index, "ü###1", "\ud800"):
			with self.subTest(ascii(wrong)), self.assertRaises(SignatureError):
				self.make_gateway(**EXAMPLE).receive(webhook(body, X_VERIFY=wrong))

	def test_without_a_salt_key_every_callback_is_refused(self):
		"""S6: an empty secret must not be a secret."""
		signature = hashlib.sha256(b"e30=").hexdigest() + "###1"
		unfinished = {**EXAMPLE, "legacy_secret": ""}
		with self.assertRaises(SignatureError):
			self.make_gateway(**unfinished).receive(webhook(b'{"response": "e30="}', X_VERIFY=signature))

	def test_a_success_whose_state_is_another_is_not_paid(self):
		data = {**EXAMPLE_CALLBACK["data"], "state": "FAILED"}
		event = payment_event({**EXAMPLE_CALLBACK, "data": data}, "PAYREQ-0007")
		self.assertEqual(event.outcome, Outcome.PENDING)

	def test_a_callback_about_another_merchant_is_malformed(self):
		"""S2: what belongs to the account is checked by the adapter."""
		callback = {**EXAMPLE_CALLBACK, "data": {**EXAMPLE_CALLBACK["data"], "merchantId": "OTHER"}}
		packed = base64.b64encode(json.dumps(callback).encode()).decode()
		signature = hashlib.sha256((packed + EXAMPLE["legacy_secret"]).encode()).hexdigest() + "###1"
		with self.assertRaises(MalformedNotice):
			self.make_gateway(**EXAMPLE).receive(
				webhook(json.dumps({"response": packed}).encode(), X_VERIFY=signature)
			)

	def test_the_callback_of_the_simulator_is_read(self):
		self.paid("OLD3")
		delivery = self.simulator.webhooks.take()[-1]
		self.assertEqual(delivery.url, "https://shop.example.com/hook?gateway=phonepe")
		self.assertEqual(self.gateway.receive(self.webhook(delivery)).events[0].outcome, Outcome.PAID)

	def test_a_declined_payment_is_failed(self):
		self.gateway.create(self.request("OLD4"))
		self.simulator.pay("phonepe", "OLD4", outcome="failure")
		self.assertEqual(self.status_of("OLD4").outcome, Outcome.FAILED)

	def test_an_unknown_transaction_is_not_found(self):
		self.assertEqual(self.status_of("NEVER").outcome, Outcome.NOT_FOUND)

	def test_codes_that_are_not_final_are_pending(self):
		"""phonepe.md pitfall 8: bad parameters give INTERNAL_SERVER_ERROR, which like an unknown code is no failure."""
		for code in ("PAYMENT_PENDING", "INTERNAL_SERVER_ERROR", "SOMETHING_NEW", None, 7):
			event = payment_event({"code": code, "data": {"amount": 100}}, "OLD5")
			self.assertEqual(event.outcome, Outcome.PENDING)

	def test_timed_out_is_failed_only_after_the_window(self):
		now = self.simulator.clock.now()
		for minutes, outcome in ((5, Outcome.PENDING), (25, Outcome.FAILED)):
			payment = self.make_ref("OLD6", created_at=now - timedelta(minutes=minutes))
			self.assertEqual(self.timed_out(payment).outcome, outcome)
		self.assertEqual(self.timed_out(self.ref("OLD6")).outcome, Outcome.PENDING)

	def timed_out(self, payment) -> PaymentEvent:
		"""The state of a payment at an address that answers TIMED_OUT to the status query."""
		data = {"merchantTransactionId": payment.reference}
		answer = json.dumps({"success": False, "code": "TIMED_OUT", "data": data})
		server = make_server("127.0.0.1", 0, Response(answer, content_type="application/json"))
		thread = threading.Thread(target=server.handle_request, daemon=True)
		thread.start()
		try:
			return self.make_gateway(base_url=f"http://127.0.0.1:{server.server_port}").status(payment)[0]
		finally:
			thread.join()
			server.server_close()

	def test_a_refund_without_an_answer_is_found_and_made_once(self):
		"""R13: a repeated refund answers EXCESS_REFUND_AMOUNT; its true state is looked up."""
		payment_id = self.paid("OLD7")
		self.fault("refund", "timeout_after")
		with self.assertRaises(MaybeSent):
			self.gateway.refund(self.refund_of("OLD7", payment_id))
		again = self.gateway.refund(self.refund_of("OLD7", payment_id))
		self.assertEqual(again.outcome, RefundOutcome.PROCESSING)
		self.simulator.finish_refund("phonepe", "RF1")
		self.assertEqual(
			self.gateway.refund_status(self.refund_of("OLD7", payment_id)).outcome, RefundOutcome.REFUNDED
		)
		self.assertEqual(len(self.simulator.refunds("phonepe")), 1)

	def test_a_refund_names_the_payer_and_the_callback_address(self):
		"""merchantUserId and callbackUrl are part of a refund."""
		opened = self.gateway.create(self.request("OLD9"))
		wanted = self.refund_of("OLD9", "T1")
		with_user = replace(wanted, payment=replace(wanted.payment, data=opened.data))
		body = refund_body(with_user, "SIMMERCHANT")
		self.assertEqual(
			body["merchantUserId"], order_body(self.request("OLD9"), "SIMMERCHANT")["merchantUserId"]
		)
		self.assertEqual(body["callbackUrl"], "https://shop.example.com/hook?gateway=phonepe&refund=1")
		self.assertRegex(refund_body(wanted, "SIMMERCHANT")["merchantUserId"], "^[0-9a-f]{32}$")
		payment_id = self.paid("OLD10")
		with self.assertRaises(GatewayRefused):
			self.gateway.refund(replace(self.refund_of("OLD10", payment_id), webhook_url=""))

	def test_the_callback_of_a_refund_is_a_refund_event(self):
		payment_id = self.paid("OLD11")
		self.gateway.refund(self.refund_of("OLD11", payment_id))
		self.simulator.webhooks.take()
		self.simulator.finish_refund("phonepe", "RF1")
		(delivery,) = self.simulator.webhooks.take()
		query = dict(parse_qsl(urlsplit(delivery.url).query))
		notice = self.gateway.receive(replace(self.webhook(delivery), query=query))
		(event,) = notice.events
		self.assertEqual((event.outcome, event.key), (RefundOutcome.REFUNDED, "RF1"))
		self.assertEqual((notice.confirm, notice.reference), (True, None))

	def test_a_refund_that_was_refused_is_not_processing(self):
		payment_id = self.paid("OLD8")
		with self.assertRaises(GatewayRefused):
			self.gateway.refund(self.refund_of("OLD8", payment_id, "1500.00"))
		with self.assertRaises(GatewayRefused):
			self.gateway.refund(self.refund_of("NEVER", payment_id))

	def test_the_connection_test_moves_no_money_and_names_the_fields(self):
		self.assertIn("Salt Key", self.gateway.test_connection())
		with self.assertRaisesRegex(CredentialsRefused, "Salt Key and Salt Index"):
			self.make_gateway(legacy_secret="wrong").test_connection()
		self.assertEqual(self.simulator.charges("phonepe"), [])


if __name__ == "__main__":
	unittest.main()
