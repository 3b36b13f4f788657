"""Nobody gets a second trial under another name, and who is refused buys at the normal price."""

import secrets
from datetime import timedelta
from unittest.mock import patch

import frappe

from oropendola_payments.ai_billing.doctype.ai_subscription.ai_subscription import AISubscription
from oropendola_payments.ai_billing.periods import today
from oropendola_payments.api import subscription as api
from oropendola_payments.api import subscription_renewal as renewal
from oropendola_payments.engine import privacy
from oropendola_payments.engine.metering import usage
from oropendola_payments.engine.monitoring import invariants
from oropendola_payments.engine.subscriptions import lifecycle
from oropendola_payments.engine.trials import claims
from oropendola_payments.engine.trials.identity import WITHOUT_DOTS
from oropendola_payments.tests.support.customers import CustomerTestCase, pay
from oropendola_payments.tests.support.factories import (
	create_active_subscription,
	create_plan,
	create_user,
	payment_settings,
	unique,
)
from oropendola_payments.tests.support.journey import Journey
from oropendola_payments.tests.support.parallel import in_parallel


class TrialCase(CustomerTestCase):
	def setUp(self):
		super().setUp()
		self.first, self.second = (create_plan(plan_name=name, trial_days=7) for name in ("Nest", "Tree"))

	def start(self, plan=None, user: str | None = None) -> str:
		"""Trial or Pending."""
		self.user = user or self.user
		return self.subscribe(plan or self.first)["status"]

	def cancel(self):
		self.succeed(api.cancel_subscription, at_period_end=False)

	def claims_of(self, user: str) -> int:
		return frappe.db.count("AI Trial Claim", {"user": user})

	def with_address(self, address: str) -> str:
		user = create_user()
		frappe.db.set_value("User", user, "email", address)
		frappe.db.commit()
		return user


class TestPolicy(TrialCase):
	def test_per_customer_there_is_one_trial_over_all_plans(self):
		self.assertEqual([self.start(), self.start(self.second)], ["Trial", "Pending"])

	def test_per_plan_there_is_one_trial_of_each(self):
		with payment_settings(trial_policy="Per Plan"):
			self.assertEqual([self.start(), self.start(self.second)], ["Trial", "Trial"])
			for row in self.succeed(api.get_my_subscriptions)["subscriptions"]:
				self.succeed(
					api.cancel_subscription, subscription_id=row["subscription_id"], at_period_end=False
				)
			self.assertEqual([self.start(), self.start(self.second)], ["Pending", "Pending"])

	def test_another_policy_forgets_no_trial(self):
		with payment_settings(trial_policy="Per Plan"):
			self.start()
		other = self.with_address(self.user.replace("@", "+b@"))
		self.assertEqual(self.start(self.second, other), "Pending")
		with payment_settings(trial_policy="Per Plan"):
			self.assertFalse(claims.may_have_trial(other, self.first))
			self.assertTrue(claims.may_have_trial(other, create_plan(trial_days=7)))

	def test_who_is_refused_buys_at_the_normal_price_and_is_told_so(self):
		self.start()
		answer = self.subscribe(self.second)
		self.assertEqual(answer["notice"], "There is no free trial for this order. The normal price applies.")
		self.assertEqual(frappe.get_doc("AI Invoice", answer["invoice_id"]).total(), 499)
		self.assertEqual(self.subscribe(self.second), answer, "a repeated call")

	def test_every_reason_has_the_same_words(self):
		"""S53: the answer does not tell who had a trial."""
		self.start()
		own = self.subscribe(self.second)
		self.user = self.with_address(self.user.replace("@", "+b@"))
		self.assertEqual(self.subscribe(self.second)["notice"], own["notice"])

	def test_a_free_plan_has_no_trial_and_uses_none_up(self):
		free = create_plan(price=0, is_free=1, trial_days=7)
		self.assertEqual([self.start(free), self.claims_of(self.user)], ["Active", 0])
		self.assertEqual(self.start(), "Trial")

	def test_a_paying_customer_may_try_another_plan_once(self):
		create_active_subscription(self.user)
		self.assertEqual([self.start(), self.start(self.second)], ["Trial", "Pending"])

	def test_a_plan_that_was_bought_before_has_no_trial(self):
		self.user = create_active_subscription(plan_name="Nest", trial_days=0).user
		plan = frappe.get_doc("AI Plan", frappe.db.get_value("AI Subscription", {"user": self.user}, "plan"))
		self.cancel()
		plan.trial_days = 7
		plan.save(ignore_permissions=True)
		frappe.db.commit()
		self.assertEqual(self.start(plan), "Pending")

	def test_a_plan_without_trial_says_nothing_about_trials(self):
		self.assertNotIn("notice", self.subscribe(create_plan()))


