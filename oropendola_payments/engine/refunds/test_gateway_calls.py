"""Refund calls to a gateway: when they may be made, and what a refusal means."""

import frappe

from oropendola_payments.engine.jobs import payment_jobs
from oropendola_payments.engine.refunds import create, notices
from oropendola_payments.engine.refunds import process as refunds
from oropendola_payments.engine.settlement import reviews
from oropendola_payments.exceptions import Conflict
from oropendola_payments.gateways.base import RefundEvent, RefundOutcome
from oropendola_payments.gateways.errors import NotSent
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import enable_gateway, unique
from oropendola_payments.tests.support.paid import ledger_of, paid_journey, status_of
from oropendola_payments.tests.support.time_travel import finish_refunds, make_due


class RefundCase(TestCase):
	gateway = "payu"

	def setUp(self):
		self.journey = paid_journey(self.gateway)
		self.sim = self.journey.sim
		self.addCleanup(self.sim.configure, "payu", refund_error=0)

	def sweep(self, times: int = 1):
		for _time in range(times):
			make_due(self.journey.invoice)
			payment_jobs.run_refunds()

	def lost(self, kind: str = "timeout_before", amount=300) -> str:
		"""A refund whose first response was lost."""
		self.sim.faults.add(self.gateway, "refund", kind)
		return self.journey.refund(amount)["refund"]

	def at_the_gateway(self, refund: str) -> list:
		return [entry for entry in self.sim.refunds(self.gateway) if entry.key == refund]

	def left(self):
		return self.journey.captures()[0].refundable()

	def reviews(self) -> int:
		return self.journey.events().count("review_needed")


class TestAnotherMode(RefundCase):
	"""The account of another mode does not know the payment: its answer would free the balance."""

	def switch(self):
		"""Switch to another mode in which the simulator has the same ledger, so that only the mode differs."""
		keys = {"key_id": "Qm7TzX", "key_secret": "s3LtDemo9Kx2-test"}
		self.sim.configure("payu", key=keys["key_id"], salt=keys["key_secret"])
		self.addCleanup(self.switch_back)
		enable_gateway("payu", mode="Test", api_base_url=f"{self.sim.url}/payu", **keys)

	def switch_back(self):
		self.sim.configure("payu", key="SimPyU", salt="simulator-payu-salt-0001")
		enable_gateway("payu", key_id="", key_secret="")

	def test_a_refund_with_a_lost_response_waits_until_the_mode_is_back(self):
		refund = self.lost()
		self.switch()
		self.sweep()
		self.assertEqual((status_of(refund), self.left(), self.at_the_gateway(refund)), ("Unknown", 199, []))
		self.assertIn("mode", frappe.db.get_value("Payment Refund", refund, "error_message"))
		self.switch_back()
		self.sweep()
		finish_refunds("payu", self.journey.invoice)
		self.assertEqual((status_of(refund), self.left()), ("Refunded", 199))

	def test_a_new_refund_waits_unsent(self):
		self.switch()
		answer = self.journey.refund(300)
		self.sweep()
		self.assertEqual((answer["status"], status_of(answer["refund"])), ("Created", "Created"))
		self.assertEqual(self.at_the_gateway(answer["refund"]), [])

	def test_a_notice_that_needs_a_status_query_waits(self):
		refund = self.lost("timeout_after")
		self.switch()
		with self.assertRaises(NotSent):
			notices.confirm_notice("payu", RefundEvent(RefundOutcome.FAILED, key=refund))
		self.assertEqual(status_of(refund), "Unknown")

	def test_a_notice_from_the_account_of_another_mode_finishes_no_refund(self):
		refund = self.lost("timeout_after")
		self.switch()
		with self.assertRaises(Conflict):
			notices.record_notice("payu", RefundEvent(RefundOutcome.FAILED, key=refund))
		self.assertEqual(status_of(refund), "Unknown")

	def test_a_notice_from_the_account_of_another_mode_records_no_refund(self):
		capture = self.journey.captures()[0]
		self.switch()
		values = {"payment_id": capture.gateway_payment_id, "amount": capture.amount, "refund_id": "1"}
		with self.assertRaises(Conflict):
			notices.record_notice("payu", RefundEvent(RefundOutcome.REFUNDED, **values))
		self.assertEqual((self.journey.status(), self.journey.refunds()), ("Paid", []))


