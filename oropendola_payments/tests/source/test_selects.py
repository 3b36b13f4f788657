"""Values that are written without the checks of the form are still options of its Selects."""

import frappe

from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import payment_settings
from oropendola_payments.tests.support.journey import Journey
from oropendola_payments.tests.support.time_travel import (
	clear_due_records,
	finish_refunds,
	sweep_until_settled,
)

STATEFUL = (
	"AI Agent Proposal",
	"AI Invoice",
	"AI Plan Change",
	"AI Subscription",
	"Payment Attempt",
	"Payment Posting",
	"Payment Refund",
	"Payment Payout",
	"Payment Payout Difference",
)
WRITTEN = (*STATEFUL, "AI API Key", "Payment Capture", "Payment Event", "Payment Webhook Log")


def options(doctype: str, fieldname: str) -> set[str]:
	return set((frappe.get_meta(doctype).get_field(fieldname).options or "").split("\n"))


class TestSelects(TestCase):
	def test_every_state_of_a_transition_table_is_an_option_of_its_select(self):
		"""R20, for the states of records."""
		for doctype in STATEFUL:
			with self.subTest(doctype):
				moves = frappe.get_doc({"doctype": doctype}).transitions
				states = set(moves) | {state for targets in moves.values() for state in targets}
				self.assertEqual(states, options(doctype, "status"))

	def test_every_value_written_by_flows_is_an_option_of_its_select(self):
		"""R20, for every value that is written without the form."""
		self.live_through_something()
		for doctype in WRITTEN:
			for field in frappe.get_meta(doctype).get("fields", {"fieldtype": "Select"}):
				if field.fieldname == "naming_series":
					continue  # admins set their own series, and Frappe checks none
				with self.subTest(f"{doctype}.{field.fieldname}"):
					rows = frappe.db.sql(f"SELECT DISTINCT `{field.fieldname}` FROM `tab{doctype}`")
					written = {row[0] for row in rows if row[0]}
					self.assertLessEqual(written, options(doctype, field.fieldname))

	@staticmethod
	def live_through_something():
		with payment_settings(double_payment_policy="Refund"):
			clear_due_records()
			journey = Journey("payu")
			journey.deliver_return(journey.customer_pays(journey.start(), "failure"))
			journey.retry()
			sweep_until_settled(journey)
			paid = Journey("razorpay")
			paid.deliver_return(paid.customer_pays(paid.start()))
			paid.deliver_all()
			paid.refund(100)
			finish_refunds("razorpay", paid.invoice)
