"""Cashflows against the simulated Cashflows. Facts: developer.cashflows.com, the sections of the Gateway reference."""

import hashlib
import hmac
import json
import unittest
from dataclasses import asdict, replace
from datetime import timedelta
from decimal import Decimal

import requests

from oropendola_payments.gateways.base import Outcome, PaymentRef, RefundOutcome
from oropendola_payments.gateways.cashflows.adapter import SIGNATURE_REFUSED, Cashflows
from oropendola_payments.gateways.cashflows.mapping import job_events, ref_text
from oropendola_payments.gateways.cashflows.test_case import WEBHOOK, CashflowsCase
from oropendola_payments.gateways.errors import (
	BadAnswer,
	CredentialsRefused,
	GatewayRefused,
	MaybeSent,
	NotSent,
)
from oropendola_payments.gateways.http import parse_object

DEMO_KEY = "DEMO-API-KEY-0001"
DEMO_BODY = b'{"amountToCollect":"10.00","currency":"GBP","order":{"orderNumber":"PAYREQ-0007"}}'
DEMO_HASH = (
	"47BC90310DAD7F252195BBE0B5821F43678DD2AE087022CC3839A2C0F5FE9143"
	"7490BF6EE43C7259FAC35C3060FD064E682152D5BA5CCAC65F410AD97C9BAB43"
)
DEMO_HASH_WITHOUT_BODY = (
	"BE252CA207F3701D85145D7EC2FCC467F7D0D12A8BCBCDFB64D9AE5D8773B042"
	"EC3056653324B9A195E69DB2A046017A0086492CDFD24481A54378D13EEF12AB"
)


class TestHash(CashflowsCase):
	def test_the_worked_examples_of_the_facts(self):
		"""Facts 2: upper-case hex SHA-512 of API key and body, the key first; without a body the key alone."""
		gateway = self.adapter(key_secret=DEMO_KEY)
		self.assertEqual(len(DEMO_BODY), 82)
		self.assertEqual(gateway._hash(DEMO_BODY), DEMO_HASH)
		self.assertEqual(gateway._hash(b""), DEMO_HASH_WITHOUT_BODY)

	def test_the_wrong_formulas_are_refused(self):
		"""Facts 2, cashflows.md pitfall 1: body before key, HMAC-SHA256 and a hash of another serialisation."""
		key = Cashflows.simulator_secrets["key_secret"].encode()
		wrong = {
			"reversed": hashlib.sha512(DEMO_BODY + key).hexdigest(),
			"hmac": hmac.new(key, key + DEMO_BODY, hashlib.sha256).hexdigest(),
			"hmac-sha512": hmac.new(key, DEMO_BODY, hashlib.sha512).hexdigest(),
			"sha256": hashlib.sha256(key + DEMO_BODY).hexdigest(),
			"other bytes": hashlib.sha512(key + json.dumps(json.loads(DEMO_BODY)).encode()).hexdigest(),
		}
		self.assertTrue(
			hashlib.sha512(DEMO_BODY + DEMO_KEY.encode()).hexdigest().startswith("64770f5828e288d2")
		)
		for name, value in wrong.items():
			self.provider.wrong_hashes = 0
			with self.subTest(name):
				self.assertEqual(self.post(value.upper()).status_code, 401)
		self.provider.wrong_hashes = 0
		right = hashlib.sha512(key + DEMO_BODY).hexdigest().upper()
		self.assertEqual(self.post(right).status_code, 400)  # signed well; it lacks the return addresses

	def post(self, value):
		headers = {"ConfigurationId": "210101010101010101", "Hash": value, "Content-Type": "application/json"}
		url = f"{self.simulator.url}/cashflows/api/gateway/payment-jobs"
		return requests.post(url, data=DEMO_BODY, headers=headers, timeout=5)

	def test_the_bytes_that_were_hashed_are_the_bytes_that_are_sent(self):
		"""cashflows.md pitfall 1: serialise once."""
		self.opened(description="Größe – 中文 \u20ac")
		sent = self.network.sent[-1]
		key = Cashflows.simulator_secrets["key_secret"].encode()
		self.assertEqual(sent.headers["Hash"], hashlib.sha512(key + sent.body).hexdigest().upper())

	def test_after_a_refused_signature_nothing_more_is_sent(self):
		"""P13. Facts 2: repeated wrong signatures lock the account."""
		gateway = self.adapter(key_secret="obviously-fake-and-wrong")
		for _ in range(3):
			with self.assertRaises(CredentialsRefused) as refused:
				gateway.create(self.request())
			self.assertEqual(refused.exception.gateway_code, SIGNATURE_REFUSED)
			self.assertNotIn("obviously-fake", str(refused.exception))
		self.assertEqual((self.provider.wrong_hashes, len(self.network.sent)), (1, 1))
		with self.assertRaises(CredentialsRefused):
			gateway.status(PaymentRef("X", Decimal(1), "GBP", "1"))
		self.assertEqual(len(self.network.sent), 1)
		self.assertTrue(self.gateway.create(self.request()).order_id, "other keys are tried at once")

	def test_a_person_may_test_the_keys_again(self):
		self.simulator.configure("cashflows", key_secret="changed-in-the-portal")
		with self.assertRaisesRegex(CredentialsRefused, "Configuration ID and the API key"):
			self.gateway.test_connection()
		self.simulator.configure("cashflows", key_secret=self.provider.defaults["key_secret"])
		self.assertIn("accepts", self.gateway.test_connection())
		self.assertTrue(self.gateway.create(self.request()).order_id)

	def test_impossible_credentials_are_told_before_any_call(self):
		problems = Cashflows.credential_problems({"key_id": "1 ", "key_secret": DEMO_HASH}, "Live")
		self.assertEqual(len(problems), 2)
		self.assertEqual(Cashflows.credential_problems(Cashflows.simulator_secrets, "Live"), [])
		self.assertEqual(len(Cashflows.credential_problems({"key_id": "x", "key_secret": "x"}, "Live")), 1)


