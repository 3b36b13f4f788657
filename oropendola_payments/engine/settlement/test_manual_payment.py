"""Bank transfers and cash, recorded by a manager."""

from datetime import timedelta
from decimal import Decimal
from unittest.mock import patch

import frappe

from oropendola_payments.ai_billing.known_gateways import adapter_class
from oropendola_payments.ai_billing.periods import today
from oropendola_payments.api import admin
from oropendola_payments.engine.jobs import payment_jobs
from oropendola_payments.engine.monitoring import invariants
from oropendola_payments.engine.settlement import manual_payment
from oropendola_payments.engine.settlement.attempt_outcomes import PAID_OTHERWISE_REASON
from oropendola_payments.gateways.errors import MaybeSent
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import (
	as_user,
	create_invoice,
	create_plan,
	create_user,
	payment_settings,
	unique,
)
from oropendola_payments.tests.support.journey import GATEWAYS, Journey
from oropendola_payments.tests.support.parallel import in_parallel
from oropendola_payments.tests.support.time_travel import clear_due_records, make_due, sweep_until_settled

CLOSING = tuple(code for code in GATEWAYS if adapter_class(code).capabilities.cancel)


class TestManualPayment(TestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.manager, cls.customer = create_user("Payments Manager"), create_user()

	def setUp(self):
		self.invoice = create_invoice(self.customer).name

	def record(self, amount="499", reference=None, user=None, **values) -> dict:
		arguments = {
			"invoice_id": self.invoice,
			"amount": amount,
			"reference": reference or unique("transfer"),
			**values,
		}
		with as_user(user or self.manager):
			return admin.record_manual_payment(**arguments)

	def refused(self, code: str, *args, **values) -> str:
		answer = self.record(*args, **values)
		self.assertEqual((answer["success"], answer.get("error_code")), (False, code), answer)
		return answer["error"]

	def stored(self):
		return frappe.get_doc("AI Invoice", self.invoice)

	def captures(self) -> list:
		return frappe.get_all("Payment Capture", {"invoice": self.invoice}, ["*"], order_by="creation")

	def test_the_full_amount_pays_the_invoice_and_starts_the_service(self):
		answer = self.record(
			reference="made-up-transfer-" + self.invoice, paid_on=str(today()), note="From the bank"
		)
		self.assertEqual((answer["status"], answer["outstanding_amount"]), ("Paid", 0))
		subscription = frappe.get_doc("AI Subscription", self.stored().subscription)
		self.assertEqual(subscription.status, "Active")
		self.assertTrue(subscription.api_key_link)
		(capture,) = self.captures()
		self.assertEqual((capture.gateway, capture.disposition, capture.amount), ("manual", "Applied", 499))
		attempt = frappe.get_doc("Payment Attempt", answer["attempt"])
		self.assertEqual((attempt.status, attempt.mode), ("Paid", "Manual"))
		self.assertEqual(frappe.parse_json(attempt.request_data)["recorded_by"], self.manager)

	def test_the_audit_trail_records_the_manager_and_the_desk(self):
		self.record()
		rows = frappe.get_all(
			"Payment Event", {"invoice": self.invoice, "event": "invoice_paid"}, ["actor", "source"]
		)
		self.assertEqual([(row.actor, row.source) for row in rows], [(self.manager, "Desk")])

	def test_a_partial_amount_makes_it_partly_paid_and_the_rest_paid(self):
		"""R8."""
		first = self.record("200.50")
		self.assertEqual((first["status"], first["outstanding_amount"]), ("Partly Paid", Decimal("298.50")))
		subscription = self.stored().subscription
		self.assertEqual(frappe.db.get_value("AI Subscription", subscription, "status"), "Pending")
		self.assertFalse(self.stored().needs_review, "a part that a person recorded surprises nobody")
		second = self.record("298.50")
		self.assertEqual((second["status"], second["amount_paid"]), ("Paid", Decimal("499.00")))
		self.assertEqual(frappe.db.get_value("AI Subscription", subscription, "status"), "Active")

	def test_the_same_reference_twice_is_refused(self):
		"""R12."""
		reference = unique("<i>transfer")  # stored without the tag
		self.record("100", reference)
		self.assertIn(self.invoice, self.refused("conflict", "100", reference))
		other, self.invoice = self.invoice, create_invoice(self.customer).name
		self.assertIn(other, self.refused("conflict", "100", f" {reference} "))
		self.assertEqual(self.captures(), [])

	def test_two_managers_at_once_record_a_transfer_once(self):
		"""R28."""
		from oropendola_payments.engine.settlement import manual_payment

		reference, invoice = unique("transfer"), self.invoice
		answers = in_parallel(
			4, lambda _number: manual_payment.record_payment(invoice, Decimal(499), reference, None, None)
		)
		self.assertEqual(len([answer for answer in answers if isinstance(answer, dict)]), 1, answers)
		self.assertEqual(len(self.captures()), 1)

	def test_more_than_is_due_is_refused(self):
		self.assertIn("₹499.00", self.refused("bad_request", "499.01"))
		self.record("400")
		self.assertIn("₹99.00", self.refused("bad_request", "100"))

	def test_invalid_amounts_are_refused(self):
		"""R17."""
		for amount in ("0", "-5", "1.005", "", "a lot", "1e999", "NaN", "Infinity"):
			with self.subTest(amount=amount):
				self.refused("bad_request", amount)
		self.assertEqual((self.captures(), self.stored().status), ([], "Pending"))

	def test_a_currency_without_decimals_refuses_decimals(self):
		self.invoice = create_invoice(self.customer, create_plan(price=500, currency="JPY")).name
		self.refused("bad_request", "499.50")
		self.assertEqual(self.record("500")["status"], "Paid")

	def test_a_payment_date_in_the_future_is_refused(self):
		self.assertIn("future", self.refused("bad_request", paid_on=str(today() + timedelta(days=1))))
		for text in ("yesterday", "2026-13-01", "31/31/2026"):
			self.assertIn("YYYY-MM-DD", self.refused("bad_request", paid_on=text))
		day = today() - timedelta(days=3)
		self.record(paid_on=str(day))
		self.assertEqual(self.captures()[0].captured_at.date(), day)

	def test_a_settled_invoice_accepts_no_more_payments(self):
		self.record()
		self.refused("conflict", "1")
		self.invoice = create_invoice(self.customer).name
		self.stored().mark_as_cancelled()
		frappe.db.commit()
		self.refused("conflict", "499")
		self.invoice = "no-such-invoice"
		self.refused("not_found")

	def test_a_failed_invoice_accepts_a_manual_payment(self):
		"""R5, R30."""
		invoice = self.stored()
		invoice.mark_as_processing()
		invoice.mark_as_failed("The bank said no.")
		frappe.db.commit()
		self.assertEqual(self.record()["status"], "Paid")

	def test_a_failed_invoice_accepts_a_partial_manual_payment(self):
		invoice = self.stored()
		invoice.mark_as_processing()
		invoice.mark_as_abandoned("The customer left.")
		frappe.db.commit()
		self.assertEqual(self.record("100")["status"], "Partly Paid")

	def test_only_a_manager_records_manual_payments(self):
		"""S12, S22."""
		for user in ("Guest", self.customer, create_user("Payments Auditor"), create_user("System Manager")):
			with self.subTest(user=user):
				self.refused("not_allowed", user=user)
		self.assertEqual((self.captures(), self.stored().status), ([], "Pending"))

	def test_manual_payments_violate_no_invariant(self):
		self.record("200")
		self.record("299")
		broken = invariants.check()
		names = {name for rows in broken.values() for name in rows}
		self.assertFalse(names & {self.invoice, *(capture.name for capture in self.captures())}, broken)


class TestOpenOrders(TestCase):
	"""Who has a gateway's page open while a bank transfer is recorded shall not pay a second time."""

	def setUp(self):
		clear_due_records()

	def record(self, journey: Journey, amount="499"):
		manual_payment.record_payment(journey.invoice, Decimal(amount), unique("transfer"), None, None)
		payment_jobs.run_reconcile()

	def stored(self, attempt: str):
		return frappe.get_doc("Payment Attempt", attempt)

	def test_open_orders_of_a_paid_invoice_are_closed_at_their_gateways(self):
		"""R16."""
		for gateway in CLOSING:
			with self.subTest(gateway):
				journey = Journey(gateway, user=create_user())
				attempt = journey.start()
				self.record(journey)
				self.assertNotEqual(journey.sim.order(gateway, attempt).state, "open")
				self.assertEqual(
					(self.stored(attempt).status, self.stored(attempt).error_message),
					("Cancelled", PAID_OTHERWISE_REASON),
				)
				self.assertEqual(journey.status(), "Paid")

	def test_money_that_arrives_all_the_same_is_a_double_payment(self):
		for gateway in ("payu", "razorpay"):
			with self.subTest(gateway), payment_settings(double_payment_policy="Refund"):
				journey = Journey(gateway, user=create_user())
				attempt = journey.start()
				self.record(journey)
				self.assertEqual(self.stored(attempt).status, "Cancelled")
				journey.customer_pays(attempt)
				journey.deliver_all()
				sweep_until_settled(journey)
				self.assertEqual([c.disposition for c in journey.captures()], ["Applied", "Duplicate"])
				self.assertEqual(len(journey.refunds()), 1)

	def test_what_could_not_be_closed_at_once_is_closed_by_a_later_run(self):
		journey = Journey("cashfree", user=create_user())
		attempt = journey.start()
		with patch.object(adapter_class("cashfree"), "cancel", side_effect=MaybeSent("No answer.")):
			self.record(journey)
		self.assertEqual(self.stored(attempt).status, "Processing")
		make_due(journey.invoice)
		payment_jobs.run_reconcile()
		self.assertEqual(self.stored(attempt).status, "Cancelled")
		self.assertNotEqual(journey.sim.order("cashfree", attempt).state, "open")

	def test_a_part_that_was_paid_by_hand_closes_only_orders_for_more_than_is_due(self):
		journey = Journey("cashfree", user=create_user())
		attempt = journey.start()
		self.record(journey, "200")
		self.assertEqual((self.stored(attempt).status, journey.status()), ("Cancelled", "Partly Paid"))
		rest = journey.start()
		make_due(journey.invoice)
		payment_jobs.run_reconcile()
		self.assertEqual((self.stored(rest).status, journey.status()), ("Processing", "Processing"))

	def test_an_order_that_was_paid_just_now_is_recorded_and_not_cancelled(self):
		journey = Journey("cashfree", user=create_user())
		attempt = journey.start()
		journey.customer_pays(attempt)
		journey.take_webhooks()
		self.record(journey)
		self.assertEqual(self.stored(attempt).status, "Paid")
		self.assertEqual([c.disposition for c in journey.captures()], ["Applied", "Duplicate"])
