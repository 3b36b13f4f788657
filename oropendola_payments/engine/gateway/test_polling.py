"""When gateways are queried: the first time, and at the intervals of a vendor."""

import frappe
from frappe.utils import add_to_date, now_datetime

from oropendola_payments.engine.gateway import polling
from oropendola_payments.engine.jobs import payment_jobs
from oropendola_payments.engine.settlement.settle import settle
from oropendola_payments.gateways.base import Outcome, PaymentEvent
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import unique
from oropendola_payments.tests.support.journey import GATEWAYS, Journey
from oropendola_payments.tests.support.time_travel import make_due


class TestFirstStatusQuery(TestCase):
	def test_the_first_status_query_follows_the_delay_of_the_vendor(self):
		"""PhonePe wants the first check 20 to 25 seconds after the start, then 3, 6, 10, 30 seconds, then each minute."""
		for gateway in GATEWAYS:
			with self.subTest(gateway):
				attempt = Journey(gateway).start()
				started, due = frappe.db.get_value(
					"Payment Attempt", attempt, ["initiated_at", "next_check_at"]
				)
				least, most = (20, 25) if gateway == "phonepe" else (55, 65)
				self.assertTrue(least <= (due - started).total_seconds() <= most, due - started)

	def test_an_order_still_open_after_15_minutes_has_been_queried(self):
		"""P2."""
		for gateway in GATEWAYS:
			with self.subTest(gateway):
				journey = Journey(gateway)
				attempt = journey.start()
				started = add_to_date(now_datetime(), minutes=-15)
				frappe.db.set_value("Payment Attempt", attempt, "initiated_at", started)
				due = frappe.db.get_value("Payment Attempt", attempt, "next_check_at")
				self.assertLess(due, add_to_date(now_datetime(), minutes=2))
				frappe.db.set_value("Payment Attempt", attempt, "next_check_at", now_datetime())
				frappe.db.commit()
				payment_jobs.run_reconcile()
				again = frappe.db.get_value("Payment Attempt", attempt, "next_check_at")
				self.assertLessEqual(again, add_to_date(now_datetime(), minutes=5))

	def test_a_hold_is_queried_longer_than_gateways_keep_it(self):
		"""R23: Cashfree lets it go after seven days, and no webhook says so."""
		attempt = frappe.get_doc("Payment Attempt", Journey("cashfree").start())
		attempt.initiated_at = add_to_date(now_datetime(), days=-8)
		self.assertIsNone(polling.next_check(attempt))
		attempt.status = "Authorized"
		self.assertLess(polling.next_check(attempt), add_to_date(now_datetime(), days=1, minutes=1))

	def test_a_hold_of_which_nothing_more_is_heard_is_flagged_and_does_not_keep_its_invoice_in_processing(
		self,
	):
		journey = Journey("payu")
		attempt = journey.start()
		settle("payu", PaymentEvent(Outcome.AUTHORIZED, reference=attempt, payment_id=unique("pay")))
		make_due(journey.invoice, polling.TRANSIT_DAYS * 24 * 60)
		payment_jobs.run_reconcile()
		status = frappe.db.get_value("Payment Attempt", attempt, "status")
		self.assertEqual((status, journey.status()), ("Expired", "Abandoned"))
		self.assertIn(attempt, journey.doc().review_reason)

	def test_a_pending_phonepe_payment_is_queried_at_phonepes_intervals(self):
		journey = Journey("phonepe")
		attempt = journey.start()
		for age, wait in ((30, 3), (80, 6), (150, 10), (200, 30), (600, 60)):
			started = add_to_date(now_datetime(), seconds=-age)
			frappe.db.set_value(
				"Payment Attempt", attempt, {"initiated_at": started, "next_check_at": started}
			)
			frappe.db.commit()
			payment_jobs.run_reconcile()
			due = frappe.db.get_value("Payment Attempt", attempt, "next_check_at")
			self.assertAlmostEqual((due - now_datetime()).total_seconds(), wait, delta=2)
