"""Customers with several subscriptions: each call acts on the one that they name, and on none that they did not mean."""

from datetime import timedelta

import frappe

from oropendola_payments.ai_billing.periods import today
from oropendola_payments.api import subscription as api
from oropendola_payments.api import subscription_renewal as renewal
from oropendola_payments.engine.self_service import default
from oropendola_payments.tests.support.customers import CustomerTestCase, move_to, pay
from oropendola_payments.tests.support.factories import create_active_subscription, create_plan, create_user
from oropendola_payments.tests.support.parallel import in_parallel

NAMED = (
	api.rotate_api_key,
	api.reveal_api_key,
	api.cancel_subscription,
	api.undo_cancel,
	api.preview_cancellation,
	api.pause_subscription,
	api.resume_subscription,
)


class TestSeveralSubscriptions(CustomerTestCase):
	def setUp(self):
		super().setUp()
		self.free = self.subscribe(plan_name="Free", price=0, is_free=1)["subscription_id"]
		self.trial = self.subscribe(plan_name="Pro", trial_days=7)["subscription_id"]

	def key_of(self, subscription: str) -> str | None:
		return frappe.db.get_value("AI Subscription", subscription, "api_key_link")

	def status_of(self, subscription: str) -> str:
		return frappe.db.get_value("AI Subscription", subscription, "status")

	def test_a_call_that_could_mean_two_served_subscriptions_is_refused_and_changes_nothing(self):
		keys = [self.key_of(name) for name in (self.free, self.trial)]
		for endpoint in NAMED:
			answer = self.call(endpoint)
			self.assertEqual(answer.get("error_code"), "ambiguous_subscription", answer)
			self.assertEqual(frappe.local.response.http_status_code, 409)
			self.assertEqual(
				{(row["subscription_id"], row["plan_name"], row["status"]) for row in answer["choices"]},
				{(self.free, "Free", "Active"), (self.trial, "Pro", "Trial")},
			)
			self.assertIn(f"Pro ({self.trial})", answer["error"])
		self.assertEqual([self.key_of(name) for name in (self.free, self.trial)], keys)
		self.assertEqual([self.status_of(name) for name in (self.free, self.trial)], ["Active", "Trial"])

	def test_looking_without_a_name_shows_the_default_and_refuses_nothing(self):
		self.assertEqual(self.my_subscription()["subscription_id"], self.free, "an active one before a trial")
		for name in (self.trial, self.free, self.trial):
			self.succeed(api.set_default_subscription, subscription_id=name)
			listed = self.succeed(api.get_my_subscriptions)["subscriptions"]
			self.assertEqual([row["subscription_id"] for row in listed if row["is_default"]], [name])
			self.assertEqual(self.my_subscription()["subscription_id"], name)
		self.assertEqual(self.succeed(api.customer_state)["default_subscription"], self.trial)

	def test_a_default_does_not_decide_what_is_changed(self):
		self.succeed(api.set_default_subscription, subscription_id=self.trial)
		self.refused("ambiguous_subscription", api.cancel_subscription)

	def test_a_cancelled_subscription_is_not_the_default_and_cannot_become_it(self):
		self.succeed(api.set_default_subscription, subscription_id=self.trial)
		self.succeed(api.cancel_subscription, subscription_id=self.trial, at_period_end=0)
		self.assertEqual(self.my_subscription()["subscription_id"], self.free)
		self.refused("conflict", api.set_default_subscription, subscription_id=self.trial)

	def test_of_parallel_choices_exactly_one_is_the_default(self):
		user, both = self.user, (self.free, self.trial)
		in_parallel(6, lambda number: default.set_default(user, both[number % 2]))
		self.assertEqual(frappe.db.count("AI Subscription", {"user": user, "is_default": 1}), 1)

	def test_the_named_subscription_is_the_one_that_is_shown_and_changed(self):
		self.assertEqual(self.my_subscription(subscription_id=self.trial)["plan_name"], "Pro")
		free_key, trial_key = self.key_of(self.free), self.key_of(self.trial)
		rotated = self.succeed(api.rotate_api_key, subscription_id=self.trial)
		self.assertEqual(rotated["subscription_id"], self.trial)
		self.assertEqual(self.key_of(self.free), free_key)
		self.assertNotEqual(self.key_of(self.trial), trial_key)
		self.succeed(api.cancel_subscription, subscription_id=self.free)
		self.assertEqual([self.status_of(name) for name in (self.free, self.trial)], ["Cancelled", "Trial"])
		self.assertEqual(self.my_subscription()["subscription_id"], self.trial, "one is left")

	def test_the_list_has_every_subscription_that_is_not_cancelled(self):
		listed = self.succeed(api.get_my_subscriptions)["subscriptions"]
		self.assertEqual([row["subscription_id"] for row in listed], [self.free, self.trial])
		self.assertEqual(listed[1], self.my_subscription(subscription_id=self.trial))
		self.succeed(api.cancel_subscription, subscription_id=self.free)
		listed = self.succeed(api.get_my_subscriptions)["subscriptions"]
		self.assertEqual([row["subscription_id"] for row in listed], [self.trial])

	def test_another_customers_subscription_is_not_found(self):
		theirs = create_active_subscription(create_user()).name
		for endpoint in (
			*NAMED,
			api.get_my_subscription,
			api.set_default_subscription,
			renewal.renew_subscription,
		):
			self.refused("not_found", endpoint, subscription_id=theirs)
		self.assertEqual(self.status_of(theirs), "Active")

	def test_renewing_beside_a_free_subscription_means_the_one_that_is_paid_for(self):
		answer = self.succeed(renewal.renew_subscription)
		self.assertEqual(answer["subscription_id"], self.trial)

	def test_renewing_one_of_two_paid_subscriptions_needs_its_name(self):
		starter = create_active_subscription(self.user).name
		self.refused("ambiguous_subscription", renewal.renew_subscription)
		self.refused("ambiguous_subscription", renewal.extend_active_subscription)
		for arguments in (
			{"subscription_id": starter},
			{"plan_id": frappe.db.get_value("AI Subscription", starter, "plan")},
		):
			answer = self.succeed(renewal.renew_subscription, **arguments)
			self.assertEqual(answer["subscription_id"], starter)

	def test_a_past_due_subscription_beside_a_running_one_is_renewed_only_by_name(self):
		starter = create_active_subscription(self.user)
		move_to(starter.name, end_date=today() - timedelta(days=1))
		starter.reload().mark_past_due()
		frappe.db.commit()
		self.refused("ambiguous_subscription", renewal.renew_subscription)
		answer = self.succeed(renewal.extend_active_subscription, subscription_id=starter.name)
		self.assertEqual((answer["subscription_id"], answer["action"]), (starter.name, "new"))


class TestKeysThatDoNotExist(CustomerTestCase):
	def test_a_pending_subscription_has_no_key_to_show_yet(self):
		self.subscribe()
		self.assertIn("as soon as the invoice is paid", self.refused("not_found", api.reveal_api_key))

	def test_a_paused_key_is_not_called_shown(self):
		subscription = create_active_subscription(self.user)
		subscription.expire()
		frappe.db.commit()
		self.assertIn("is paused", self.refused("not_found", api.reveal_api_key))

	def test_a_cancelled_subscription_has_no_key(self):
		pay(self.subscribe(create_plan())["invoice_id"])
		self.succeed(api.cancel_subscription, at_period_end=0)
		self.assertIn("was cancelled", self.refused("not_found", api.reveal_api_key))
