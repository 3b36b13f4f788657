"""What agents propose: nothing happens before a person approves, and then once."""

from decimal import Decimal

import frappe
from frappe.utils import add_to_date, now_datetime

from oropendola_payments.api import proposals as api
from oropendola_payments.engine.notifications import hooks
from oropendola_payments.engine.proposals import decide, propose
from oropendola_payments.exceptions import Conflict, NotFound, Unprocessable
from oropendola_payments.tests.support.agents import AgentTestCase
from oropendola_payments.tests.support.crashes import count_crash_points, crashing
from oropendola_payments.tests.support.factories import (
	as_user,
	create_active_subscription,
	create_user,
	payment_settings,
)
from oropendola_payments.tests.support.http import call, message
from oropendola_payments.tests.support.oauth import OAuthClient
from oropendola_payments.tests.support.outbox import mails_stay_queued, mails_to
from oropendola_payments.tests.support.pages import session_of
from oropendola_payments.tests.support.simulated import incoming_request

PROPOSAL = "AI Agent Proposal"


class ProposalTestCase(AgentTestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.manager = create_user("Payments Manager")

	def setUp(self):
		super().setUp()
		self.doc = create_active_subscription()
		self.invoice = self.doc.current_invoice

	def proposed(self, amount: int = 100) -> str:
		with as_user(self.manager):
			return propose.propose("Refund", "Asked for", invoice=self.invoice, amount=Decimal(amount))[
				"proposal"
			]

	def decided(self, name: str, work=api.approve) -> dict:
		with as_user(self.manager):
			return work(proposal=name)

	def refunds(self) -> list[Decimal]:
		return frappe.get_all("Payment Refund", {"invoice": self.invoice}, pluck="amount")

	def events(self, name: str) -> list[str]:
		filters = {"reference_doctype": PROPOSAL, "reference_name": name}
		return frappe.get_all("Payment Event", filters, pluck="event", order_by="sequence")


class TestProposing(ProposalTestCase):
	def test_a_proposal_does_nothing(self):
		"""M15"""
		found = self.use(
			"propose_refund", self.manager, invoice_id=self.invoice, amount=100, reason="Asked for"
		)
		self.assertEqual((found["status"], self.refunds()), ("Proposed", []))
		self.assertEqual(found["summary"], f"Refund ₹100.00 of invoice {self.invoice} to {self.doc.user}.")
		self.assertEqual(self.events(found["proposal"]), ["proposal_made"])
		again = self.use("propose_refund", self.manager, invoice_id=self.invoice, reason="Asked again")
		self.assertEqual(again, found)
		listed = self.use("list_proposals", self.manager)["proposals"]
		mine = next(row for row in listed if row["proposal"] == found["proposal"])
		self.assertEqual(mine["reason"], {"untrusted_text": "Asked for"})

	def test_only_what_is_possible_can_be_proposed(self):
		self.assertIn(
			"can be refunded",
			self.refused("propose_refund", self.manager, invoice_id=self.invoice, amount=500, reason="x"),
		)
		half_a_paisa = {"invoice_id": self.invoice, "amount": 10.005, "reason": "x"}
		self.assertIn("too many decimal places", self.refused("propose_refund", self.manager, **half_a_paisa))
		self.refused("propose_refund", self.manager, invoice_id="INV-0", reason="x")
		self.refused("propose_cancellation", self.manager, subscription_id="nothing", reason="x")
		self.refused("propose_replay", self.manager, message="nothing", reason="x")

	def test_auditors_and_customers_cannot_propose(self):
		names = {"propose_refund", "propose_cancellation", "propose_replay"}
		self.assertEqual(self.tools(user=create_user("Payments Auditor")) & names, set())
		self.assertEqual(self.tools() & names, set())
		self.assertEqual(self.tools(user=self.manager) & names, names)

	def test_no_tool_approves(self):
		self.assertEqual([name for name in self.tools(user=self.manager) if "approve" in name], [])


class TestDeciding(ProposalTestCase):
	def test_no_token_approves_whoever_it_belongs_to(self):
		"""M15"""
		name = self.proposed()
		token = OAuthClient().token(self.manager, "all openid transact")
		for headers in ({}, {"Authorization": f"Bearer {token}"}):
			user = None if headers else self.manager
			for decision in ("approve", "reject"):
				answer = call(f"proposals.{decision}", user, headers=headers, json={"proposal": name})
				self.assertEqual((answer.status_code, message(answer)["error_code"]), (403, "not_allowed"))
		self.assertEqual(frappe.db.get_value(PROPOSAL, name, "status"), "Proposed")

	def test_a_log_in_by_the_hook_of_another_app_does_not_approve(self):
		"""M15"""
		name = self.proposed()
		with incoming_request(
			"POST", "http://site.example/api/method/oropendola_payments.api.proposals.approve"
		):
			self.assertEqual(self.decided(name)["error_code"], "not_allowed")
		self.assertEqual(frappe.db.get_value(PROPOSAL, name, "status"), "Proposed")

	def test_whoever_is_logged_in_to_the_desk_approves(self):
		name = self.proposed()
		headers = {"Cookie": session_of(self.manager)}
		answer = call("proposals.approve", headers=headers, json={"proposal": name})
		self.assertEqual((answer.status_code, message(answer)["status"]), (200, "Done"))
		self.assertEqual(frappe.db.get_value(PROPOSAL, name, "decided_by"), self.manager)

	def test_an_approved_refund_is_made_by_the_ordinary_code(self):
		name = self.proposed()
		self.assertEqual(self.decided(name)["status"], "Done")
		self.assertEqual(self.refunds(), [100])
		row = frappe.get_doc(PROPOSAL, name)
		self.assertEqual((row.decided_by, row.open_key), (self.manager, None))
		self.assertEqual(row.refund, frappe.db.get_value("Payment Refund", {"invoice": self.invoice}))
		self.assertEqual(self.events(name), ["proposal_made", "proposal_approved", "proposal_done"])

	def test_the_customer_is_not_told_who_of_the_staff_proposed_and_approved_a_refund(self):
		self.decided(self.proposed())
		refund = frappe.get_doc("Payment Refund", {"invoice": self.invoice})
		self.assertNotIn(self.manager, refund.reason or "")
		with mails_stay_queued():
			hooks.refund_finished(refund.name)
		self.assertNotIn(self.manager, mails_to(self.doc.user)[-1].html)

	def test_a_second_approval_changes_nothing(self):
		"""M16"""
		name = self.proposed()
		self.decided(name)
		self.assertEqual(self.decided(name)["error_code"], "conflict")
		self.assertEqual(self.refunds(), [100])

	def test_a_rejected_or_expired_proposal_is_not_carried_out(self):
		name = self.proposed()
		self.assertEqual(self.decided(name, api.reject)["status"], "Rejected")
		with self.assertRaises(Conflict):
			decide.approve(name)
		late = self.proposed()
		frappe.db.set_value(PROPOSAL, late, "expires_at", add_to_date(now_datetime(), seconds=-1))
		frappe.db.commit()
		with self.assertRaises(Conflict):
			decide.approve(late)
		self.assertEqual(frappe.db.get_value(PROPOSAL, late, "status"), "Expired")
		self.assertNotEqual(self.proposed(), late)
		self.assertEqual(self.refunds(), [])
		with self.assertRaises(NotFound):
			decide.approve("AP0")

	def test_the_sweep_lets_proposals_expire(self):
		with payment_settings(proposal_hours=1):
			name = self.proposed()
		frappe.db.set_value(PROPOSAL, name, "expires_at", add_to_date(now_datetime(), seconds=-1))
		frappe.db.commit()
		self.assertGreaterEqual(decide.expire_due(), 1)
		self.assertEqual(self.events(name), ["proposal_made", "proposal_expired"])

	def test_what_has_become_impossible_fails_with_its_sentence(self):
		name = self.proposed(499)
		self.decided(self.proposed_cancellation())
		with as_user(self.manager):
			frappe.db.set_value("Payment Capture", {"invoice": self.invoice}, "amount_refunded", 400)
			frappe.db.commit()
		found = self.decided(name)
		self.assertEqual(found["status"], "Failed")
		self.assertTrue(found["outcome"])

	def proposed_cancellation(self) -> str:
		with as_user(self.manager):
			return propose.propose("Cancellation", "Asked for", subscription=self.doc.name)["proposal"]

	def test_an_approved_cancellation_is_scheduled(self):
		self.assertEqual(self.decided(self.proposed_cancellation())["status"], "Done")
		self.assertEqual(frappe.db.get_value("AI Subscription", self.doc.name, "cancel_at_period_end"), 1)

	def test_an_auditor_is_offered_no_buttons(self):
		name = self.proposed()
		for user, offered in ((create_user("Payments Auditor"), False), (self.manager, True)):
			with as_user(user):
				doc = frappe.get_doc(PROPOSAL, name)
				doc.run_method("onload")
			self.assertEqual(
				(doc.get_onload("can_approve"), doc.get_onload("can_reject")), (offered, offered)
			)

	def test_a_crash_at_any_point_refunds_once(self):
		"""M16"""
		points = count_crash_points(lambda: decide.approve(self.proposed()))
		self.assertGreater(points, 5)
		for at in range(1, points + 1, max(1, points // 12)):
			self.doc = create_active_subscription()
			self.invoice = self.doc.current_invoice
			name = self.proposed()
			with crashing(at):
				decide.approve(name)
			if frappe.db.get_value(PROPOSAL, name, "status") != "Done":
				decide.approve(name)
			self.assertEqual(self.refunds(), [100], at)
			self.assertEqual(frappe.db.get_value(PROPOSAL, name, "status"), "Done", at)


class TestRefusedAmounts(ProposalTestCase):
	def test_nothing_can_be_refunded_where_nothing_is_left(self):
		self.decided(self.proposed(499))
		with self.assertRaises(Unprocessable):
			self.proposed(1)
