"""Cashflows' adapter against the simulated Cashflows: payment jobs are created, queried, captured and cancelled."""

import json
import unittest
from dataclasses import asdict, replace
from datetime import timedelta
from decimal import Decimal

from oropendola_payments.gateways.base import Outcome, PaymentRef
from oropendola_payments.gateways.cashflows.mapping import job_events, reference_in
from oropendola_payments.gateways.cashflows.test_case import CashflowsCase
from oropendola_payments.gateways.errors import BadAnswer, GatewayRefused, MaybeSent, NotSent
from oropendola_payments.gateways.parsing import parse_object


class TestCreate(CashflowsCase):
	def test_the_payer_is_sent_to_the_action_link(self):
		"""The page is `links.action.url`; there is no field actionUrl."""
		checkout = self.gateway.create(self.make_request())
		self.assertEqual(checkout.next_action, "redirect")
		self.assertEqual(checkout.url, f"{self.simulator.url}/cashflows/__pay/{checkout.order_id}")
		sent = self.sent_body()
		self.assertEqual((sent["amountToCollect"], sent["currency"]), ("10.00", "GBP"))
		self.assertEqual(sent["order"]["orderNumber"], self.reference)
		self.assertEqual(sent["parameters"]["webhookUrl"], self.make_request().webhook_url)

	def test_amounts_are_text_with_two_decimals(self):
		"""cashflows.md pitfall 4, R17: no numbers, no 1,000.00, nothing lost."""
		for amount, text in (("1234567.89", "1234567.89"), ("8.35", "8.35"), ("7", "7.00"), ("0.1", "0.10")):
			with self.subTest(amount):
				self.gateway.create(self.make_request(amount=amount))
				self.assertEqual(self.sent_body()["amountToCollect"], text)
		self.gateway.create(self.make_request(amount="500", currency="JPY"))
		self.assertEqual(self.sent_body()["amountToCollect"], "500.00")

	def test_an_amount_finer_than_the_currency_is_refused_before_it_is_sent(self):
		for amount, currency in (("10.005", "GBP"), ("10.50", "JPY")):
			with self.subTest(currency), self.assertRaises(GatewayRefused):
				self.gateway.create(self.make_request(amount=amount, currency=currency))
		self.assertEqual(self.network.sent, [])

	def test_references_of_18_digits_stay_exact(self):
		"""cashflows.md pitfall 5: above 2^53, as text or as JSON numbers; a rounded float is no reference."""
		for numbers in (False, True):
			self.configure(references_as_numbers=numbers)
			order_id = self.open(reference=f"{self.reference}{int(numbers)}").order_id
			self.assertEqual(len(order_id), 18)
			self.assertIsNotNone(self.provider.ledger.find_order(order_id))
		answer = parse_object(b'{"a":240101120000000007,"b":2.40101120000000007e17}', "x")
		self.assertEqual((reference_in(answer["a"]), reference_in(answer["b"])), ("240101120000000007", None))

	def test_a_job_does_not_stay_open_for_months(self):
		"""Without a date a job lives six months."""
		checkout = self.gateway.create(self.make_request())
		self.assertLess(checkout.expires_at - self.simulator.clock.now(), timedelta(hours=25))
		payment = PaymentRef(self.reference, Decimal("10.00"), "GBP", checkout.order_id)
		self.later(hours=25)
		self.assertEqual(self.status(payment).outcome, Outcome.EXPIRED)

	def test_a_currency_that_the_account_does_not_take_is_refused_at_once(self):
		"""cashflows.md pitfall 6: which currencies and methods work depends on the account; the list of the page is not a promise."""
		with self.assertRaises(GatewayRefused) as refused:
			self.gateway.create(self.make_request(currency="SEK"))
		self.assertEqual(refused.exception.gateway_code, "CurrencyNotSupported")
		self.assertNotIn("paymentMethodsToUse", json.loads(self.network.sent[-1].body))

	def test_a_create_that_never_arrived_may_be_repeated(self):
		"""HEAD orders/{orderNumber} tells whether the number is known."""
		self.fault("create", "timeout_before")
		with self.assertRaises(NotSent):
			self.gateway.create(self.make_request())
		self.assertEqual([r.method for r in self.network.sent], ["POST", "HEAD"])

	def test_a_create_that_arrived_without_an_answer_is_unknown(self):
		self.fault("create", "timeout_after")
		with self.assertRaises(MaybeSent):
			self.gateway.create(self.make_request())
		lost = PaymentRef(self.reference, Decimal(10), "GBP", created_at=self.simulator.clock.now())
		self.assertEqual(self.status(lost).outcome, Outcome.PENDING)
		self.later(hours=25)
		self.assertEqual(self.status(lost).outcome, Outcome.EXPIRED)
		self.assertEqual(self.status(replace(lost, reference="NEVERSENT")).outcome, Outcome.NOT_FOUND)

	def test_a_refusal_is_final_and_garbage_is_a_bad_answer(self):
		with self.assertRaises(GatewayRefused) as refused:
			self.gateway.create(self.make_request(currency="NZD"))
		self.assertEqual(refused.exception.gateway_code, "CurrencyNotSupported")
		self.fault("create", "garbage")
		with self.assertRaises(BadAnswer):
			self.gateway.create(self.make_request())


