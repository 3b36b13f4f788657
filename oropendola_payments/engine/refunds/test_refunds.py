from datetime import datetime, timezone
from decimal import Decimal

import frappe

from oropendola_payments.ai_billing.doctype.payment_refund.payment_refund import OPEN
from oropendola_payments.engine.jobs import payment_jobs
from oropendola_payments.engine.refunds import create, ledger, notices
from oropendola_payments.engine.settlement.settle import settle
from oropendola_payments.exceptions import Conflict, NotFound, Unprocessable
from oropendola_payments.gateways.base import DisputeEvent, RefundEvent, RefundOutcome
from oropendola_payments.money import to_decimal
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.checks import violated_invariants
from oropendola_payments.tests.support.gateway_events import failed, paid
from oropendola_payments.tests.support.journey import GATEWAYS, Journey
from oropendola_payments.tests.support.paid import paid_journey, status_of
from oropendola_payments.tests.support.time_travel import clear_due_records, finish_refunds, make_due


class TestEveryGateway(TestCase):
	"""The whole life of refunds at each gateway, compared with the ledger of the simulator."""

	def each(self):
		for gateway in GATEWAYS:
			with self.subTest(gateway):
				yield paid_journey(gateway)

	def test_partial_refunds_up_to_the_total_end_the_service_with_the_last(self):
		for journey in self.each():
			for amount, status in ((100, "Partly Refunded"), (399, "Refunded")):
				self.assertIsNotNone(journey.refund(amount))
				finish_refunds(journey.gateway, journey.invoice)
				self.assertEqual(journey.status(), status)
			self.assertEqual(journey.subscription_status(), "Cancelled")
			self.assertIsNone(journey.refund(1))
			self.assertEqual(journey.problems(), [])

	def test_a_refund_with_a_lost_response_is_unknown_and_never_sent_twice(self):
		"""R13: a timeout is not a failure; the balance stays held until the gateway answers a query."""
		for journey in self.each():
			journey.sim.faults.add(journey.gateway, "refund", "timeout_after")
			answer = journey.refund(300)
			self.assertEqual(answer["status"], "Unknown")
			self.assertIsNone(journey.refund(300), "the balance is held")
			finish_refunds(journey.gateway, journey.invoice)
			self.assertEqual(status_of(answer["refund"]), "Refunded")
			self.assertEqual(journey.problems(), [])

	def test_a_refund_request_that_never_arrived_is_sent_again_with_the_same_key(self):
		"""R14: a refund without an id of the gateway is queried and finished."""
		for journey in self.each():
			journey.sim.faults.add(journey.gateway, "refund", "timeout_before")
			answer = journey.refund(300)
			make_due(journey.invoice)
			payment_jobs.run_refunds()
			finish_refunds(journey.gateway, journey.invoice)
			self.assertEqual(status_of(answer["refund"]), "Refunded")
			self.assertEqual(journey.problems(), [])

	def test_a_refund_that_the_bank_fails_frees_its_balance_and_flags_the_invoice(self):
		for journey in self.each():
			answer = journey.refund(300)
			if status_of(answer["refund"]) == "Refunded":
				continue  # this provider answers at once
			journey.sim.finish_refund(journey.gateway, answer["refund"], "failure")
			make_due(journey.invoice)
			payment_jobs.run_refunds()
			self.assertEqual(status_of(answer["refund"]), "Failed")
			self.assertTrue(journey.doc().needs_review)
			again = journey.refund(499)
			finish_refunds(journey.gateway, journey.invoice)
			self.assertEqual((status_of(again["refund"]), journey.status()), ("Refunded", "Refunded"))
			self.assertEqual(journey.problems(), [])

	def test_a_refund_notice_alone_finishes_the_refund(self):
		for journey in self.each():
			answer = journey.refund(300)
			if status_of(answer["refund"]) == "Processing":
				journey.take_webhooks()
				journey.sim.finish_refund(journey.gateway, answer["refund"])
				journey.deliver_all()
			if not journey.sim.providers[journey.gateway].__class__.notify_refund.__qualname__.startswith(
				"Provider"
			):
				self.assertEqual(status_of(answer["refund"]), "Refunded")

	def test_one_idempotency_key_is_one_refund_and_other_parameters_are_a_conflict(self):
		for journey in self.each():
			first = journey.refund(100, idempotency_key=journey.invoice)
			self.assertEqual(journey.refund(100, idempotency_key=journey.invoice)["refund"], first["refund"])
			with self.assertRaises(Conflict):
				create.create_refund(journey.invoice, Decimal(200), "A test", journey.invoice)
			self.assertEqual(len(journey.refunds()), 1)


