"""A subscription gives service only after a payment, whatever is typed into its form."""

from typing import ClassVar

import frappe

from oropendola_payments.ai_billing.current import forget
from oropendola_payments.ai_billing.doctype.ai_subscription.ai_subscription import AISubscription
from oropendola_payments.ai_billing.periods import tomorrow
from oropendola_payments.exceptions import Conflict, InvalidTransition, NotAllowed, Unprocessable
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import (
	create_active_subscription,
	create_coupon,
	create_invoice,
	create_plan,
	create_user,
)
from oropendola_payments.tests.support.states import EveryPairOfStates, table

MOVES = """
	Pending   -> Trial, Active, Cancelled
	Trial     -> Active, Past Due, Expired, Cancelled
	Active    -> Past Due, Paused, Expired, Cancelled
	Past Due  -> Active, Expired, Cancelled
	Paused    -> Active, Cancelled
	Expired   -> Active, Cancelled
	Cancelled
"""


def activate(subscription):
	"""Activated by a paid invoice, which is the only way."""
	invoice = frappe.get_doc("AI Invoice", subscription.current_invoice)
	served = frappe.utils.now_datetime() if subscription.status == "Active" else None
	frappe.db.set_value("AI Invoice", invoice.name, {"status": "Paid", "fulfilled_on": served})
	return subscription.activate_after_payment(invoice.reload())


def new_subscription(user: str, **plan_values):
	return frappe.get_doc("AI Subscription", create_invoice(user, **plan_values).subscription)


def allow_trial(subscription):
	"""The plan gets its trial afterwards, because otherwise the subscription would have started with it."""
	change_plan(subscription.plan, trial_days=7)
	return subscription


def change_plan(name: str, **values):
	frappe.db.set_value("AI Plan", name, values)
	forget("AI Plan")


class TestSubscriptionStates(EveryPairOfStates, TestCase):
	doctype = "AI Subscription"
	allowed = table(MOVES)
	moves: ClassVar = {
		"Trial": AISubscription.start_trial,
		"Active": lambda doc: doc.resume() if doc.status == "Paused" else activate(doc),
		"Past Due": AISubscription.mark_past_due,
		"Paused": lambda doc: doc.pause(tomorrow()),
		"Expired": AISubscription.expire,
		"Cancelled": AISubscription.cancel,
	}

	def new_record(self) -> str:
		return allow_trial(new_subscription(create_user())).name

	def columns_of(self, status: str) -> dict:
		# As if it had ended: a payment starts a new period.
		return {"end_date": None, "api_key_link": None}