class TestStatus(CashflowsCase):
	def test_a_paid_job_has_the_amount_of_the_gateway(self):
		payment = self.paid()
		event = self.status(payment)
		charge = self.simulator.captures("cashflows")[0]
		self.assertEqual((event.outcome, event.payment_id), (Outcome.PAID, charge.payment_id))
		self.assertEqual((event.amount, event.currency), (Decimal("10.00"), "GBP"))
		self.assertEqual((event.reference, event.order_id), (self.reference, payment.order_id))
		self.fault("status", "wrong_amount", times=None, amount_minor=100)
		self.assertEqual(self.status(payment).amount, Decimal("1.00"))

	def test_payments_that_the_job_only_names_are_fetched(self):
		self.configure(payments_in_full=False, references_as_numbers=True)
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

	def test_a_decline_leaves_the_job_open(self):
		"""The job may still get another payment, so the attempt is not failed."""
		payment = self.paid(outcome="failure")
		event = self.status(payment)
		self.assertEqual((event.outcome, event.error_code), (Outcome.PENDING, "Declined"))
		self.simulator.pay("cashflows", self.reference)
		self.assertEqual([e.outcome for e in self.gateway.status(payment)], [Outcome.PENDING, Outcome.PAID])

	def test_a_decline_of_a_closed_job_is_failed(self):
		payment = self.paid(outcome="failure")
		self.later(hours=25)
		self.assertEqual(self.status(payment).outcome, Outcome.FAILED)

	def test_a_job_is_pending_until_it_is_paid(self):
		payment = self.open()
		self.assertEqual(self.status(payment).outcome, Outcome.PENDING)
		self.simulator.pay("cashflows", self.reference, outcome="pending")
		self.assertEqual(self.status(payment).outcome, Outcome.PENDING)
		self.simulator.finish("cashflows", self.reference, "success")
		self.assertEqual(self.status(payment).outcome, Outcome.PAID)
		self.assertEqual(self.status(replace(payment, order_id="1")).outcome, Outcome.NOT_FOUND)

	def test_only_paid_and_reserved_are_money(self):
		"""Verified is a card check and no money; a state that is not in the table is never money."""
		money = {"Paid": Outcome.PAID, "Reserved": Outcome.AUTHORIZED}
		statuses = "Pending Commissioned Reserved Paid Verified Failed Declined Rejected Blocked Expired Cancelled New"
		for status in statuses.split():
			payment = {
				"reference": "7",
				"status": status,
				"amountToCollect": "5.00",
				"paidAmount": 5,
				"refunds": [],
			}
			with self.subTest(status):
				event = self.only(job_events({"currency": "GBP", "payments": [payment]}, dict))
				self.assertEqual(event.outcome, money.get(status, Outcome.PENDING))

	def test_converted_money_is_reported_in_its_own_currency(self):
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
			[{"reference": "7", "status": ["Paid"], "paidAmount": "5.00"}],
		):
			with self.subTest(payments), self.assertRaises(BadAnswer):
				job_events(
					{"currency": "GBP", "paymentStatus": "Paid", "payments": payments}, lambda reference: {}
				)

	def test_events_contain_no_personal_data(self):
		kept = json.dumps(asdict(self.status(self.paid())), default=str)
		self.assertNotIn("192.0.2.1", kept)
		self.assertNotIn("example.com", kept)


class TestCapture(CashflowsCase):
	def setUp(self):
		super().setUp()
		self.configure(auto_capture=False)

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

	def test_a_capture_without_an_answer_is_found_by_a_status_query(self):
		payment = self.paid()
		event = self.status(payment)
		self.fault("capture", "timeout_after")
		with self.assertRaises(MaybeSent):
			self.gateway.capture(payment, event, "k")
		self.assertEqual(self.gateway.capture(payment, event, "k").outcome, Outcome.PAID)

	def test_cancelling_voids_the_reserved_amount(self):
		payment = self.paid()
		self.assertEqual(self.gateway.cancel(payment).outcome, Outcome.CANCELLED)
		self.assertEqual(self.simulator.charges("cashflows")[0].state, "voided")

	def test_cancelling_a_paid_job_reports_it_paid(self):
		self.configure(auto_capture=True)
		self.assertEqual(self.gateway.cancel(self.paid()).outcome, Outcome.PAID)

	def test_a_job_whose_creation_was_not_answered_is_cancelled_because_nobody_can_pay_it(self):
		payment = self.open()
		self.assertEqual(self.gateway.cancel(replace(payment, order_id=None)).outcome, Outcome.CANCELLED)
		unknown = replace(payment, order_id=None, reference="NEVER")
		self.assertEqual(self.gateway.cancel(unknown).outcome, Outcome.CANCELLED)

	def test_cancelling_an_open_job_closes_it(self):
		payment = self.open()
		self.assertEqual(self.gateway.cancel(payment).outcome, Outcome.CANCELLED)
		self.assertIsNone(self.simulator.pay("cashflows", self.reference))


if __name__ == "__main__":
	unittest.main()
