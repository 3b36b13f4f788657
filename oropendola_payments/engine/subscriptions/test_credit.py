"""The policy Credit: a duplicate payment pays the next invoice, and a refund of credit is credit again."""

from decimal import Decimal

import frappe

from oropendola_payments.engine.refunds import create
from oropendola_payments.engine.subscriptions import renewal as renewal_
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.checks import violated_invariants
from oropendola_payments.tests.support.factories import create_user, payment_settings
from oropendola_payments.tests.support.journey import Journey


class TestCredit(TestCase):
	def paid_twice(self) -> Journey:
		"""Two open pages, both paid, with the policy Credit."""
		journey = Journey("payu", user=create_user())
		first = journey.start()
		second = journey.start(flow="embedded")
		for attempt in (first, second):
			journey.deliver_return(journey.customer_pays(attempt))
		return journey

	def test_a_duplicate_payment_pays_the_renewal(self):
		with payment_settings(double_payment_policy="Credit"):
			journey = self.paid_twice()
		self.assertEqual([c.disposition for c in journey.captures()], ["Applied", "Duplicate"])
		renewal = renewal_.renew(journey.user, journey.doc().plan)["invoice_id"]
		self.assertEqual(frappe.db.get_value("AI Invoice", renewal, "status"), "Paid")
		self.assertEqual(journey.captures()[1].credit_left(), 0)

	def test_refunding_a_payment_by_credit_restores_the_credit_and_sends_no_money(self):
		with payment_settings(double_payment_policy="Credit"):
			journey = self.paid_twice()
		renewal = renewal_.renew(journey.user, journey.doc().plan)["invoice_id"]
		create.create_refund(renewal, None, "A test")
		self.assertEqual(frappe.db.get_value("AI Invoice", renewal, "status"), "Refunded")
		self.assertEqual(journey.captures()[1].credit_left(), Decimal(499))
		self.assertEqual(
			[
				charge.refunded_minor
				for charge in journey.sim.captures("payu")
				if charge.reference in journey.attempts()
			],
			[0, 0],
		)
		self.assertEqual(violated_invariants(journey), [])
