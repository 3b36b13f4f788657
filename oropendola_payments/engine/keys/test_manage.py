"""Several named keys of one subscription."""

import frappe

from oropendola_payments.api import admin
from oropendola_payments.api import subscription as api
from oropendola_payments.engine.metering import usage
from oropendola_payments.engine.monitoring import invariants
from oropendola_payments.engine.notifications import hooks
from oropendola_payments.engine.subscriptions import lifecycle
from oropendola_payments.exceptions import Unauthorized
from oropendola_payments.tests.support.customers import CustomerTestCase, pay
from oropendola_payments.tests.support.factories import as_user, create_active_subscription, create_user
from oropendola_payments.tests.support.outbox import mails_stay_queued, mails_to
from oropendola_payments.tests.support.parallel import in_parallel


class SeveralKeysCase(CustomerTestCase):
	def setUp(self):
		super().setUp()
		self.enterContext(mails_stay_queued())
		self.subscription = create_active_subscription(self.user, requests_limit_per_day=100, max_api_keys=3)
		self.first = self.succeed(api.reveal_api_key)["api_key"]
		self.first_id = self.keys()[0]["key_id"]

	def keys(self) -> list[dict]:
		return self.succeed(api.list_api_keys)["keys"]

	def create(self, name: str) -> dict:
		return self.succeed(api.create_api_key, name=name)

	def consume(self, key: str) -> int:
		answer = usage.consume(key, 1)
		frappe.db.commit()
		return answer["remaining"]

	def refused_for(self, key: str) -> str:
		with self.assertRaises(Unauthorized) as refused:
			usage.consume(key, 1)
		return refused.exception.reason


class TestCreating(SeveralKeysCase):
	def test_all_keys_use_one_quota(self):
		keys = [self.first, *(self.create(name)["api_key"] for name in ("Website", "Tests"))]
		self.assertEqual([self.consume(key) for key in keys], [99, 98, 97])

	def test_no_more_keys_are_created_than_the_plan_allows(self):
		for name in ("Website", "Tests"):
			self.create(name)
		self.assertIn("allows 3 API keys", self.refused("key_limit", api.create_api_key, name="Fourth"))
		self.succeed(api.revoke_api_key, key_id=self.first_id)
		self.create("Fourth")

	def test_a_plan_that_says_nothing_allows_one_key(self):
		self.user = create_user()
		create_active_subscription(self.user)
		self.assertIn("one API key", self.refused("key_limit", api.create_api_key, name="Website"))

	def test_parallel_requests_create_no_more_keys_than_the_plan_allows(self):
		"""S49."""
		answers = in_parallel(6, lambda number: self.call(api.create_api_key, name=f"Key {number}"))
		self.assertEqual(sum(answer["success"] for answer in answers), 2)
		self.assertEqual(len(self.keys()), 3)

	def test_a_key_that_is_being_replaced_does_not_count(self):
		self.succeed(api.rotate_api_key, overlap_hours=24)
		for name in ("Website", "Tests"):
			self.create(name)
		self.assertEqual(len(self.keys()), 4)

	def test_a_lower_limit_ends_no_key_and_allows_no_other(self):
		keys = [self.first, self.create("Website")["api_key"]]
		plan = frappe.get_doc("AI Plan", self.subscription.plan)
		plan.max_api_keys = 1
		plan.save(ignore_permissions=True)
		frappe.db.commit()
		for key in keys:
			self.consume(key)
		self.refused("key_limit", api.create_api_key, name="Third")
		self.assertNotIn(self.subscription.name, self.violations("more_keys_than_allowed"))

	def test_a_name_is_needed_once_and_short(self):
		self.create("Website")
		self.refused("name_taken", api.create_api_key, name=" website ")
		for name in ("", "  ", "x" * 61, "a\x07b"):
			self.refused("bad_request", api.create_api_key, name=name)
		self.assertEqual(len(self.keys()), 2)

	def test_without_service_no_key_is_created(self):
		frappe.get_doc("AI Subscription", self.subscription.name).mark_past_due()
		frappe.db.commit()
		self.refused("conflict", api.create_api_key, name="Website")

	def violations(self, rule: str) -> list[str]:
		return invariants.check((rule,)).get(rule, [])

	def test_invariants_find_a_key_too_many_and_a_key_without_service(self):
		self.create("Website")
		extra = self.create("Tests")["key_id"]
		frappe.db.set_value("AI API Key", {"subscription": self.subscription.name}, "allowed_keys", 2)
		self.assertIn(self.subscription.name, self.violations("more_keys_than_allowed"))
		frappe.db.set_value("AI Subscription", self.subscription.name, "status", "Expired")
		self.assertIn(extra, self.violations("key_without_service"))
		frappe.db.set_value("AI API Key", extra, {"status": "Retiring", "valid_until": "2026-01-01 00:00:00"})
		self.assertIn(extra, self.violations("retired_key_left"))
		frappe.db.rollback()