class TestRefusedRefunds(TestCase):
	def setUp(self):
		self.journey = paid_journey()

	def refused(self, amount) -> str:
		with self.assertRaises(Unprocessable) as refusal:
			create.create_refund(self.journey.invoice, amount, "A test")
		self.assertEqual(self.journey.refunds(), [])
		return str(refusal.exception)

	def test_a_refund_above_the_paid_amount_is_refused(self):
		self.assertIn("Only ₹499.00 can still be refunded", self.refused(Decimal("499.01")))

	def test_a_refund_of_zero_or_less_is_refused(self):
		for amount in (Decimal(0), Decimal(-1)):
			self.assertIn("greater than 0", self.refused(amount))

	def test_a_refund_with_too_many_decimals_is_refused(self):
		self.assertIn("decimal places", self.refused(Decimal("1.005")))

	def test_an_invoice_without_a_payment_cannot_be_refunded(self):
		with self.assertRaises(Unprocessable):
			create.create_refund(Journey("payu").invoice, None, "A test")

	def test_a_disputed_payment_cannot_be_refunded_until_the_dispute_is_won(self):
		"""R36."""
		capture = self.journey.captures()[0]
		for state, sentence in (("open", "disputed"), ("lost", "disputed")):
			self.dispute(capture.gateway_payment_id, state)
			self.assertIn(sentence, self.refused(None))
		self.assertTrue(self.journey.doc().needs_review)

	def test_a_won_dispute_makes_the_payment_refundable(self):
		capture = self.journey.captures()[0]
		self.dispute(capture.gateway_payment_id, "open")
		self.dispute(capture.gateway_payment_id, "won")
		self.assertIsNotNone(self.journey.refund(100))

	def test_a_waiting_refund_is_not_sent_after_a_dispute_opened(self):
		self.journey.sim.faults.add("payu", "refund", "timeout_before")
		answer = self.journey.refund(100)
		self.dispute(self.journey.captures()[0].gateway_payment_id, "open")
		make_due(self.journey.invoice)
		payment_jobs.run_refunds()
		self.assertEqual(status_of(answer["refund"]), "Unknown")
		self.assertEqual([r for r in self.journey.sim.refunds("payu") if r.key == answer["refund"]], [])

	def test_a_late_opening_notice_of_a_closed_dispute_changes_nothing(self):
		"""Notices arrive out of order."""
		capture = self.journey.captures()[0]
		self.dispute(capture.gateway_payment_id, "lost")
		self.dispute(capture.gateway_payment_id, "open")
		self.assertEqual(self.journey.captures()[0].dispute_state, "Lost")

	@staticmethod
	def dispute(payment_id: str, state: str):
		from oropendola_payments.engine.settlement import disputes

		disputes.record("payu", DisputeEvent(state, payment_id=payment_id, reason="Not received"))


