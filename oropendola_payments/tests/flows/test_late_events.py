"""Late events: payments, authorizations and notices after the invoice was settled or closed, and attempts left open."""

import dataclasses
from datetime import timedelta
from decimal import Decimal
from unittest.mock import patch

import frappe
from frappe.utils import now_datetime

from oropendola_payments.engine import privacy
from oropendola_payments.engine.ending import now
from oropendola_payments.engine.inbound import abandonment
from oropendola_payments.engine.jobs import payment_jobs
from oropendola_payments.engine.monitoring import invariants
from oropendola_payments.engine.self_service import commands
from oropendola_payments.engine.settlement import manual_payment
from oropendola_payments.engine.settlement.settle import settle
from oropendola_payments.engine.subscriptions import lifecycle
from oropendola_payments.gateways.base import Outcome, PaymentEvent
from oropendola_payments.gateways.errors import GatewayRefused, MaybeSent
from oropendola_payments.gateways.payu.adapter import PayU
from oropendola_payments.gateways.razorpay.adapter import Razorpay
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import (
	create_invoice,
	create_plan,
	create_user,
	payment_settings,
	unique,
)
from oropendola_payments.tests.support.gateway_events import PRICE, paid, payment_id
from oropendola_payments.tests.support.journey import GATEWAYS, Journey
from oropendola_payments.tests.support.simulated import deliver
from oropendola_payments.tests.support.time_travel import clear_due_records, make_due, sweep

# At the other gateways an order is paid at most once.
MANY_PAYMENTS = tuple(code for code in GATEWAYS if code in ("payu", "razorpay", "cashfree", "cashflows"))
SIX_DAYS = 6 * 24 * 60 + 1


def value(doctype: str, name: str, field: str):
	return frappe.db.get_value(doctype, name, field)


def pay_once_more(journey, attempt: str):
	"""A second payment of the same order, as from two tabs of the pay page."""
	provider = journey.sim.provider(journey.gateway)
	provider.complete_checkout(
		provider.ledger.find_order_by_reference(attempt), "success", provider.methods[0]
	)


def captures_at_gateway(journey, attempt: str) -> list:
	return [charge for charge in journey.sim.captures(journey.gateway) if charge.reference == attempt]


class LateEventsCase(TestCase):
	def setUp(self):
		clear_due_records()


class TestFurtherPayments(LateEventsCase):
	def test_a_second_payment_of_one_order_is_found_without_a_notice(self):
		"""R7: its notice was lost, and the first payment was settled long ago."""
		for gateway in MANY_PAYMENTS:
			with self.subTest(gateway):
				journey = Journey(gateway)
				attempt = journey.start()
				journey.deliver_return(journey.customer_pays(attempt))
				pay_once_more(journey, attempt)
				journey.take_webhooks()
				sweep(journey.invoice)
				self.assertEqual(len(journey.captures()), len(captures_at_gateway(journey, attempt)))

	def test_an_unsigned_notice_seconds_after_another_is_not_lost(self):
		"""R7: it looks like the first one and is about another payment."""
		journey = Journey("cashflows")
		attempt = journey.start()
		journey.customer_pays(attempt)
		journey.deliver_all()
		pay_once_more(journey, attempt)
		journey.deliver_all()
		due = value("Payment Attempt", attempt, "next_check_at")
		self.assertLess(due, now_datetime() + timedelta(minutes=2))

	def test_a_larger_amount_under_the_same_payment_id_is_flagged(self):
		"""R8: a second capture of the same payment."""
		journey = Journey("payu")
		attempt, number = journey.start(), payment_id()
		settle("payu", paid(attempt, payment_id=number))
		settle("payu", paid(attempt, 600, payment_id=number))
		self.assertEqual(journey.doc().needs_review, 1)
		self.assertIn("600", journey.doc().review_reason)

	def test_the_order_id_outweighs_a_reference_from_the_browser(self):
		journey, other = Journey("razorpay"), Journey("razorpay")
		attempt, elsewhere = journey.start(), other.start()
		order = value("Payment Attempt", attempt, "gateway_order_id")
		settle("razorpay", paid(elsewhere, order_id=order))
		self.assertEqual((journey.status(), other.status()), ("Paid", "Processing"))


