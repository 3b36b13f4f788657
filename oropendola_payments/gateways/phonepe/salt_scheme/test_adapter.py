"""PhonePe's older salt scheme: checksums of the facts, and the simulator over real HTTP."""

import base64
import hashlib
import hmac
import json
import threading
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from urllib.parse import parse_qsl, urlsplit

from werkzeug.serving import make_server
from werkzeug.wrappers import Response

from oropendola_payments.gateways.base import Outcome, RefundOutcome
from oropendola_payments.gateways.errors import (
	CredentialsRefused,
	GatewayRefused,
	MalformedNotice,
	MaybeSent,
	SignatureError,
)
from oropendola_payments.gateways.phonepe.test_adapter import (
	LEGACY,
	WithSimulator,
	adapter,
	delivered,
	ref,
	refund_of,
	request,
	webhook,
)

# The worked example of the facts: a salt, a merchant and its callback.
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


class TestLegacy(WithSimulator):
	secrets = LEGACY

	def test_a_payment_by_the_salt_scheme(self):
		checkout = self.gateway.create(request("OLD1"))
		self.assertTrue(checkout.url.startswith(self.simulator.url))
		self.simulator.pay("phonepe", "OLD1")
		event = self.gateway.status(ref("OLD1"))[0]
		self.assertEqual((event.outcome, event.amount), (Outcome.PAID, Decimal("1499.00")))
		self.assertEqual(event.payment_id, self.simulator.captures("phonepe")[0].payment_id)

	def test_no_token_is_asked_for(self):
		"""phonepe.md: the two products must not be mixed."""
		self.gateway.create(request("OLD2"))
		self.assertEqual(self.tokens, {})
		self.assertEqual(self.gateway.token_state(), "not used")

	def test_checksums_of_the_facts_are_reproduced(self):
		product = adapter(EXAMPLE).product
		path = "/pg/v1/status/DEMOMERCHANT/PAYREQ-0007"
		status = "5cfc13cd25f399a537e4aae2213749bd0fa34da5dfb78c7a30f6ed3c138188bb###1"
		self.assertEqual(product._checksum(path), status)
		order = (
			b'{"merchantId":"DEMOMERCHANT","merchantTransactionId":"PAYREQ-0007","amount":149900,'
			b'"redirectUrl":"https://shop.example/return","redirectMode":"REDIRECT",'
			b'"callbackUrl":"https://shop.example/hook","paymentInstrument":{"type":"PAY_PAGE"}}'
		)
		pay = "e172f6f86408690edf53d10c074a1fed3ae64608fdc3b97c71fc379a00077c21###1"
		self.assertEqual(product._checksum(base64.b64encode(order).decode() + "/pg/v1/pay"), pay)

	def test_the_callback_of_the_facts_is_accepted_and_confirmed(self):
		packed = base64.b64encode(json.dumps(EXAMPLE_CALLBACK, separators=(",", ":")).encode()).decode()
		body = json.dumps({"response": packed}).encode()
		notice = adapter(EXAMPLE).receive(webhook(body, X_VERIFY=EXAMPLE_CHECKSUM))
		self.assertTrue(notice.verified and notice.confirm)
		self.assertEqual((notice.events[0].payment_id, notice.reference), ("T2501010001", "PAYREQ-0007"))

	def test_wrong_variants_of_the_checksum_are_refused(self):
		packed = base64.b64encode(json.dumps(EXAMPLE_CALLBACK, separators=(",", ":")).encode()).decode()
		body, salt = json.dumps({"response": packed}).encode(), EXAMPLE["legacy_secret"]
		with_path = hashlib.sha256(f"{packed}/pg/v1/pay{salt}".encode()).hexdigest() + "###1"
		keyed = hmac.new(salt.encode(), packed.encode(), hashlib.sha256).hexdigest() + "###1"
		self.assertTrue(
			adapter({**EXAMPLE, "legacy_version": "2"}).product._checksum(packed).endswith("###2")
		)
		other_index = EXAMPLE_CHECKSUM.replace("###1", "###2")
		for wrong in ("", "###1", with_path, keyed, other_index, "ü###1", "\ud800"):
			with self.subTest(ascii(wrong)), self.assertRaises(SignatureError):
				adapter(EXAMPLE).receive(webhook(body, X_VERIFY=wrong))

	def test_without_a_salt_key_every_callback_is_refused(self):
		"""S6: an empty secret must not be a secret."""
		checksum = hashlib.sha256(b"e30=").hexdigest() + "###1"
		unfinished = {**EXAMPLE, "legacy_secret": ""}
		with self.assertRaises(SignatureError):
			adapter(unfinished).receive(webhook(b'{"response": "e30="}', X_VERIFY=checksum))

	def test_a_success_whose_state_is_another_is_not_paid(self):
		data = {**EXAMPLE_CALLBACK["data"], "state": "FAILED"}
		event = adapter(EXAMPLE).product._event({**EXAMPLE_CALLBACK, "data": data}, "PAYREQ-0007")
		self.assertEqual(event.outcome, Outcome.PENDING)

	def test_a_callback_of_another_merchant_is_not_ours(self):
		"""S2: what belongs to the account is checked by the adapter."""
		told = {**EXAMPLE_CALLBACK, "data": {**EXAMPLE_CALLBACK["data"], "merchantId": "OTHER"}}
		packed = base64.b64encode(json.dumps(told).encode()).decode()
		checksum = hashlib.sha256((packed + EXAMPLE["legacy_secret"]).encode()).hexdigest() + "###1"
		with self.assertRaises(MalformedNotice):
			adapter(EXAMPLE).receive(webhook(json.dumps({"response": packed}).encode(), X_VERIFY=checksum))

	def test_the_simulators_callback_is_understood(self):
		self.paid("OLD3")
		delivery = self.simulator.webhooks.take()[-1]
		self.assertEqual(delivery.url, "https://example.com/hook")
		self.assertEqual(self.gateway.receive(delivered(delivery)).events[0].outcome, Outcome.PAID)

	def test_a_declined_payment_is_failed(self):
		self.gateway.create(request("OLD4"))
		self.simulator.pay("phonepe", "OLD4", outcome="failure")
		self.assertEqual(self.gateway.status(ref("OLD4"))[0].outcome, Outcome.FAILED)

	def test_an_unknown_transaction_is_not_found(self):
		self.assertEqual(self.gateway.status(ref("NEVER"))[0].outcome, Outcome.NOT_FOUND)

	def test_words_that_are_no_ending_stay_pending(self):
		"""phonepe.md pitfall 8 and section 9: bad parameters give INTERNAL_SERVER_ERROR, which like an unknown code is no failure."""
		for code in ("PAYMENT_PENDING", "INTERNAL_SERVER_ERROR", "SOMETHING_NEW", None, 7):
			event = self.gateway.product._event({"code": code, "data": {"amount": 100}}, "OLD5")
			self.assertEqual(event.outcome, Outcome.PENDING)

	def test_timed_out_is_believed_only_when_the_window_is_over(self):
		now = datetime.now(timezone.utc)
		for minutes, outcome in ((5, Outcome.PENDING), (25, Outcome.FAILED)):
			gateway = TimedOut(LEGACY)
			payment = ref("OLD6", created_at=now - timedelta(minutes=minutes))
			self.assertEqual(gateway.status(payment)[0].outcome, outcome)
		self.assertEqual(gateway.status(ref("OLD6"))[0].outcome, Outcome.PENDING)

	def test_refunds_are_found_by_our_key_and_made_once(self):
		"""R13: a repeated refund answers EXCESS_REFUND_AMOUNT; its true state is looked up."""
		payment_id = self.paid("OLD7")
		self.simulator.faults.add("phonepe", "refund", "timeout_after")
		with self.assertRaises(MaybeSent):
			self.gateway.refund(refund_of("OLD7", payment_id))
		again = self.gateway.refund(refund_of("OLD7", payment_id))
		self.assertEqual(again.outcome, RefundOutcome.PROCESSING)
		self.simulator.finish_refund("phonepe", "RF1")
		self.assertEqual(
			self.gateway.refund_status(refund_of("OLD7", payment_id)).outcome, RefundOutcome.REFUNDED
		)
		self.assertEqual(len(self.simulator.refunds("phonepe")), 1)

	def test_a_refund_names_the_payer_and_where_to_call_back(self):
		"""phonepe.md section 9: merchantUserId and callbackUrl are part of a refund."""
		opened = self.gateway.create(request("OLD9"))
		product, wanted = self.gateway.product, refund_of("OLD9", "T1")
		with_user = replace(wanted, payment=replace(wanted.payment, data=opened.data))
		told = product._refund_order(with_user)
		self.assertEqual(told["merchantUserId"], product._order(request("OLD9"))["merchantUserId"])
		self.assertEqual(told["callbackUrl"], "https://example.com/hook?gateway=phonepe&refund=1")
		self.assertRegex(product._refund_order(wanted)["merchantUserId"], "^[0-9a-f]{32}$")
		payment_id = self.paid("OLD10")
		with self.assertRaises(GatewayRefused):
			self.gateway.refund(replace(refund_of("OLD10", payment_id), webhook_url=""))

	def test_the_callback_of_a_refund_is_no_payment(self):
		payment_id = self.paid("OLD11")
		self.gateway.refund(refund_of("OLD11", payment_id))
		self.simulator.webhooks.take()
		self.simulator.finish_refund("phonepe", "RF1")
		(delivery,) = self.simulator.webhooks.take()
		query = dict(parse_qsl(urlsplit(delivery.url).query))
		notice = self.gateway.receive(replace(delivered(delivery), query=query))
		(event,) = notice.events
		self.assertEqual((event.outcome, event.key), (RefundOutcome.REFUNDED, "RF1"))
		self.assertEqual((notice.confirm, notice.reference), (True, None))

	def test_a_refund_that_was_refused_is_not_processing(self):
		payment_id = self.paid("OLD8")
		with self.assertRaises(GatewayRefused):
			self.gateway.refund(refund_of("OLD8", payment_id, "1500.00"))
		with self.assertRaises(GatewayRefused):
			self.gateway.refund(refund_of("NEVER", payment_id))

	def test_the_connection_test_moves_no_money_and_names_the_fields(self):
		self.assertIn("Salt Key", self.gateway.test_connection())
		with self.assertRaisesRegex(CredentialsRefused, "Salt Key and Salt Index"):
			self.make(secrets={**LEGACY, "legacy_secret": "wrong"}).test_connection()
		self.assertEqual(self.simulator.charges("phonepe"), [])


class TimedOut:
	"""PhonePe's salt scheme at an address that answers TIMED_OUT to every status question."""

	def __init__(self, secrets):
		self.secrets = secrets

	def status(self, payment):
		told = json.dumps(
			{"success": False, "code": "TIMED_OUT", "data": {"merchantTransactionId": payment.reference}}
		)
		server = make_server("127.0.0.1", 0, Response(told, content_type="application/json"))
		thread = threading.Thread(target=server.handle_request, daemon=True)
		thread.start()
		try:
			return adapter(self.secrets, f"http://127.0.0.1:{server.server_port}").status(payment)
		finally:
			thread.join()
			server.server_close()