class TestRefundsOfPartialPayments(TestCase):
	"""A partly paid invoice has given no service yet: refunding its payment does not settle it."""

	def setUp(self):
		clear_due_records()
		self.journey = Journey("payu")
		settle("payu", paid(self.journey.start(), 300))

	def send_back(self, amount):
		self.journey.refund(amount)
		for refund in self.journey.refunds():
			ledger.record(refund.name, RefundEvent(RefundOutcome.REFUNDED, key=refund.name))

	def amounts(self) -> tuple:
		invoice = self.journey.doc()
		return invoice.status, invoice.outstanding(), to_decimal(invoice.outstanding_amount)

	def test_the_unpaid_rest_and_the_refunded_part_can_be_paid(self):
		self.send_back(100)
		self.assertEqual(self.amounts(), ("Partly Paid", 299, 299))
		settle("payu", paid(self.journey.start(), 299))
		self.assertEqual((self.journey.status(), self.journey.subscription_status()), ("Paid", "Active"))
		self.assertEqual(violated_invariants(self.journey), [])

	def test_an_attempt_open_during_a_refund_leaves_the_right_outstanding_amount(self):
		attempt = self.journey.start()
		self.send_back(100)
		settle("payu", failed(attempt))
		self.assertEqual(self.amounts(), ("Partly Paid", 299, 299))

	def test_a_fully_refunded_partial_payment_closes_the_invoice(self):
		self.send_back(300)
		self.assertEqual(self.journey.status(), "Refunded")

	def test_a_partial_refund_of_a_paid_invoice_makes_it_partly_refunded(self):
		settle("payu", paid(self.journey.start(), 199))
		self.send_back(100)
		self.assertEqual(self.journey.status(), "Partly Refunded")


