"""Subscribing, cancelling and API keys: what a customer owes and gets."""

from datetime import timedelta
from decimal import Decimal

import frappe

from oropendola_payments.ai_billing.periods import today
from oropendola_payments.api import subscription as api
from oropendola_payments.api import subscription_renewal as renewal
from oropendola_payments.engine.keys import reveal
from oropendola_payments.engine.monitoring import invariants
from oropendola_payments.engine.subscriptions import lifecycle
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.customers import CustomerTestCase, move_to, pay
from oropendola_payments.tests.support.factories import (
	as_user,
	create_active_subscription,
	create_invoice,
	create_plan,
	create_user,
	payment_settings,
)
from oropendola_payments.tests.support.parallel import in_parallel


class TestPlans(TestCase):
	def listed(self, plan, currency=None) -> dict | None:
		plans = api.get_plans(currency=currency)["plans"]
		return next((row for row in plans if row["plan_id"] == plan.plan_id), None)

	def test_a_plan_shows_its_price_and_its_features(self):
		plan = create_plan(features="Fast\n\n Friendly ")
		row = self.listed(plan)
		self.assertEqual((row["price"], row["currency"], row["features"]), (499, "INR", ["Fast", "Friendly"]))

	def test_only_plans_with_a_price_in_the_given_currency_are_listed(self):
		"""R18."""
		plan = create_plan(prices=[{"currency": "USD", "price": 9}])
		self.assertEqual(
			(self.listed(plan, "usd")["price"], self.listed(plan, "usd")["currency"]), (9, "USD")
		)
		self.assertIsNone(self.listed(plan, "EUR"))
		free = create_plan(price=0, is_free=1)
		self.assertEqual(
			(self.listed(free, "EUR")["price"], self.listed(free, "EUR")["currency"]), (0, "EUR")
		)

	def test_an_inactive_plan_is_not_listed(self):
		self.assertIsNone(self.listed(create_plan(is_active=0)))

	def test_internal_fields_of_a_plan_are_not_returned(self):
		"""S13."""
		row = self.listed(create_plan())
		self.assertFalse({"owner", "modified_by", "creation", "docstatus"} & set(row))