class TestCreate(CashflowsCase):
	def test_the_payer_is_sent_to_the_action_link(self):
		"""Facts 3: links.action.url; a field actionUrl does not exist."""
		checkout = self.gateway.create(self.request())
		self.assertEqual(checkout.next_action, "redirect")
		self.assertEqual(checkout.url, f"{self.simulator.url}/cashflows/__pay/{checkout.order_id}")
		sent = self.body_of()
		self.assertEqual((sent["amountToCollect"], sent["currency"]), ("10.00", "GBP"))
		self.assertEqual(sent["order"]["orderNumber"], self.reference)
		self.assertEqual(sent["parameters"]["webhookUrl"], WEBHOOK)

	def test_amounts_are_text_with_two_decimals(self):
		"""cashflows.md pitfall 4, R17: no numbers, no 1,000.00, nothing lost."""
		for amount, text in (("1234567.89", "1234567.89"), ("8.35", "8.35"), ("7", "7.00"), ("0.1", "0.10")):
			with self.subTest(amount):
				self.gateway.create(self.request(amount=amount))
				self.assertEqual(self.body_of()["amountToCollect"], text)
		self.gateway.create(self.request(amount="500", currency="JPY"))
		self.assertEqual(self.body_of()["amountToCollect"], "500.00")

	def test_an_amount_finer_than_the_currency_is_refused_before_it_is_sent(self):
		for amount, currency in (("10.005", "GBP"), ("10.50", "JPY")):
			with self.subTest(currency), self.assertRaises(GatewayRefused):
				self.gateway.create(self.request(amount=amount, currency=currency))
		self.assertEqual(self.network.sent, [])

	def test_references_of_18_digits_stay_exact(self):
		"""Facts 3, cashflows.md pitfall 5: above 2^53, as text or as JSON numbers; a rounded float is no reference."""
		for numbers in (False, True):
			self.simulator.configure("cashflows", references_as_numbers=numbers)
			order_id = self.opened(reference=f"{self.reference}{int(numbers)}").order_id
			self.assertEqual(len(order_id), 18)
			self.assertIsNotNone(self.simulator.providers["cashflows"].ledger.find_order(order_id))
		told = parse_object(b'{"a":240101120000000007,"b":2.40101120000000007e17}', "x")
		self.assertEqual((ref_text(told["a"]), ref_text(told["b"])), ("240101120000000007", None))

	def test_a_job_does_not_stay_open_for_months(self):
		"""Facts 3: without a date a job lives six months."""
		checkout = self.gateway.create(self.request())
		self.assertLess(checkout.expires_at - self.simulator.clock.now(), timedelta(hours=25))
		payment = PaymentRef(self.reference, Decimal("10.00"), "GBP", checkout.order_id)
		self.later(hours=25)
		self.assertEqual(self.status(payment).outcome, Outcome.EXPIRED)

	def test_a_currency_that_the_account_does_not_take_is_refused_at_once(self):
		"""cashflows.md pitfall 6: which currencies and methods work depends on the account; the list of the page is not a promise."""
		with self.assertRaises(GatewayRefused) as refused:
			self.gateway.create(self.request(currency="SEK"))
		self.assertEqual(refused.exception.gateway_code, "CurrencyNotSupported")
		self.assertNotIn("paymentMethodsToUse", json.loads(self.network.sent[-1].body))

	def test_it_speaks_to_the_gateway_and_to_no_sister_api(self):
		"""cashflows.md pitfall 8: auth_id and auth_pass belong to the Remote Authentication API, PaymentIds to others."""
		payment = self.paid()
		self.gateway.status(payment)
		self.gateway.refund(self.refund_request(payment))
		for sent in self.network.sent:
			self.assertIn("/api/gateway/", sent.url)
			self.assertNotIn("auth_", f"{sent.url} {sent.body} {sent.headers}")
			self.assertTrue(sent.headers["ConfigurationId"] and len(sent.headers["Hash"]) == 128)

	def test_a_create_that_never_arrived_may_be_repeated(self):
		"""Facts 6: HEAD orders/{orderNumber} tells whether the number is known."""
		self.simulator.faults.add("cashflows", "create", "timeout_before")
		with self.assertRaises(NotSent):
			self.gateway.create(self.request())
		self.assertEqual([r.method for r in self.network.sent], ["POST", "HEAD"])

	def test_a_create_that_arrived_without_an_answer_is_unknown(self):
		self.simulator.faults.add("cashflows", "create", "timeout_after")
		with self.assertRaises(MaybeSent):
			self.gateway.create(self.request())
		lost = PaymentRef(self.reference, Decimal(10), "GBP", created_at=self.simulator.clock.now())
		self.assertEqual(self.status(lost).outcome, Outcome.PENDING)
		self.later(hours=25)
		self.assertEqual(self.status(lost).outcome, Outcome.EXPIRED)
		self.assertEqual(self.status(replace(lost, reference="NEVERSENT")).outcome, Outcome.NOT_FOUND)

	def test_refusals_and_garbage_are_told_apart(self):
		with self.assertRaises(GatewayRefused) as refused:
			self.gateway.create(self.request(currency="NZD"))
		self.assertEqual(refused.exception.gateway_code, "CurrencyNotSupported")
		self.simulator.faults.add("cashflows", "create", "garbage")
		with self.assertRaises(BadAnswer):
			self.gateway.create(self.request())


