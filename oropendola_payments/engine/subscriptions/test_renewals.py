"""Renewals: which period the next payment buys."""

from datetime import date, timedelta
from unittest.mock import patch

import frappe

from oropendola_payments.ai_billing.periods import add_interval, today
from oropendola_payments.api import subscription as api
from oropendola_payments.api import subscription_renewal as renewal
from oropendola_payments.engine.monitoring import invariants
from oropendola_payments.gateways import BUILT_IN, load
from oropendola_payments.tests.support.customers import CustomerTestCase, move_to, pay
from oropendola_payments.tests.support.factories import create_active_subscription, create_plan


class TestRenewing(CustomerTestCase):
	def active(self, **plan_values) -> dict:
		self.subscription = create_active_subscription(self.user, **plan_values)
		return self.my_subscription()

	def test_a_renewal_is_never_charged_without_the_customer(self):
		"""P18: recurring debits need mandates, so each renewal is a payment that the customer makes."""
		for doctype in (
			"AI Plan",
			"AI Subscription",
			"AI Invoice",
			"Payment Attempt",
			"Payment Gateway Settings",
		):
			fields = " ".join(field.fieldname for field in frappe.get_meta(doctype).fields)
			self.assertNotRegex(fields, "auto_renew|mandate|recurring|stored_card")
		for code in BUILT_IN:
			names = " ".join(dir(load(BUILT_IN[code])))
			self.assertNotRegex(names, "mandate|recurring|charge_again")

	def test_renewing_a_running_subscription_extends_it_from_its_old_end(self):
		before = self.active()
		answer = self.succeed(renewal.renew_subscription)
		self.assertEqual(answer["action"], "extend")
		self.assertEqual(self.my_subscription()["end_date"], before["end_date"], "nothing before the payment")
		pay(answer["invoice_id"])
		after = self.my_subscription()
		self.assertEqual(
			after["end_date"], add_interval(before["end_date"], "Month", 1, before["start_date"].day)
		)
		self.assertEqual(after["start_date"], before["start_date"])
		self.assertEqual(after["api_key_prefix"], before["api_key_prefix"])

	def test_an_extension_does_not_reset_the_quota_of_today(self):
		self.active(requests_limit_per_day=100)
		move_to(self.subscription.name, daily_quota_remaining=3)
		pay(self.succeed(renewal.renew_subscription)["invoice_id"])
		self.assertEqual(self.my_subscription()["quota"]["remaining"], 3)

	def test_the_original_day_of_the_month_returns_after_february(self):
		self.active()
		move_to(self.subscription.name, start_date=date(2099, 1, 31), end_date=date(2099, 2, 28))
		pay(self.succeed(renewal.renew_subscription)["invoice_id"])
		self.assertEqual(self.my_subscription()["end_date"], date(2099, 3, 31))

	def test_renewing_twice_returns_the_same_invoice(self):
		self.active()
		first, again = (self.succeed(renewal.renew_subscription) for _time in range(2))
		self.assertEqual(first, again)

	def test_two_renewals_paid_one_after_the_other_extend_twice(self):
		before = self.active()
		for _time in range(2):
			pay(self.succeed(renewal.renew_subscription)["invoice_id"])
		self.assertEqual(
			self.my_subscription()["end_date"],
			add_interval(before["end_date"], "Month", 2, before["start_date"].day),
		)

	def ended(self, days_ago: int):
		end = today() - timedelta(days=days_ago)
		move_to(self.subscription.name, end_date=end, start_date=add_interval(end, "Month", -1))

	def past_due(self, days_ago: int):
		self.ended(days_ago)
		self.subscription.reload().mark_past_due()
		frappe.db.commit()

	def test_a_renewal_after_the_end_date_starts_today_because_nothing_was_served(self):
		self.active()
		self.past_due(days_ago=2)
		answer = self.succeed(renewal.extend_active_subscription)
		pay(answer["invoice_id"])
		mine = self.my_subscription()
		self.assertEqual((answer["action"], mine["status"]), ("new", "Active"))
		self.assertEqual((mine["start_date"], mine["end_date"]), (today(), add_interval(today(), "Month", 1)))
		invoice = frappe.get_doc("AI Invoice", answer["invoice_id"])
		self.assertEqual((invoice.period_start, invoice.period_end), (mine["start_date"], mine["end_date"]))

	def test_a_renewal_after_the_end_date_starts_today_while_the_scheduler_is_stopped(self):
		self.active()
		self.ended(days_ago=2)
		answer = self.succeed(renewal.renew_subscription)
		pay(answer["invoice_id"])
		self.assertEqual((answer["action"], self.my_subscription()["start_date"]), ("new", today()))

	def test_a_renewal_on_the_end_date_continues_without_a_gap(self):
		self.active()
		self.past_due(days_ago=0)
		start = self.my_subscription()["start_date"]
		answer = self.succeed(renewal.renew_subscription)
		pay(answer["invoice_id"])
		mine = self.my_subscription()
		self.assertEqual((answer["action"], mine["start_date"]), ("extend", start))
		self.assertEqual(mine["end_date"], add_interval(today(), "Month", 1, start.day))

	def test_a_period_that_starts_before_its_payment_violates_an_invariant(self):
		self.enterContext(patch.object(invariants, "LIMIT", 10**6))  # a bench has those of earlier runs
		self.active()
		invoice = self.subscription.current_invoice
		self.assertNotIn(invoice, invariants.check().get("period_before_payment", []))
		frappe.db.set_value("AI Invoice", invoice, "period_start", today() - timedelta(days=2))
		frappe.db.commit()
		self.assertIn(invoice, invariants.check()["period_before_payment"])
		frappe.db.set_value("AI Invoice", invoice, "period_start", today())
		frappe.db.commit()

	def test_an_expired_subscription_starts_a_new_period_today(self):
		self.active()
		move_to(self.subscription.name, end_date=today() - timedelta(days=40))
		self.subscription.reload().expire()
		frappe.db.commit()
		self.refused("conflict", renewal.extend_active_subscription)
		answer = self.succeed(renewal.renew_expired_subscription)
		pay(answer["invoice_id"])
		mine = self.my_subscription()
		self.assertEqual((answer["action"], mine["start_date"]), ("new", today()))
		self.assertEqual(mine["end_date"], add_interval(today(), "Month", 1))
		self.refused("conflict", renewal.renew_expired_subscription)

	def test_the_renewal_keeps_the_currency_of_the_last_invoice(self):
		plan = create_plan(prices=[{"currency": "USD", "price": 9}])
		first = self.succeed(api.create_subscription_and_invoice, plan_id=plan.name, currency="USD")[
			"invoice_id"
		]
		pay(first)
		second = self.succeed(renewal.renew_subscription)["invoice_id"]
		self.assertEqual(
			frappe.db.get_value("AI Invoice", second, ["currency", "purpose"]), ("USD", "Renewal")
		)

	def test_renewing_without_a_subscription_is_refused(self):
		self.refused("not_found", renewal.renew_subscription)
		self.refused("not_found", renewal.renew_subscription, plan_id="no-such-plan")
		self.subscribe(price=0, is_free=1)
		self.refused("unprocessable", renewal.renew_subscription)
		self.succeed(api.cancel_subscription, at_period_end=0)
		self.refused("conflict", renewal.renew_subscription)

	def test_an_unpaid_renewal_does_not_extend_the_period(self):
		before = self.active()
		invoice = frappe.get_doc("AI Invoice", self.succeed(renewal.renew_subscription)["invoice_id"])
		for move in (invoice.mark_as_processing, lambda: invoice.mark_as_failed("The bank said no.")):
			move()
			self.assertEqual(self.my_subscription()["end_date"], before["end_date"])