class TestSubscribing(CustomerTestCase):
	def test_subscribing_to_a_paid_plan_creates_an_invoice_and_no_service(self):
		answer = self.subscribe()
		self.assertEqual(answer["status"], "Pending")
		self.assertNotIn("api_key", answer)
		invoice = frappe.get_doc("AI Invoice", answer["invoice_id"])
		self.assertEqual((invoice.total(), invoice.currency, invoice.purpose), (Decimal(499), "INR", "New"))
		mine = self.my_subscription()
		self.assertEqual(
			(mine["quota"]["limit"], mine["quota"]["remaining"], mine["api_key_prefix"]), (0, 0, None)
		)
		self.assertEqual(mine["open_invoice"], invoice.name)

	def test_subscribing_twice_returns_the_open_invoice(self):
		first = self.subscribe()
		again = self.subscribe(self.plan)
		self.assertEqual(again, first)
		self.assertEqual(frappe.db.count("AI Invoice", {"user": self.user}), 1)

	def test_subscribing_to_an_active_plan_again_is_refused(self):
		pay(self.subscribe()["invoice_id"])
		sentence = self.refused("conflict", api.create_subscription_and_invoice, plan_id=self.plan.name)
		self.assertIn("renew", sentence)

	def test_a_free_plan_starts_at_once_and_shows_its_key_once(self):
		answer = self.subscribe(price=0, is_free=1, requests_limit_per_day=20)
		self.assertEqual(answer["status"], "Active")
		self.assertTrue(answer["api_key"].startswith("oro_"))
		self.assertNotIn("invoice_id", answer)
		mine = self.my_subscription()
		self.assertEqual((mine["quota"]["limit"], mine["end_date"], mine["open_invoice"]), (20, None, None))
		self.assertFalse(mine["api_key_waiting"])

	def test_a_customer_gets_one_trial(self):
		"""S35."""
		answer = self.subscribe(trial_days=7)
		self.assertEqual(answer["status"], "Trial")
		self.assertEqual(self.my_subscription()["end_date"], today() + timedelta(days=7))
		self.succeed(api.cancel_subscription, at_period_end=0)
		again = self.subscribe(self.plan)
		self.assertEqual(again["status"], "Pending")
		self.assertIn("invoice_id", again)

	def test_a_customer_gets_one_trial_whatever_the_plan(self):
		"""S35."""
		self.subscribe(trial_days=7)
		other = self.subscribe(plan_name="Pro", trial_days=7)
		self.assertEqual(other["status"], "Pending")
		self.assertIn("invoice_id", other)

	def test_a_customer_who_paid_for_one_plan_can_try_another(self):
		pay(self.subscribe()["invoice_id"])
		self.assertEqual(self.subscribe(plan_name="Pro", trial_days=7)["status"], "Trial")

	def test_subscribing_after_an_expired_trial_creates_an_invoice(self):
		answer = self.subscribe(trial_days=7)
		frappe.get_doc("AI Subscription", answer["subscription_id"]).expire()
		again = self.subscribe(self.plan)
		self.assertEqual((again["status"], again["subscription_id"]), ("Expired", answer["subscription_id"]))
		pay(again["invoice_id"])
		self.assertEqual(self.my_subscription()["status"], "Active")

	def test_another_currency_replaces_an_invoice_without_attempts(self):
		plan = create_plan(prices=[{"currency": "USD", "price": 9}])
		rupees = self.subscribe(plan)["invoice_id"]
		dollars = self.succeed(api.create_subscription_and_invoice, plan_id=plan.name, currency="USD")[
			"invoice_id"
		]
		self.assertEqual(frappe.db.get_value("AI Invoice", dollars, ["total_amount", "currency"]), (9, "USD"))
		self.assertEqual(frappe.db.get_value("AI Invoice", rupees, "status"), "Cancelled")

	def test_another_currency_is_refused_while_a_payment_is_under_way(self):
		plan = create_plan(prices=[{"currency": "USD", "price": 9}])
		frappe.get_doc("AI Invoice", self.subscribe(plan)["invoice_id"]).mark_as_processing()
		self.refused("conflict", api.create_subscription_and_invoice, plan_id=plan.name, currency="USD")

	def test_an_unavailable_plan_is_refused_and_nothing_is_created(self):
		self.refused("not_found", api.create_subscription_and_invoice, plan_id="no-such-plan")
		self.refused(
			"unprocessable", api.create_subscription_and_invoice, plan_id=create_plan(is_active=0).name
		)
		self.refused(
			"bad_request", api.create_subscription_and_invoice, plan_id=create_plan().name, currency="EUR"
		)
		self.assertIsNone(self.my_subscription())
		self.assertFalse(frappe.db.exists("AI Invoice", {"user": self.user}))

	def test_parallel_clicks_create_one_subscription_and_one_invoice(self):
		"""R28: two tabs, one customer."""
		plan, user = create_plan().name, self.user
		answers = in_parallel(8, lambda _number: lifecycle.subscribe(user, plan, None))
		self.assertEqual(len({(a["subscription_id"], a["invoice_id"]) for a in answers}), 1, answers)
		self.assertEqual(frappe.db.count("AI Subscription", {"user": user}), 1)
		self.assertEqual(frappe.db.count("AI Invoice", {"user": user}), 1)

	def test_parallel_clicks_on_a_free_plan_create_one_key(self):
		plan, user = create_plan(price=0, is_free=1).name, self.user
		answers = in_parallel(6, lambda _number: lifecycle.subscribe(user, plan, None))
		given = [answer for answer in answers if isinstance(answer, dict)]
		self.assertEqual(len(given), 1, answers)
		self.assertEqual(frappe.db.count("AI API Key", {"user": user}), 1)

	def test_tax_is_added_or_included_as_the_settings_say(self):
		with payment_settings(tax_rate=18, tax_label="GST", prices_include_tax=0):
			added = frappe.get_doc("AI Invoice", self.subscribe()["invoice_id"])
		with payment_settings(tax_rate=18, tax_label="GST", prices_include_tax=1):
			contained = frappe.get_doc("AI Invoice", self.subscribe()["invoice_id"])
		self.assertEqual((added.total(), added.tax_label), (Decimal("588.82"), "GST"))
		self.assertEqual(
			(contained.total(), Decimal(str(contained.tax_amount))), (Decimal("499.00"), Decimal("76.12"))
		)