class TestLateAuthorizations(LateEventsCase):
	def test_a_late_authorization_of_a_paid_invoice_is_not_captured(self):
		"""R28: capturing it would charge the customer twice."""
		journey = Journey("razorpay")
		attempt = journey.start()
		journey.customer_pays(attempt)
		journey.take_webhooks()
		ledger = journey.sim.provider("razorpay").ledger
		hold = f"pay_Sim{ledger.next_number():013d}"
		ledger.add_charge(ledger.find_order_by_reference(attempt), hold, "authorized", method="upi")
		sweep(journey.invoice)
		self.assertEqual([c.disposition for c in journey.captures()], ["Applied"])
		self.assertEqual(ledger.find_charge(hold).state, "authorized")

	def test_a_failing_capture_does_not_hide_another_payment(self):
		"""R10: one failing event does not stop the others."""
		journey = Journey("razorpay")
		attempt = journey.start()
		order = value("Payment Attempt", attempt, "gateway_order_id")
		hold = PaymentEvent(Outcome.AUTHORIZED, attempt, order, payment_id(), PRICE, "INR")
		refused = GatewayRefused("This payment cannot be captured.")
		answer = [hold, paid(attempt, order_id=order)]
		with (
			patch.object(Razorpay, "status", return_value=answer),
			patch.object(Razorpay, "capture", side_effect=refused),
		):
			sweep(journey.invoice)
		self.assertEqual(journey.status(), "Paid")


class TestApprovedAgain(LateEventsCase):
	def test_an_order_approved_again_after_a_declined_capture_is_paid(self):
		for kind in ("refused", "recorded"):
			journey = Journey("paypal")
			config = journey.sim.provider("paypal").config
			self.addCleanup(config.update, declined_capture="refused")
			config["declined_capture"] = kind
			attempt = journey.start()
			journey.deliver_return(journey.customer_pays(attempt, "failure"))
			journey.deliver_all()
			with self.subTest(kind):
				self.assertEqual(journey.status(), "Processing")
				self.assertTrue(value("Payment Attempt", attempt, "error_message"))
				make_due(journey.invoice)
				journey.deliver_return(journey.customer_pays(attempt))
				journey.deliver_all()
				sweep(journey.invoice)
				self.assertEqual((journey.status(), journey.problems()), ("Paid", []))
				self.assertEqual(len(captures_at_gateway(journey, attempt)), 1)


class TestOpenAttempts(LateEventsCase):
	def test_an_open_attempt_of_a_paid_invoice_is_closed_at_the_end(self):
		"""R14, R23: the invoice was paid by another attempt; this one is queried to the end and then closed."""
		journey = Journey("razorpay")
		attempt = journey.start()
		manual_payment.record_payment(journey.invoice, Decimal(PRICE), unique("transfer"), None, None)
		self.assertTrue(value("Payment Attempt", attempt, "next_check_at"))
		make_due(journey.invoice, SIX_DAYS)
		payment_jobs.run_reconcile()
		self.assertEqual(value("Payment Attempt", attempt, "status"), "Expired")
		self.assertIsNone(value("Payment Attempt", attempt, "next_check_at"))
		self.assertEqual(journey.status(), "Paid")

	def test_an_unanswered_last_status_query_is_repeated(self):
		"""R23: the gateway was down at that moment."""
		journey = Journey("payu")
		attempt = journey.start()
		journey.cancel(attempt)
		journey.customer_pays(attempt)
		journey.take_webhooks()
		make_due(journey.invoice, SIX_DAYS)
		with patch.object(PayU, "status", side_effect=MaybeSent("No answer.")):
			payment_jobs.run_reconcile()
		make_due(journey.invoice, SIX_DAYS)
		payment_jobs.run_reconcile()
		self.assertEqual(journey.status(), "Paid")

	def test_an_open_attempt_for_the_rest_of_an_invoice_is_closed_at_the_end(self):
		journey = Journey("razorpay")
		settle("razorpay", paid(journey.start(), 300))
		journey.start()
		self.assertEqual(journey.status(), "Processing")
		sweep(journey.invoice)
		self.assertEqual(journey.status(), "Partly Paid")
		self.assertEqual(journey.doc().outstanding(), PRICE - 300)

	def test_one_bad_invoice_does_not_stop_its_batch(self):
		"""R10."""
		good, bad = Journey("payu"), Journey("payu")
		for journey in (good, bad):
			journey.start()
			make_due(journey.invoice)
		close = abandonment._abandon

		def stumble(invoices, attempts):
			if bad.invoice in invoices:
				raise ValueError("A record that nobody can write.")
			close(invoices, attempts)

		with patch.object(abandonment, "_abandon", stumble):
			payment_jobs.run_abandoned()
		self.assertEqual((good.status(), bad.status()), ("Abandoned", "Processing"))

	def test_a_clock_set_back_does_not_block_status_queries(self):
		journey = Journey("payu")
		attempt = journey.start()
		journey.customer_pays(attempt)
		frappe.db.set_value(
			"Payment Attempt", attempt, "last_check_at", now_datetime() + timedelta(minutes=50)
		)
		frappe.db.commit()
		journey.poll(attempt)
		self.assertEqual(journey.status(), "Paid")