class TestSentAgain(RefundCase):
	def test_a_refusal_after_a_lost_response_keeps_the_balance_held_and_flags_once(self):
		"""R13: the first request may have been carried out, and that may be why the second is refused."""
		refund = self.lost()
		self.sim.configure("payu", refund_error=105)
		self.sweep(3)
		self.assertEqual((status_of(refund), self.left(), self.reviews()), ("Unknown", 199, 1))
		self.assertIn(refund, self.journey.doc().review_reason)
		reviews.finish_review(self.journey.invoice, "Not in the dashboard.")
		self.sweep()
		self.assertFalse(self.journey.doc().needs_review, "what a person has looked at is not flagged again")

	def test_the_refund_continues_once_the_gateway_accepts_it(self):
		refund = self.lost()
		self.sim.configure("payu", refund_error=105)
		self.sweep()
		self.sim.configure("payu", refund_error=0)
		self.sweep()
		finish_refunds("payu", self.journey.invoice)
		self.assertEqual((status_of(refund), self.left()), ("Refunded", 199))

	def test_a_refusal_after_requests_that_were_never_sent_is_final(self):
		self.sim.configure("payu", refund_error=120)  # the gateway asks to come back later
		refund = self.journey.refund(300)["refund"]
		self.assertEqual(status_of(refund), "Unknown")
		self.sim.configure("payu", refund_error=105)
		self.sweep()
		self.assertEqual((status_of(refund), self.left()), ("Failed", 499))

	def test_a_refund_with_a_gateway_id_is_not_sent_again(self):
		"""The gateway accepted it once; that it does not list it now is no reason to refund twice."""
		refund = self.journey.refund(300)["refund"]
		self.assertEqual(status_of(refund), "Processing")
		ledger_of(self.journey).refunds.clear()
		self.sweep()
		self.assertEqual((status_of(refund), self.sim.refunds("payu")), ("Processing", []))
		self.assertEqual(self.reviews(), 0, "it may be shown in a minute")
		self.sweep(refunds.TRIES_BEFORE_REVIEW + 2)
		self.assertEqual((status_of(refund), self.left(), self.reviews()), ("Processing", 199, 1))


class TestPayPalRefusals(RefundCase):
	gateway = "paypal"

	def test_a_dashboard_refund_fails_ours_and_its_notice_is_recorded(self):
		"""We had sent nothing before, so "fully refunded" is about a refund made elsewhere."""
		ledger_of_gateway = ledger_of(self.journey)
		capture = self.journey.captures()[0]
		charge = ledger_of_gateway.find_charge(capture.gateway_payment_id)
		fields = {"request_id": "dashboard", "tags": {}}
		entry = ledger_of_gateway.add_refund(
			charge, unique("1JU"), "", charge.amount_minor, state="refunded", fields=fields
		)
		refund = self.journey.refund()["refund"]
		self.assertEqual(status_of(refund), "Failed")
		values = {"payment_id": charge.payment_id, "amount": capture.amount, "refund_id": entry.refund_id}
		notices.record_notice("paypal", RefundEvent(RefundOutcome.REFUNDED, **values))
		self.assertEqual(self.journey.status(), "Refunded")

	def test_fully_refunded_after_a_lost_response_is_not_a_refusal(self):
		refund = self.lost("timeout_after", 499)
		ledger_of(self.journey).refunds[-1].fields.update(request_id="forgotten", tags={})
		self.sweep(2)
		self.assertEqual((status_of(refund), self.left()), ("Unknown", 0))
		self.assertTrue(self.journey.doc().needs_review)


class TestClosedManually(RefundCase):
	"""R14: a refund that the gateway never confirms holds its balance until a manager closes it."""

	def test_a_refund_that_was_not_made_can_be_closed_and_made_anew(self):
		refund = self.lost()
		create.close_manually(refund, "It is not in the dashboard.")
		self.assertEqual((status_of(refund), self.left()), ("Failed", self.journey.doc().total()))
		self.assertIn("It is not in the dashboard.", self.journey.doc().review_reason)
		self.assertEqual(self.journey.refund(300)["status"], "Processing")

	def test_a_finished_refund_cannot_be_closed_by_hand(self):
		refund = self.journey.refund(300)["refund"]
		finish_refunds(self.gateway, self.journey.invoice)
		self.assertEqual(status_of(refund), "Refunded")
		with self.assertRaises(Conflict):
			create.close_manually(refund, "It is not in the dashboard.")
		frappe.db.rollback()
		self.assertEqual(status_of(refund), "Refunded")