class TestOneOfSeveral(SeveralKeysCase):
	def setUp(self):
		super().setUp()
		self.website = self.create("Website")

	def test_the_list_names_keys_and_shows_none(self):
		rows = self.keys()
		self.assertEqual([row["name"] for row in rows], ["API key", "Website"])
		self.assertNotIn(self.website["api_key"][12:], frappe.as_json(rows))

	def test_revoking_one_key_leaves_the_others(self):
		self.succeed(api.revoke_api_key, key_id=self.website["key_id"])
		self.assertEqual(self.refused_for(self.website["api_key"]), "key_revoked")
		self.consume(self.first)

	def test_revoking_the_first_key_leaves_the_subscription_with_another(self):
		self.succeed(api.revoke_api_key, key_id=self.first_id)
		self.assertEqual(self.my_subscription()["api_key_prefix"], self.website["prefix"])
		self.succeed(api.revoke_api_key, key_id=self.website["key_id"])
		self.assertEqual((self.keys(), self.my_subscription()["api_key_prefix"]), ([], None))
		self.consume(self.create("New")["api_key"])

	def test_revoking_twice_changes_nothing_more(self):
		for _click in range(2):
			answer = self.succeed(api.revoke_api_key, key_id=self.website["key_id"])
			self.assertEqual(answer["status"], "Revoked")
		events = frappe.get_all("Payment Event", {"reference_name": self.website["key_id"]}, pluck="event")
		self.assertEqual(sorted(events), ["api_key_created", "api_key_revoked"])

	def test_a_sleeping_key_can_be_revoked_and_does_not_come_back(self):
		frappe.get_doc("AI Subscription", self.subscription.name).mark_past_due()
		frappe.db.commit()
		self.assertEqual({row["status"] for row in self.keys()}, {"Suspended"})
		self.succeed(api.revoke_api_key, key_id=self.first_id)
		invoice = frappe.get_doc("AI Subscription", self.subscription.name)
		pay(lifecycle.open_or_create_invoice(invoice, "Renewal", None)["invoice_id"])
		self.assertEqual(self.refused_for(self.first), "key_revoked")
		self.consume(self.website["api_key"])

	def test_replacing_needs_a_choice_and_changes_only_that_key(self):
		answer = self.call(api.rotate_api_key)
		self.assertEqual(answer["error_code"], "ambiguous_key")
		self.assertEqual(
			{row["key_id"] for row in answer["choices"]}, {self.first_id, self.website["key_id"]}
		)
		new = self.succeed(api.rotate_api_key, key_id=self.website["key_id"])
		self.assertEqual(new["name"], "Website")
		self.consume(self.first)
		self.assertEqual(self.refused_for(self.website["api_key"]), "key_retired")

	def test_a_renamed_key_works_as_before(self):
		answer = self.succeed(api.rename_api_key, key_id=self.first_id, name="Nightly job")
		self.assertEqual(answer["name"], "Nightly job")
		self.refused("name_taken", api.rename_api_key, key_id=self.first_id, name="WEBSITE")
		self.consume(self.first)

	def test_nobody_changes_the_keys_of_another_customer(self):
		"""S49."""
		self.user = create_user()
		for endpoint, more in (
			(api.revoke_api_key, {}),
			(api.rename_api_key, {"name": "Mine"}),
			(api.rotate_api_key, {}),
		):
			self.refused("not_found", endpoint, key_id=self.first_id, **more)
		self.consume(self.first)

	def test_a_key_of_another_own_subscription_is_not_found(self):
		other = create_active_subscription(self.user)
		self.refused("not_found", api.rotate_api_key, key_id=self.first_id, subscription_id=other.name)

	def test_a_renewal_gives_back_all_keys_that_were_live(self):
		frappe.get_doc("AI Subscription", self.subscription.name).expire()
		frappe.db.commit()
		doc = frappe.get_doc("AI Subscription", self.subscription.name)
		pay(lifecycle.open_or_create_invoice(doc, "Renewal", None)["invoice_id"])
		for key in (self.first, self.website["api_key"]):
			self.consume(key)

	def test_the_customer_gets_an_email_about_a_new_and_a_revoked_key(self):
		for change, subject in (("created", "New API key created"), ("revoked", "API key revoked")):
			hooks.key_changed(self.subscription.name, change, self.website["key_id"])
			sent = mails_to(self.user)[-1]
			self.assertEqual(sent.subject, subject)
			self.assertIn("Website", sent.html)
			self.assertNotIn(self.website["api_key"], sent.html)

	def test_a_manager_revokes_a_key(self):
		with as_user(create_user("Payments Manager")):
			answer = admin.revoke_api_key(key_id=self.first_id)
			self.assertTrue(answer["success"], answer)
			self.assertEqual(admin.revoke_api_key(key_id="no-such-key")["error_code"], "not_found")
		self.assertEqual(self.refused_for(self.first), "key_revoked")
