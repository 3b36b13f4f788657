"""A process may crash after every statement of an ending or a resumption: afterwards it happened once, or not at all."""

import os
from datetime import timedelta
from decimal import Decimal

import frappe

from oropendola_payments.ai_billing.periods import today
from oropendola_payments.engine.ending import at_period_end, now
from oropendola_payments.engine.ending.test_now import MONEY_RULES, set_period
from oropendola_payments.engine.monitoring import audit
from oropendola_payments.engine.pauses import pause, resume
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.crashes import count_crash_points, crashing
from oropendola_payments.tests.support.customers import move_to, violations
from oropendola_payments.tests.support.factories import (
	create_active_subscription,
	create_user,
	payment_settings,
)
from oropendola_payments.tests.support.journey import Journey
from oropendola_payments.tests.support.proofs import crash_points
from oropendola_payments.tests.support.time_travel import clear_due_records, sweep_until_settled

# A thorough run tries every eighth point, the variable all.
EVERY = 1 if os.environ.get("PAYMENT_PROPERTY_EXAMPLES") else 8


class TestCrashes(TestCase):
	"""R32."""

	def setUp(self):
		self.enterContext(payment_settings(tax_rate=0))
		clear_due_records()

	def paid(self) -> Journey:
		journey = Journey("payu", user=create_user(), unused_on_cancel="Refund")
		journey.deliver_return(journey.customer_pays(journey.start()))
		sweep_until_settled(journey)
		set_period(journey.invoice, 10, 20)
		return journey

	def test_an_ending_with_a_refund_that_crashes_refunds_once(self):
		first = self.paid()
		points = count_crash_points(lambda: now.end(first.subscription))
		self.assertGreater(points, 10)
		for point in crash_points(points, 16, step=EVERY):
			with self.subTest(point=point, of=points):
				journey = self.paid()
				with crashing(point):
					now.end(journey.subscription)
				now.end(journey.subscription)  # the customer clicks again
				sweep_until_settled(journey)
				refunds = [(refund.amount, refund.status) for refund in journey.refunds()]
				self.assertEqual(refunds, [(float(Decimal("332.67")), "Refunded")])
				self.assertEqual(journey.subscription_status(), "Cancelled")
				self.assertEqual(violations(journey.user, *MONEY_RULES), {})
				self.assertIsNone(audit.verify(journey.invoice)["broken"])

	def paused(self) -> str:
		doc = create_active_subscription(create_user(), allow_pause=1)
		began = today() - timedelta(days=20)
		frappe.db.set_value("AI Invoice", doc.current_invoice, {"period_start": began, "fulfilled_on": began})
		pause.pause(doc.name, 10)
		return doc.name

	def dates(self, name: str) -> tuple:
		row = frappe.db.get_value("AI Subscription", name, ["status", "end_date", "current_invoice"])
		return (*row[:2], frappe.db.get_value("AI Invoice", row[2], ["period_end", "paused_days"]))

	def test_a_resumption_that_crashes_moves_the_dates_once(self):
		name = self.paused()
		self.let_pause_end(name)
		points = count_crash_points(lambda: resume.resume_if_due(name))
		for point in range(1, points + 1, EVERY // 2 or 1):
			with self.subTest(point=point, of=points):
				name = self.paused()
				end = frappe.db.get_value("AI Subscription", name, "end_date")
				self.let_pause_end(name)
				with crashing(point):
					resume.resume_if_due(name)
				resume.resume_if_due(name)
				self.assertEqual(
					self.dates(name), ("Active", end + timedelta(days=10), (end + timedelta(days=10), 10))
				)
				self.assertEqual(frappe.db.count("AI Subscription Pause", {"parent": name}), 1)

	@staticmethod
	def let_pause_end(name: str):
		"""As if the pause had begun ten days ago."""
		move_to(name, paused_on=today() - timedelta(days=10), pause_until=today())

	def test_a_scheduled_end_that_crashes_ends_once(self):
		first = create_active_subscription(create_user()).name
		at_period_end.cancel(first)
		move_to(first, end_date=today())
		points = count_crash_points(lambda: at_period_end.end_if_due(first))
		for point in range(1, points + 1, EVERY // 2 or 1):
			with self.subTest(point=point, of=points):
				name = create_active_subscription(create_user()).name
				at_period_end.cancel(name)
				move_to(name, end_date=today())
				with crashing(point):
					at_period_end.end_if_due(name)
				at_period_end.end_if_due(name)
				self.assertEqual(frappe.db.get_value("AI Subscription", name, "status"), "Cancelled")
				ended = {"event": "subscription_cancelled", "reference_name": name}
				self.assertEqual(frappe.db.count("Payment Event", ended), 1)