class TestStatus(CashflowsCase):
	def test_paid_comes_with_the_amount_of_the_gateway(self):
		payment = self.paid()
		event = self.status(payment)
		charge = self.simulator.captures("cashflows")[0]
		self.assertEqual((event.outcome, event.payment_id), (Outcome.PAID, charge.payment_id))
		self.assertEqual((event.amount, event.currency), (Decimal("10.00"), "GBP"))
		self.assertEqual((event.reference, event.order_id), (self.reference, payment.order_id))
		self.simulator.faults.add("cashflows", "status", "wrong_amount", times=None, amount_minor=100)
		self.assertEqual(self.status(payment).amount, Decimal("1.00"))

	def test_a_job_that_only_names_its_payments_is_asked_for_them(self):
		self.simulator.configure("cashflows", payments_in_full=False, references_as_numbers=True)
		event = self.status(self.paid())
		self.assertEqual((event.outcome, event.amount), (Outcome.PAID, Decimal("10.00")))

	def test_the_payment_itself_says_how_much_was_paid(self):
		job = {
			"currency": "GBP",
			"amountToCollect": "10.00",
			"payments": [{"reference": "7", "status": "Paid"}],
		}
		event = self.only(job_events(job, lambda reference: {"reference": reference, "paidAmount": "3.00"}))
		self.assertEqual((event.payment_id, event.amount), ("7", Decimal("3.00")))

	def test_a_declined_try_leaves_the_job_open(self):
		"""Facts 6: the job may still get another payment, so the attempt is not failed."""
		payment = self.paid(outcome="failure")
		event = self.status(payment)
		self.assertEqual((event.outcome, event.error_code), (Outcome.PENDING, "Declined"))
		self.simulator.pay("cashflows", self.reference)
		self.assertEqual([e.outcome for e in self.gateway.status(payment)], [Outcome.PENDING, Outcome.PAID])

	def test_a_declined_try_of_a_closed_job_is_failed(self):
		payment = self.paid(outcome="failure")
		self.later(hours=25)
		self.assertEqual(self.status(payment).outcome, Outcome.FAILED)

	def test_open_handed_over_and_unknown_jobs(self):
		payment = self.opened()
		self.assertEqual(self.status(payment).outcome, Outcome.PENDING)
		self.simulator.pay("cashflows", self.reference, outcome="pending")
		self.assertEqual(self.status(payment).outcome, Outcome.PENDING)
		self.simulator.finish("cashflows", self.reference, "success")
		self.assertEqual(self.status(payment).outcome, Outcome.PAID)
		self.assertEqual(self.status(replace(payment, order_id="1")).outcome, Outcome.NOT_FOUND)

	def test_every_word_of_the_table(self):
		"""Facts 6: Verified is a card check and no money; a word that is not in the table is never money."""
		money = {"Paid": Outcome.PAID, "Reserved": Outcome.AUTHORIZED}
		words = "Pending Commissioned Reserved Paid Verified Failed Declined Rejected Blocked Expired Cancelled New"
		for word in words.split():
			payment = {
				"reference": "7",
				"status": word,
				"amountToCollect": "5.00",
				"paidAmount": 5,
				"refunds": [],
			}
			with self.subTest(word):
				event = self.only(job_events({"currency": "GBP", "payments": [payment]}, dict))
				self.assertEqual(event.outcome, money.get(word, Outcome.PENDING))

	def test_money_in_another_currency_is_told_as_such(self):
		payment = {"reference": "7", "status": "Paid", "paidAmount": "5.00", "refunds": []}
		converted = {**payment, "convertedCurrency": "EUR", "convertedTotalAmount": "5.90"}
		event = self.only(job_events({"currency": "GBP", "payments": [converted]}, dict))
		self.assertEqual((event.amount, event.currency), (Decimal("5.90"), "EUR"))

	def test_paid_without_a_readable_payment_is_a_bad_answer(self):
		"""R1: money that was taken is never passed over in silence."""
		for payments in (
			[],
			None,
			[{"status": "Paid"}],
			[{"status": "Paid", "paidAmount": "5.00"}],
			[{"reference": "7", "status": "Paid", "paidAmount": "x"}],
		):
			with self.subTest(payments), self.assertRaises(BadAnswer):
				job_events(
					{"currency": "GBP", "paymentStatus": "Paid", "payments": payments}, lambda reference: {}
				)

	def test_nothing_personal_is_kept(self):
		told = json.dumps(asdict(self.status(self.paid())), default=str)
		self.assertNotIn("192.0.2.1", told)
		self.assertNotIn("example.com", told)