class TestDashboardRefunds(TestCase):
	def setUp(self):
		self.journey = paid_journey()
		self.capture = self.journey.captures()[0]

	def event(self, outcome=RefundOutcome.REFUNDED, amount=499, **values) -> RefundEvent:
		values = {
			"refund_id": f"outside-{self.journey.invoice}",
			"payment_id": self.capture.gateway_payment_id,
			**values,
		}
		return RefundEvent(outcome, amount=Decimal(amount), currency="INR", **values)

	def test_a_dashboard_refund_is_recorded_once(self):
		for _time in range(2):
			notices.record_notice("payu", self.event(amount=100))
		self.assertEqual([(r.amount, r.status) for r in self.journey.refunds()], [(100, "Refunded")])
		self.assertEqual(self.journey.status(), "Partly Refunded")

	def test_two_gateways_may_use_the_same_refund_id(self):
		for gateway in ("payu", "cashfree"):
			journey = Journey(gateway)
			settle(gateway, paid(journey.start(), payment_id=f"alike-{self.journey.invoice}"))
			event = self.event(payment_id=f"alike-{self.journey.invoice}")
			notices.record_notice(gateway, event)
			self.assertEqual(journey.status(), "Refunded", gateway)

	def test_a_full_dashboard_refund_ends_the_service(self):
		"""R36."""
		notices.record_notice("payu", self.event())
		self.assertEqual(
			(self.journey.status(), self.journey.subscription_status()), ("Refunded", "Cancelled")
		)

	def test_a_recorded_dashboard_refund_is_never_sent_by_a_sweep(self):
		"""The record is created and finished in one transaction, so no sweep can see it in between."""
		notices.record_notice("payu", self.event(amount=100))
		frappe.db.sql(
			"UPDATE `tabPayment Refund` SET next_check_at = '2020-01-01' WHERE invoice = %s",
			self.journey.invoice,
		)
		payment_jobs.run_refunds()
		self.assertEqual(
			[r for r in self.journey.sim.refunds("payu") if r.payment_id == self.capture.gateway_payment_id],
			[],
		)

	def test_a_dashboard_refund_above_the_balance_flags_and_changes_nothing(self):
		self.journey.refund(300)
		finish_refunds("payu", self.journey.invoice)
		notices.record_notice("payu", self.event(amount=400))
		self.assertEqual(len(self.journey.refunds()), 1)
		self.assertIn("more than was left to refund", self.journey.doc().review_reason)

	def test_a_dashboard_refund_above_the_balance_is_recorded_when_the_refund_in_its_way_fails(self):
		ours = self.journey.refund(300)["refund"]
		self.assertIn(status_of(ours), OPEN)
		with self.assertRaises(Conflict):
			notices.record_notice("payu", self.event(amount=400))
		self.assertIn("more than was left to refund", self.journey.doc().review_reason)
		ledger.record(ours, RefundEvent(RefundOutcome.FAILED))
		notices.record_notice("payu", self.event(amount=400))
		self.assertEqual(
			sorted((r.amount, r.status) for r in self.journey.refunds()), [(300, "Failed"), (400, "Refunded")]
		)
		self.assertEqual(self.journey.captures()[0].amount_refunded, 400)

	def test_a_refund_notice_without_our_key_waits_while_a_refund_is_unknown(self):
		self.journey.sim.faults.add("payu", "refund", "timeout_after")
		self.journey.refund(100)
		with self.assertRaises(Conflict):
			notices.record_notice("payu", self.event(amount=100))
		self.assertEqual(len(self.journey.refunds()), 1)

	def test_a_notice_about_an_unknown_refund_is_not_found(self):
		with self.assertRaises(NotFound):
			notices.record_notice(
				"payu", RefundEvent(RefundOutcome.REFUNDED, payment_id="nobody", amount=Decimal(1))
			)

	def test_refused_credentials_never_free_the_balance(self):
		"""R13: a refused query says nothing about the refund."""
		self.journey.sim.faults.add("payu", "refund", "timeout_after")
		answer = self.journey.refund(300)
		self.journey.sim.configure("payu", salt="another-salt-of-the-account")
		try:
			make_due(self.journey.invoice)
			payment_jobs.run_refunds()
		finally:
			self.journey.sim.configure("payu", salt="simulator-payu-salt-0001")
		self.assertEqual(status_of(answer["refund"]), "Unknown")
		self.assertIsNone(self.journey.refund(300))

	def test_a_failed_refund_that_was_paid_after_all_is_counted_and_flagged(self):
		first = self.journey.refund(400)
		early, late = (datetime(2026, 1, 1, hour, tzinfo=timezone.utc) for hour in (9, 10))
		ledger.record(first["refund"], self.event(RefundOutcome.FAILED, 400, occurred_at=early))
		self.journey.sim.faults.add("payu", "refund", "timeout_before")
		self.assertEqual(self.journey.refund(400)["status"], "Unknown", "the balance was free")
		ledger.record(first["refund"], self.event(RefundOutcome.REFUNDED, 400, occurred_at=late))
		self.assertIn("refunded by more than was left", self.journey.doc().review_reason)

	def test_a_full_refund_of_two_payments_refunds_both(self):
		journey = Journey("payu")
		settle("payu", paid(journey.start(), 100))
		settle("payu", paid(journey.start(), 399))
		answer = create.create_refund(journey.invoice, None, "A test")
		self.assertEqual(len(answer["refunds"]), 2)
		self.assertEqual(sorted(refund.amount for refund in journey.refunds()), [100, 399])

	def test_a_refund_above_each_single_payment_is_split_over_both(self):
		journey = Journey("payu")
		settle("payu", paid(journey.start(), 100))
		settle("payu", paid(journey.start(), 399))
		create.create_refund(journey.invoice, Decimal(450), "A test")
		self.assertEqual(sorted(refund.amount for refund in journey.refunds()), [51, 399])

	def test_an_amount_is_refunded_of_the_payment_in_the_currency_of_the_invoice(self):
		journey = Journey("payu")
		first, second = (
			journey.start(),
			journey.at_gateway("razorpay").start(),
		)
		settle("payu", paid(first, 499))
		settle("razorpay", paid(second, 499, "USD"))
		create.create_refund(journey.invoice, Decimal(100), "A test")
		(refund,) = journey.refunds()
		self.assertEqual((refund.currency, refund.gateway), ("INR", "payu"))
		with self.assertRaisesRegex(Unprocessable, "₹500.00 is too much. Only ₹499.00"):
			create.create_refund(journey.invoice, Decimal(500), "A test")
