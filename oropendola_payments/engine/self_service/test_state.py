"""Everything about a customer in one call, in few statements, and without secrets."""

import json

import frappe

from oropendola_payments.api import subscription as api
from oropendola_payments.api import subscription_renewal as renewal
from oropendola_payments.tests.flows.test_statement_budgets import counted_statements
from oropendola_payments.tests.support.customers import CustomerTestCase
from oropendola_payments.tests.support.factories import as_user, create_active_subscription, create_user


class TestCustomerState(CustomerTestCase):
	def state(self) -> dict:
		return self.succeed(api.customer_state)

	def test_a_new_customer_has_an_empty_state(self):
		self.assertEqual(
			self.state(),
			{"success": True, "default_subscription": None, "subscriptions": [], "other_open_invoices": []},
		)

	def test_it_has_quota_keys_invoices_and_what_is_scheduled(self):
		doc = create_active_subscription(self.user, allow_pause=1)
		key = self.succeed(api.reveal_api_key)["api_key"]
		self.succeed(api.cancel_subscription)
		invoice = self.succeed(renewal.renew_subscription)["invoice_id"]
		mine = self.state()["subscriptions"][0]
		self.assertEqual(
			(mine["subscription_id"], mine["ends_on"], mine["quota"]["limit"]), (doc.name, doc.end_date, 100)
		)
		self.assertEqual([row["invoice_id"] for row in mine["open_invoices"]], [invoice])
		self.assertEqual(
			[(row["status"], row["waiting"], key.startswith(row["prefix"])) for row in mine["keys"]],
			[("Active", False, True)],
		)
		self.succeed(api.undo_cancel)
		frappe.get_doc("AI Invoice", invoice).mark_as_cancelled()
		frappe.db.commit()
		self.succeed(api.pause_subscription)
		mine = self.state()["subscriptions"][0]
		self.assertEqual((mine["status"], mine["keys"][0]["status"]), ("Paused", "Asleep"))
		self.assertTrue(mine["pause"]["resumes_on"])

	def test_it_shows_neither_keys_nor_records_of_others(self):
		other = create_active_subscription(create_user())
		create_active_subscription(self.user)
		key = self.succeed(api.reveal_api_key)["api_key"]
		text = json.dumps(self.state(), default=str)
		for secret in (key, frappe.db.get_value("AI API Key", {"user": self.user}, "key_hash"), other.name):
			self.assertNotIn(secret, text)

	def test_it_takes_at_most_four_statements_however_many_subscriptions_there_are(self):
		counts = []
		for _round in range(2):
			for _subscription in range(3):
				create_active_subscription(self.user)
			self.state()
			with counted_statements() as seen:
				self.state()
			counts.append(len(seen))
		self.assertEqual(counts[0], counts[1])
		self.assertLessEqual(counts[1], 4, seen)


class TestButtons(CustomerTestCase):
	def actions(self, name: str, role: str = "Payments Manager") -> dict:
		with as_user(create_user(role)):
			doc = frappe.get_doc("AI Subscription", name)
			doc.run_method("onload")
		return doc.get_onload("actions")

	def test_the_form_offers_what_the_state_allows(self):
		name = create_active_subscription(self.user, allow_pause=1, unused_on_cancel="Refund").name
		offered = self.actions(name)
		self.assertEqual(set(offered), {"cancel", "pause"})
		self.assertEqual(offered["cancel"]["cost"][0]["unused"], "₹499.00")
		self.succeed(api.cancel_subscription)
		self.assertEqual(set(self.actions(name)), {"cancel", "undo_cancel", "pause"})
		self.succeed(api.pause_subscription)
		self.assertEqual(set(self.actions(name)), {"cancel", "undo_cancel", "resume"})
		self.succeed(api.cancel_subscription, at_period_end=0)
		self.assertEqual(self.actions(name), {})

	def test_an_auditor_is_offered_nothing(self):
		name = create_active_subscription(self.user).name
		self.assertEqual(self.actions(name, "Payments Auditor"), {})