class TestCapture(CashflowsCase):
	def setUp(self):
		super().setUp()
		self.simulator.configure("cashflows", auto_capture=False)

	def test_reserved_is_not_paid_until_it_is_captured(self):
		"""cashflows.md pitfall 3: Reserved as paid."""
		payment = self.paid()
		event = self.status(payment)
		self.assertEqual((event.outcome, self.simulator.captures("cashflows")), (Outcome.AUTHORIZED, []))
		first = self.gateway.capture(payment, event, "k")
		again = self.gateway.capture(payment, event, "k")
		self.assertEqual((first.outcome, first.amount), (Outcome.PAID, Decimal("10.00")))
		self.assertEqual(again.payment_id, first.payment_id)
		captures = [r for r in self.network.sent if r.url.endswith("/captures")]
		self.assertEqual(
			[json.loads(r.body) for r in captures], [{"amountToCapture": "10.00", "isFinalCapture": True}]
		)

	def test_a_capture_without_an_answer_is_found_by_asking(self):
		payment = self.paid()
		event = self.status(payment)
		self.simulator.faults.add("cashflows", "capture", "timeout_after")
		with self.assertRaises(MaybeSent):
			self.gateway.capture(payment, event, "k")
		self.assertEqual(self.gateway.capture(payment, event, "k").outcome, Outcome.PAID)

	def test_cancelling_gives_the_reserve_back(self):
		payment = self.paid()
		self.assertEqual(self.gateway.cancel(payment).outcome, Outcome.CANCELLED)
		self.assertEqual(self.simulator.charges("cashflows")[0].state, "voided")

	def test_cancelling_a_paid_job_tells_that_it_was_paid(self):
		self.simulator.configure("cashflows", auto_capture=True)
		self.assertEqual(self.gateway.cancel(self.paid()).outcome, Outcome.PAID)

	def test_cancelling_a_job_whose_number_was_lost_tells_how_it_stands(self):
		payment = self.opened()
		self.assertEqual(self.gateway.cancel(replace(payment, order_id=None)).outcome, Outcome.PENDING)
		unknown = replace(payment, order_id=None, reference="NEVER")
		self.assertEqual(self.gateway.cancel(unknown).outcome, Outcome.NOT_FOUND)

	def test_cancelling_an_open_job_closes_it(self):
		payment = self.opened()
		self.assertEqual(self.gateway.cancel(payment).outcome, Outcome.CANCELLED)
		self.assertIsNone(self.simulator.pay("cashflows", self.reference))