class TestApplyPayment(CustomerTestCase):
	"""S22: fulfilment can be repeated only for a verified payment."""

	def setUp(self):
		super().setUp()
		self.manager = create_user("Payments Manager")

	def apply(self, invoice: str) -> dict:
		with as_user(self.manager):
			return renewal.apply_payment_to_subscription(invoice_id=invoice)

	def test_fulfilling_a_second_time_changes_nothing(self):
		subscription = create_active_subscription(self.user)
		answers = [self.apply(subscription.current_invoice) for _time in range(2)]
		self.assertTrue(answers[0]["success"], answers)
		self.assertEqual(answers[0], answers[1])
		self.assertEqual(answers[0]["end_date"], subscription.end_date)

	def test_fulfilling_again_repairs_a_payment_without_service(self):
		"""R1."""
		subscription = create_active_subscription(self.user)
		frappe.db.set_value("AI Invoice", subscription.current_invoice, "fulfilled_on", None)
		move_to(subscription.name, status="Pending", end_date=None, start_date=None, api_key_link=None)
		self.assertIn(
			subscription.current_invoice, invariants.check(("paid_without_service",))["paid_without_service"]
		)
		answer = self.apply(subscription.current_invoice)
		self.assertEqual(answer["status"], "Active")
		self.assertNotIn("paid_without_service", invariants.check(("paid_without_service",)))

	def test_fulfilling_without_a_verified_payment_is_refused(self):
		invoice = create_invoice(self.user)
		self.assertEqual(self.apply(invoice.name)["error_code"], "conflict")
		frappe.db.set_value("AI Invoice", invoice.name, {"status": "Paid", "amount_paid": 499})
		self.assertEqual(self.apply(invoice.name)["error_code"], "conflict", "a status alone is no payment")
		self.assertEqual(frappe.db.get_value("AI Subscription", invoice.subscription, "status"), "Pending")
		frappe.db.set_value("AI Invoice", invoice.name, {"status": "Pending", "amount_paid": 0})
		self.assertEqual(self.apply("no-such-invoice")["error_code"], "not_found")

	def test_a_cancelled_subscription_is_not_reactivated(self):
		subscription = create_active_subscription(self.user)
		frappe.db.set_value("AI Invoice", subscription.current_invoice, "fulfilled_on", None)
		subscription.cancel()
		self.assertEqual(self.apply(subscription.current_invoice)["error_code"], "conflict")
		frappe.db.set_value(
			"AI Invoice", subscription.current_invoice, "fulfilled_on", frappe.utils.now_datetime()
		)
		frappe.db.commit()

	def test_a_customer_cannot_fulfil_an_invoice(self):
		self.refused(
			"not_allowed", renewal.apply_payment_to_subscription, invoice_id=create_invoice(self.user).name
		)


class TestEnding(CustomerTestCase):
	def test_cancelling_ends_the_service_and_open_invoices_at_once(self):
		pay(self.subscribe()["invoice_id"])
		open_invoice = self.succeed(renewal.renew_subscription)["invoice_id"]
		answer = self.succeed(api.cancel_subscription, at_period_end=0)
		self.assertEqual(answer["status"], "Cancelled")
		self.assertEqual(frappe.db.get_value("AI Invoice", open_invoice, "status"), "Cancelled")
		mine = self.my_subscription()
		self.assertEqual(
			(mine["quota"]["limit"], mine["api_key_prefix"], mine["open_invoice"]), (0, None, None)
		)

	def test_an_invoice_with_an_open_attempt_stays_open_after_cancelling(self):
		invoice = frappe.get_doc("AI Invoice", self.subscribe()["invoice_id"])
		invoice.mark_as_processing()
		self.succeed(api.cancel_subscription, at_period_end=0)
		self.assertEqual(frappe.db.get_value("AI Invoice", invoice.name, "status"), "Processing")

	def test_cancelling_twice_is_no_error(self):
		self.subscribe()
		answers = [self.succeed(api.cancel_subscription, at_period_end=0) for _time in range(2)]
		self.assertEqual(answers[0], answers[1])

	def test_a_customer_can_subscribe_again_after_cancelling(self):
		first = self.subscribe()
		self.succeed(api.cancel_subscription, at_period_end=0)
		again = self.subscribe(self.plan)
		self.assertNotEqual(again["subscription_id"], first["subscription_id"])
		self.assertEqual(self.my_subscription()["subscription_id"], again["subscription_id"])

	def test_cancelling_without_a_subscription_is_refused(self):
		for endpoint in (api.cancel_subscription, api.rotate_api_key, api.reveal_api_key):
			self.refused("not_found", endpoint)
		self.assertIsNone(self.my_subscription())


class TestKeys(CustomerTestCase):
	def test_the_key_created_by_a_payment_is_shown_once(self):
		pay(self.subscribe()["invoice_id"])
		self.assertTrue(self.my_subscription()["api_key_waiting"])
		key = self.succeed(api.reveal_api_key)["api_key"]
		self.assertTrue(key.startswith(self.my_subscription()["api_key_prefix"]))
		self.assertFalse(self.my_subscription()["api_key_waiting"])
		self.assertIn("already shown", self.refused("not_found", api.reveal_api_key))

	def test_only_one_of_many_parallel_requests_sees_the_key(self):
		pay(self.subscribe()["invoice_id"])
		user = self.user
		answers = in_parallel(6, lambda _number: reveal.reveal(user))
		self.assertEqual(len([answer for answer in answers if isinstance(answer, dict)]), 1, answers)

	def test_rotating_creates_a_new_key_and_drops_the_one_that_was_never_shown(self):
		pay(self.subscribe()["invoice_id"])
		before = self.my_subscription()["api_key_prefix"]
		key = self.succeed(api.rotate_api_key)["api_key"]
		self.assertTrue(key.startswith(self.my_subscription()["api_key_prefix"]))
		self.assertNotEqual(self.my_subscription()["api_key_prefix"], before)
		self.refused("not_found", api.reveal_api_key)

	def test_a_subscription_without_service_has_no_key_to_rotate(self):
		self.subscribe()
		self.refused("conflict", api.rotate_api_key)
