"""The double-payment policy refunds the money, turns it into credit, or flags the invoice."""

from dataclasses import replace
from decimal import Decimal

import frappe

from oropendola_payments.engine.settlement.settle import settle
from oropendola_payments.engine.subscriptions import renewal as renewal_
from oropendola_payments.gateways.payu.adapter import PayU
from oropendola_payments.tests.support.another_app import another_app
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import create_user, payment_settings
from oropendola_payments.tests.support.gateway_events import paid
from oropendola_payments.tests.support.journey import GATEWAYS, Journey
from oropendola_payments.tests.support.simulated import open_pay_page
from oropendola_payments.tests.support.time_travel import (
	clear_due_records,
	finish_refunds,
	sweep_until_settled,
)


def paid_twice(gateway: str) -> Journey:
	"""Two tabs, two attempts, both paid, and reported by webhooks only."""
	clear_due_records()
	journey = Journey(gateway, user=create_user())
	first = journey.start()
	# The first attempt is about to expire, so the second tab gets an attempt of its own.
	frappe.db.set_value("Payment Attempt", first, "expires_at", "2020-01-01")
	second = journey.start()
	if first == second:
		raise AssertionError("one attempt for both tabs")
	backs = [journey.customer_pays(attempt) for attempt in (first, second)]
	for back in backs:
		journey.deliver_return(back)
	journey.deliver_all()
	return journey


# At PayPal customers only approve; we capture, and never for an invoice that is paid.
TAKE_BY_THEMSELVES = tuple(code for code in GATEWAYS if code != "paypal")


class TestPolicies(TestCase):
	def each(self, policy: str):
		for gateway in TAKE_BY_THEMSELVES:
			with self.subTest(gateway), payment_settings(double_payment_policy=policy):
				journey = paid_twice(gateway)
				self.assertEqual(sorted(c.disposition for c in journey.captures()), ["Applied", "Duplicate"])
				self.assertEqual(journey.events().count("subscription_served"), 1)
				yield journey, next(c for c in journey.captures() if c.disposition == "Duplicate")

	def test_the_policy_refund_refunds_the_second_payment(self):
		"""R7, R16: the second payment is a record of its own and is refunded to where it came from."""
		for journey, extra in self.each("Refund"):
			sweep_until_settled(journey)
			finish_refunds(journey.gateway, journey.invoice)
			charges = {c.payment_id: c.refunded_minor for c in journey.sim.captures(journey.gateway)}
			self.assertEqual(charges[extra.gateway_payment_id], 49900)
			self.assertEqual((journey.status(), journey.subscription_status()), ("Paid", "Active"))
			self.assertEqual(journey.problems(), [])

	def test_the_policy_credit_pays_the_next_invoice(self):
		for journey, extra in self.each("Credit"):
			self.assertEqual(extra.credit_left(), Decimal(499))
			end = frappe.db.get_value("AI Subscription", journey.subscription, "end_date")
			renewal = renewal_.renew(journey.user)["invoice_id"]
			self.assertEqual(frappe.db.get_value("AI Invoice", renewal, "status"), "Paid")
			self.assertGreater(frappe.db.get_value("AI Subscription", journey.subscription, "end_date"), end)
			self.assertEqual(journey.refunds(), [])
			self.assertEqual(
				next(c for c in journey.captures() if c.name == extra.name).credit_left(), Decimal(0)
			)
			self.assertEqual(journey.problems(), [])

	def test_the_policy_flag_marks_for_review_and_moves_no_money(self):
		for journey, extra in self.each("Flag"):
			self.assertTrue(journey.doc().needs_review)
			self.assertIn(extra.gateway_payment_id, journey.doc().review_reason)
			self.assertEqual(journey.refunds(), [])
			self.assertEqual(journey.problems(), [])

	def test_an_approved_second_payment_is_not_captured(self):
		with payment_settings(double_payment_policy="Refund"):
			journey = paid_twice("paypal")
			sweep_until_settled(journey)
		self.assertEqual([c.disposition for c in journey.captures()], ["Applied"])
		self.assertEqual(journey.problems(), [])

	def test_credit_is_spent_once_and_the_rest_remains(self):
		with payment_settings(double_payment_policy="Credit"):
			journey = paid_twice("payu")
			plan = frappe.get_doc("AI Plan", journey.doc().plan)
			plan.price = 300
			plan.save(ignore_permissions=True)
			frappe.db.commit()
			first = renewal_.renew(journey.user)["invoice_id"]
			second = renewal_.renew(journey.user)["invoice_id"]
		states = [
			frappe.db.get_value("AI Invoice", name, ["status", "outstanding_amount"])
			for name in (first, second)
		]
		self.assertEqual(states, [("Paid", 0), ("Partly Paid", 101)])
		self.assertEqual(journey.problems(), [])

	def test_credit_does_not_pay_invoices_of_other_customers(self):
		with payment_settings(double_payment_policy="Credit"):
			paid_twice("payu")
			other = Journey("payu", user=create_user())
		self.assertEqual(other.status(), "Pending")


class TestLateDoublePayments(TestCase):
	def test_a_late_success_of_a_failed_attempt_of_a_paid_invoice_is_refunded(self):
		"""payu.md pitfall 9: a late success of an old attempt must not be paid twice. R5, R7: the bank approves the first attempt after the second was paid."""
		for gateway in TAKE_BY_THEMSELVES:
			with self.subTest(gateway), payment_settings(double_payment_policy="Refund"):
				clear_due_records()
				journey = Journey(gateway)
				first = journey.start()
				journey.deliver_return(journey.customer_pays(first, "failure"))
				sweep_until_settled(journey)
				self.assertIn(journey.status(), ("Failed", "Abandoned"))
				answer = journey.retry()
				self.assertTrue(answer["success"], answer)
				open_pay_page(answer)
				journey.deliver_return(journey.customer_pays(answer["attempt"]))
				sweep_until_settled(journey)
				journey.sim.finish(gateway, first, "success")
				journey.deliver_all()
				sweep_until_settled(journey)
				self.assertEqual(sorted(c.disposition for c in journey.captures()), ["Applied", "Duplicate"])
				self.assertEqual(journey.problems(), [])


class AllOrNothing(PayU):
	"""An adapter of another app, for a gateway without partial refunds."""

	capabilities = replace(PayU.capabilities, partial_refunds=False)


class TestSurplusThatCannotBeRefunded(TestCase):
	"""R27: the record of a payment is kept even when its surplus cannot be refunded."""

	def overpaid(self, amount: str):
		clear_due_records()
		journey = Journey("payu")
		with payment_settings(double_payment_policy="Refund"):
			settle("payu", paid(journey.start(), amount))
		(capture,) = journey.captures()
		self.assertEqual((journey.status(), capture.resolution), ("Paid", "Flag"))
		self.assertIn(capture.gateway_payment_id, journey.doc().review_reason)
		self.assertEqual(journey.refunds(), [])

	def test_an_amount_with_too_many_decimals_is_recorded_and_flagged(self):
		self.overpaid("499.005")

	def test_a_surplus_is_flagged_where_the_gateway_refunds_only_whole_payments(self):
		with another_app(payment_gateways=[f"{__name__}.AllOrNothing"]):
			self.overpaid("600")