class TestRefunds(CashflowsCase):
	def test_a_refund_is_made_once_however_often_it_is_asked_for(self):
		"""Facts 7, cashflows.md pitfall 7: there is no idempotency key; our refundNumber is looked for first."""
		request = self.refund_request(self.paid())
		first, again = self.gateway.refund(request), self.gateway.refund(request)
		self.assertEqual(
			(first.outcome, first.key, first.amount), (RefundOutcome.REFUNDED, "RF0001", Decimal("4.00"))
		)
		self.assertEqual(first.refund_id, again.refund_id)
		self.assertEqual(len(self.simulator.refunds("cashflows")), 1)
		self.gateway.refund(replace(request, key="RF0002"))
		self.assertEqual(self.simulator.captures("cashflows")[0].refunded_minor, 800)

	def test_a_refund_without_an_answer_is_found_by_our_number(self):
		"""P14. R13, R14: unknown until asked, and never sent twice."""
		request = self.refund_request(self.paid())
		self.assertEqual(self.gateway.refund_status(request).outcome, RefundOutcome.NOT_FOUND)
		self.simulator.faults.add("cashflows", "refund", "timeout_after")
		with self.assertRaises(MaybeSent):
			self.gateway.refund(request)
		self.assertEqual(self.gateway.refund_status(request).outcome, RefundOutcome.REFUNDED)
		self.assertEqual(self.gateway.refund(request).outcome, RefundOutcome.REFUNDED)
		self.assertEqual(len(self.simulator.refunds("cashflows")), 1)

	def test_an_error_report_beside_a_refund_that_was_made_does_not_hide_it(self):
		"""Facts 8: an answer with 2xx can still carry an errorReport."""
		self.simulator.configure("cashflows", refund_reports_error=True)
		self.assertEqual(
			self.gateway.refund(self.refund_request(self.paid())).outcome, RefundOutcome.REFUNDED
		)

	def test_a_success_with_an_error_report_and_no_refund_is_a_refusal(self):
		self.simulator.faults.add("cashflows", "refund", "decline")
		with self.assertRaises(GatewayRefused) as refused:
			self.gateway.refund(self.refund_request(self.paid()))
		self.assertEqual(refused.exception.gateway_code, "GenericRejectionOfRefund")

	def test_a_pending_refund_is_followed(self):
		self.simulator.configure("cashflows", refund_state="pending")
		request = self.refund_request(self.paid())
		self.assertEqual(self.gateway.refund(request).outcome, RefundOutcome.PROCESSING)
		self.simulator.finish_refund("cashflows", "RF0001", "failure")
		self.assertEqual(self.gateway.refund_status(request).outcome, RefundOutcome.FAILED)

	def test_a_refund_that_cashflows_refuses_is_refused(self):
		request = self.refund_request(self.paid())
		with self.assertRaises(GatewayRefused) as refused:
			self.gateway.refund(replace(request, amount=Decimal("10.01")))
		self.assertEqual(refused.exception.gateway_code, "RefundAmountExceedsOriginalAmount")
		self.gateway.refund(replace(request, amount=Decimal("10.00")))
		with self.assertRaises(GatewayRefused) as refused:
			self.gateway.refund(replace(request, key="RF0002"))
		self.assertEqual(refused.exception.gateway_code, "PaymentAlreadyFullyRefunded")

	def test_a_refunded_payment_was_still_paid(self):
		payment = self.paid()
		self.gateway.refund(self.refund_request(payment, amount="10.00"))
		self.assertEqual(self.gateway.status(payment)[0].outcome, Outcome.PAID)


if __name__ == "__main__":
	unittest.main()