class TestRecognised(TrialCase):
	def test_the_same_mailbox_gets_no_second_trial(self):
		"""S53."""
		name = unique("asha").replace("-", "")
		dotless, same = tuple(WITHOUT_DOTS)
		for first, again in (
			(f"{name}@example.com", f"{name.upper()}+trial@Example.com"),
			(f"{name}@{dotless}", f"{name[0]}.{name[1:]}+x@{same}"),
		):
			with self.subTest(again):
				self.assertEqual(self.start(user=self.with_address(first)), "Trial")
				self.assertEqual(self.start(user=self.with_address(again)), "Pending")

	def test_a_neighbour_of_the_same_company_gets_a_trial(self):
		domain = f"{unique('company')}.example.com"
		for name in ("asha", "ravi"):
			self.assertEqual(self.start(user=self.with_address(f"{name}@{domain}")), "Trial")

	def test_a_deleted_user_who_comes_back_gets_no_second_trial(self):
		"""S53."""
		address = self.user
		self.start()
		pseudonym = create_user()
		for doctype in ("AI Subscription", "AI Trial Claim", "AI API Key"):
			frappe.db.set_value(doctype, {"user": address}, "user", pseudonym)
		frappe.db.set_value("AI Trial Claim", {"user": pseudonym}, "hint", privacy.REDACTED)
		privacy.forget(pseudonym)
		frappe.db.commit()
		self.assertEqual(self.start(user=self.with_address(address)), "Pending")

	def test_a_renamed_user_gets_no_second_trial(self):
		self.start()
		self.cancel()
		renamed = create_user()
		frappe.db.set_value("AI Subscription", {"user": self.user}, "user", renamed)
		frappe.db.commit()
		self.assertEqual(self.start(self.second, renamed), "Pending")

	def test_a_confirmed_phone_is_recognised_and_a_typed_one_is_not(self):
		"""Otherwise anybody could use up the trial of a stranger's number."""
		phone = f"+9198{secrets.randbelow(10**8):08d}"
		others = []
		for confirmed in ("Confirmed", "Confirmed", ""):
			journey = Journey("payu", user=create_user())
			frappe.db.set_value("User", journey.user, {"mobile_no": None, "phone": phone})
			frappe.db.set_value("Payment Attempt", journey.start(), "phone_check", confirmed)
			frappe.db.commit()
			others.append(self.start(create_plan(trial_days=7), journey.user))
		self.assertEqual(others[1:], ["Pending", "Trial"])


class TestOnce(TrialCase):
	def test_two_tabs_with_two_plans_get_one_trial(self):
		"""S54."""
		plans = (self.first, self.second)
		answers = in_parallel(2, lambda number: self.subscribe(plans[number])["status"])
		self.assertEqual(sorted(answers), ["Pending", "Trial"])

	def test_many_aliases_at_once_get_one_trial(self):
		"""S54."""
		users = [self.with_address(self.user.replace("@", f"+{number}@")) for number in range(4)]

		def subscribe(number: int) -> str:
			return lifecycle.subscribe(users[number], self.first.name, None)["status"]

		self.assertEqual(sorted(in_parallel(4, subscribe)), ["Pending", "Pending", "Pending", "Trial"])

	def test_a_trial_that_did_not_start_is_not_used_up(self):
		with (
			patch.object(AISubscription, "start_trial", side_effect=ConnectionError),
			self.assertRaises(ConnectionError),
		):
			self.call(api.create_subscription_and_invoice, plan_id=self.first.name)
		frappe.db.rollback()
		self.assertEqual(self.claims_of(self.user), 0)
		self.assertEqual(self.start(), "Trial")

	def test_a_refused_coupon_uses_no_trial_up(self):
		self.refused(
			"unprocessable", api.create_subscription_and_invoice, plan_id=self.first.name, coupon="NOPE10"
		)
		self.assertEqual(self.claims_of(self.user), 0)

	def test_a_refused_claim_leaves_no_trace_of_its_own(self):
		self.start()
		other = self.with_address(self.user.replace("@", "+b@"))
		self.assertEqual([self.start(user=other), self.claims_of(other)], ["Pending", 0])

	def test_an_invariant_finds_a_trial_without_a_claim(self):
		self.start()
		name = frappe.db.get_value("AI Subscription", {"user": self.user}, "name")
		frappe.db.set_value("AI Trial Claim", {"subscription": name}, "subscription", None)
		found = invariants.check(("trial_without_claim",))
		frappe.db.rollback()
		self.assertIn(name, found["trial_without_claim"])


class TestConversion(TrialCase):
	def test_paying_during_the_trial_extends_it_from_its_end_with_the_same_key(self):
		started = self.subscribe(self.first)
		invoice = self.succeed(renewal.renew_subscription, subscription_id=started["subscription_id"])
		self.assertEqual(invoice["action"], "extend")
		pay(invoice["invoice_id"])
		doc = frappe.get_doc("AI Subscription", started["subscription_id"])
		paid = frappe.get_doc("AI Invoice", invoice["invoice_id"])
		self.assertEqual((doc.status, paid.period_start), ("Active", today() + timedelta(days=7)))
		self.assertEqual(doc.end_date, paid.period_end)
		usage.consume(started["api_key"], 1)
		frappe.db.rollback()
