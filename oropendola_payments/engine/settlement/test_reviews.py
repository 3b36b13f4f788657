"""Mismatched payments are flagged for review, and a review can be finished."""

from decimal import Decimal

import frappe

from oropendola_payments.api import admin
from oropendola_payments.engine.checkout import initiate as checkout
from oropendola_payments.engine.monitoring import invariants
from oropendola_payments.engine.settlement import settle as settlement
from oropendola_payments.gateways.base import Outcome, PaymentEvent
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import (
	as_user,
	create_invoice,
	create_user,
	enable_gateway,
	unique,
)
from oropendola_payments.tests.support.simulated import simulator


class TestReviews(TestCase):
	def setUp(self):
		simulator()
		enable_gateway("payu")
		self.invoice = create_invoice().name
		user = frappe.db.get_value("AI Invoice", self.invoice, "user")
		self.attempt = checkout.initiate(user, self.invoice, "payu")["attempt"]
		event = PaymentEvent(
			Outcome.PAID,
			reference=self.attempt,
			payment_id=unique("pay"),
			amount=Decimal(499),
			currency="USD",
		)
		self.capture = settlement.settle("payu", event).capture

	def finish(self, **values) -> dict:
		with as_user(create_user("Payments Manager")):
			return admin.finish_review(
				**{"invoice_id": self.invoice, "note": "The bank will send it back.", **values}
			)

	def test_a_payment_in_another_currency_pays_nothing_and_is_flagged(self):
		"""S2."""
		invoice = frappe.get_doc("AI Invoice", self.invoice)
		self.assertEqual((invoice.paid(), invoice.needs_review), (0, 1))
		self.assertIn("$499.00", invoice.review_reason)
		self.finish()

	def test_a_finished_review_violates_no_invariant(self):
		self.assertTrue(self.finish()["success"])
		broken = invariants.check(("mismatch_without_review",)).get("mismatch_without_review", [])
		self.assertNotIn(self.capture, broken)
		self.assertEqual(frappe.db.get_value("AI Invoice", self.invoice, "needs_review"), 0)

	def test_the_findings_of_a_review_are_kept(self):
		self.finish()
		self.assertEqual(
			frappe.db.get_value("Payment Capture", self.capture, "note"), "The bank will send it back."
		)
		event = frappe.get_last_doc("Payment Event", {"invoice": self.invoice, "event": "review_finished"})
		details = frappe.parse_json(event.details)
		self.assertEqual(event.note, "The bank will send it back.")
		self.assertNotIn("note", details)
		self.assertIn("$499.00", details["reasons"])

	def test_an_invoice_that_does_not_exist_is_refused(self):
		self.assertEqual(self.finish(invoice_id="no-such-invoice")["error_code"], "not_found")
		self.finish()