class TestWithoutService(TestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.user = create_user()

	def tearDown(self):
		frappe.db.rollback()

	def assert_no_service(self, name: str):
		row = frappe.db.get_value(
			"AI Subscription",
			name,
			["daily_quota_limit", "daily_quota_remaining", "api_key_link"],
			as_dict=True,
		)
		self.assertEqual((row.daily_quota_limit, row.daily_quota_remaining, row.api_key_link), (0, 0, None))
		self.assertFalse(frappe.db.exists("AI API Key", {"subscription": name, "status": "Active"}))

	def test_a_pending_subscription_has_no_quota_and_no_key(self):
		self.assert_no_service(new_subscription(self.user).name)

	def test_an_unlimited_plan_gives_a_pending_subscription_nothing(self):
		self.assert_no_service(new_subscription(self.user, requests_limit_per_day=0).name)

	def test_a_quota_typed_into_the_form_is_ignored(self):
		doc = new_subscription(self.user)
		doc.update({"daily_quota_limit": -1, "daily_quota_remaining": 999})
		doc.save(ignore_permissions=True)
		self.assert_no_service(doc.name)

	def test_a_quota_of_a_new_subscription_is_ignored(self):
		typed = {"daily_quota_limit": -1, "daily_quota_remaining": 999, "quota_reset_on": "2030-01-01"}
		doc = frappe.new_doc("AI Subscription")
		doc.update({"user": self.user, "plan": create_plan().name, "end_date": "2030-01-01", **typed})
		doc.insert(ignore_permissions=True)
		self.assert_no_service(doc.name)
		self.assertFalse(doc.end_date or doc.quota_reset_on)

	def test_every_system_field_is_refused_from_a_form(self):
		forged = {
			"start_date": "2026-01-01",
			"end_date": "2030-01-01",
			"quota_reset_on": "2030-01-01",
			"live_key": "other",
			"had_trial": 1,
			"coupon": create_coupon().name,
			"coupon_periods_left": 3,
			"is_default": 1,
			"cancel_at_period_end": 1,
			"cancel_requested_on": "2026-01-01 10:00:00",
			"cancel_reason": "Other",
			"cancel_note": "Typed by somebody",
			"ended_on": "2026-01-01",
			"paused_on": "2026-01-01",
			"used_before_change": 7,
			"used_before_change_on": "2026-01-01",
			"pause_until": "2026-02-01",
			"months_from": "2030-01-01",
			"month_days": 99,
			"weeks_from": "2030-01-01",
			"switch_on": "2030-01-01",
			"next_plan": create_plan().name,
		}
		forged |= {"current_invoice": create_invoice(self.user).name}
		forged |= {"replaced_by": forged["current_invoice"]}
		forged |= {"api_key_link": create_active_subscription(self.user).api_key_link}
		self.assertEqual(set(forged), set(AISubscription.system_fields))
		for field, value in forged.items():
			doc = new_subscription(self.user)
			doc.set(field, value)
			with self.subTest(field=field), self.assertRaises(NotAllowed):
				doc.save(ignore_permissions=True)

	def test_every_other_status_is_refused_from_a_form_and_from_an_import(self):
		plan = create_plan().name
		for status in set(table(MOVES)) - {"Pending"}:
			doc = new_subscription(self.user)
			doc.status = status
			with self.subTest(status=status), self.assertRaises(InvalidTransition):
				doc.save(ignore_permissions=True)
			made = frappe.new_doc("AI Subscription")
			made.update({"user": self.user, "plan": plan, "status": status})
			with self.subTest(status=status), self.assertRaises(InvalidTransition):
				made.insert(ignore_permissions=True)

	def test_a_key_is_refused_without_a_payment(self):
		doc = new_subscription(self.user)
		for method in (doc.create_api_key, doc.start_free):
			with self.assertRaises(Unprocessable):
				method()
		with self.assertRaises(Conflict):
			doc.require_keys()
		with self.assertRaisesRegex(Unprocessable, "does not have a trial"):
			doc.start_trial()

	def test_an_unpaid_invoice_activates_nothing(self):
		"""S22."""
		doc = new_subscription(self.user)
		invoice = frappe.get_doc("AI Invoice", doc.current_invoice)
		for status in (
			"Pending",
			"Processing",
			"Failed",
			"Abandoned",
			"Partly Paid",
			"Cancelled",
			"Refunded",
		):
			invoice.status = status
			with self.subTest(status=status), self.assertRaises(Conflict):
				doc.activate_after_payment(invoice)
		self.assert_no_service(doc.name)

	def test_somebody_elses_paid_invoice_activates_nothing(self):
		doc, other = new_subscription(self.user), create_active_subscription(self.user)
		with self.assertRaises(Conflict):
			doc.activate_after_payment(frappe.get_doc("AI Invoice", other.current_invoice))
		self.assert_no_service(doc.name)


class TestWithService(TestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.user = create_user()

	def tearDown(self):
		frappe.db.rollback()

	def test_a_payment_gives_quota_and_key_once(self):
		"""R28."""
		doc = create_active_subscription(self.user, requests_limit_per_day=100)
		self.assertEqual((doc.daily_quota_limit, doc.daily_quota_remaining), (100, 100))
		end, invoice = doc.end_date, frappe.get_doc("AI Invoice", doc.current_invoice)
		self.assertIsNone(doc.activate_after_payment(invoice))
		self.assertEqual(doc.reload().end_date, end)
		self.assertEqual(frappe.db.count("AI API Key", {"subscription": doc.name}), 1)

	def test_saving_the_form_does_not_change_the_quota(self):
		doc = create_active_subscription(self.user, requests_limit_per_day=100)
		frappe.db.set_value("AI Subscription", doc.name, "daily_quota_remaining", 40)
		doc.reload().update({"daily_quota_limit": -1, "daily_quota_remaining": 999})
		doc.save(ignore_permissions=True)
		doc.reload()
		self.assertEqual((doc.daily_quota_limit, doc.daily_quota_remaining), (100, 40))

	def test_past_due_suspends_the_key_and_a_payment_reactivates_it(self):
		doc = create_active_subscription(self.user)
		key = doc.api_key_link
		doc.mark_past_due()
		self.assertEqual(frappe.db.get_value("AI API Key", key, ["status", "suspended"]), ("Revoked", 1))
		self.assertIsNone(doc.api_key_link)
		self.assertIsNone(activate(doc), "no new key is made")
		self.assertEqual(doc.api_key_link, key)
		self.assertEqual(frappe.db.get_value("AI API Key", key, ["status", "suspended"]), ("Active", 0))

	def test_starting_twice_changes_neither_dates_nor_quota(self):
		trial = allow_trial(new_subscription(self.user))
		trial.start_trial()
		frappe.db.set_value(
			"AI Subscription", trial.name, {"end_date": "2020-01-08", "daily_quota_remaining": 1}
		)
		trial.reload()
		self.assertIsNone(trial.start_trial())
		trial.reload()
		self.assertEqual((str(trial.end_date), trial.daily_quota_remaining), ("2020-01-08", 1))

	def test_a_free_start_does_not_turn_a_paid_period_into_an_endless_one(self):
		doc = create_active_subscription(self.user)
		change_plan(doc.plan, price=0, is_free=1)
		self.addCleanup(forget, "AI Plan")
		doc.start_free()
		self.assertEqual(frappe.db.get_value("AI Subscription", doc.name, "end_date"), doc.end_date)
		self.assertTrue(doc.end_date)

	def test_a_subscription_cannot_be_deleted(self):
		"""R22."""
		with self.assertRaises(frappe.ValidationError):
			frappe.delete_doc(
				"AI Subscription",
				create_active_subscription(self.user).name,
				ignore_permissions=True,
				force=True,
			)