class TestStrangers(LateEventsCase):
	def test_forged_notices_do_not_block_a_genuine_unsigned_notice(self):
		journey = Journey("cashflows")
		journey.customer_pays(journey.start())
		real = journey.take_webhooks()
		body = b'{"paymentJobReference":"240101129999999999","paymentReference":"240101128888888888"}'
		for _number in range(70):
			deliver(dataclasses.replace(real[0], body=body))
		for message in real:
			deliver(message)
		self.assertEqual(journey.status(), "Paid")


class TestMergedUsers(LateEventsCase):
	def test_a_payment_of_two_merged_users_is_still_settled(self):
		"""R26, R27: the unique key of customer and plan must not undo a payment."""
		plan, kept, merged = create_plan(), create_user(), create_user()
		create_invoice(kept, plan)
		journey = Journey("payu", user=merged)
		subscription = {"plan": plan.name, "live_key": f"{merged}:{plan.name}"}
		frappe.db.set_value("AI Subscription", journey.subscription, subscription)
		attempt = journey.start()
		for doctype in (
			"AI Subscription",
			"AI Invoice",
			"Payment Attempt",
		):  # what merging users does to the links
			frappe.db.sql(f"UPDATE `tab{doctype}` SET `user` = %s WHERE `user` = %s", (kept, merged))
		privacy.user_renamed(frappe.get_doc("User", kept), old=merged, new=kept, merge=True)
		frappe.db.commit()
		settle("payu", paid(attempt))
		self.assertEqual((len(journey.captures()), journey.status()), (1, "Paid"))


class TestCancelledSubscriptions(LateEventsCase):
	"""R7: partial payments of a cancelled subscription are refunded or flagged."""

	def test_a_partial_manual_payment_is_flagged(self):
		user = create_user()
		invoice = create_invoice(user)
		manual_payment.record_payment(invoice.name, Decimal(300), unique("transfer"), None, None)
		commands.cancel(user, wait_for_period_end=False)
		self.assertIn("300", value("AI Invoice", invoice.name, "review_reason"))

	def test_a_partial_gateway_payment_is_refunded(self):
		journey = Journey("payu", user=create_user())
		settle("payu", paid(journey.start(), 300))
		commands.cancel(journey.user, wait_for_period_end=False)
		self.assertEqual([refund.amount for refund in journey.refunds()], [300])

	def test_credit_of_a_cancelled_subscription_can_be_spent_again(self):
		with payment_settings(double_payment_policy="Credit"):
			journey = Journey("payu", user=create_user())
			attempt = journey.start()
			settle("payu", paid(attempt))
			settle("payu", paid(attempt))
			dear = create_plan(price=1000)
			first = lifecycle.subscribe(journey.user, dear.name, None)
			self.assertEqual(value("AI Invoice", first["invoice_id"], "status"), "Partly Paid")
			now.end(first["subscription_id"])
			frappe.db.commit()
			payment_jobs.run_refunds()
			again = lifecycle.subscribe(journey.user, dear.name, None)["invoice_id"]
		self.assertEqual(value("AI Invoice", again, "amount_paid"), PRICE)

	def test_a_partial_payment_without_a_decision_violates_an_invariant(self):
		journey = Journey("payu", user=create_user())
		settle("payu", paid(journey.start(), 300))
		frappe.get_doc("AI Subscription", journey.subscription).cancel()
		self.assertIn(
			journey.captures()[0].name, invariants.check(("part_without_a_fate",))["part_without_a_fate"]
		)
		frappe.db.rollback()
