"""A paid upgrade changes the plan for the rest of the period, and a refund of it changes it back."""

from datetime import timedelta

import frappe

from oropendola_payments.ai_billing.periods import today
from oropendola_payments.api import subscription as api
from oropendola_payments.api import subscription_renewal as renewal
from oropendola_payments.engine.monitoring import invariants
from oropendola_payments.engine.refunds import create
from oropendola_payments.engine.subscriptions import lifecycle
from oropendola_payments.tests.support.customers import CustomerTestCase, move_to, pay
from oropendola_payments.tests.support.factories import create_active_subscription, create_plan


class UpgradeCase(CustomerTestCase):
	def setUp(self):
		super().setUp()
		self.subscription = create_active_subscription(self.user, requests_limit_per_day=100)
		self.starter = self.subscription.plan
		self.pro = create_plan(plan_name="Pro", price=999, requests_limit_per_day=500)

	def upgrade_invoice(self, plan=None) -> str:
		invoice = frappe.new_doc("AI Invoice")
		invoice.update(
			{
				"user": self.user,
				"subscription": self.subscription.name,
				"plan": (plan or self.pro).name,
				"purpose": "Upgrade",
				"currency": "INR",
				"net_amount": 250,
			}
		)
		invoice.insert(ignore_permissions=True)
		frappe.db.commit()
		return invoice.name

	def upgrade(self, plan=None) -> str:
		invoice = self.upgrade_invoice(plan)
		pay(invoice)
		self.subscription.reload()
		return invoice

	def status_of(self, invoice: str) -> str:
		return frappe.db.get_value("AI Invoice", invoice, "status")


class TestUpgrading(UpgradeCase):
	def test_a_paid_upgrade_changes_the_plan_and_keeps_the_end_date(self):
		before = self.subscription.as_dict()
		invoice = self.upgrade()
		now = self.subscription
		self.assertEqual((now.plan, now.status, now.name), (self.pro.name, "Active", before.name))
		self.assertEqual((now.start_date, now.end_date), (before.start_date, before.end_date))
		self.assertEqual(
			(now.api_key_link, now.current_invoice), (before.api_key_link, before.current_invoice)
		)
		stored = frappe.get_doc("AI Invoice", invoice)
		self.assertEqual(
			(stored.previous_plan, stored.period_start, stored.period_end),
			(self.starter, today(), before.end_date),
		)
		self.assertTrue(stored.fulfilled_on)
		self.assertTrue(frappe.db.exists("Payment Event", {"invoice": invoice, "event": "plan_changed"}))
		broken = {name for names in invariants.check().values() for name in names}
		self.assertFalse({invoice, now.name} & broken)

	def test_an_upgrade_keeps_what_was_used_today(self):
		move_to(self.subscription.name, daily_quota_remaining=30)
		self.upgrade()
		self.assertEqual(
			(self.subscription.daily_quota_limit, self.subscription.daily_quota_remaining), (500, 430)
		)

	def test_an_upgrade_to_an_unlimited_plan_is_unlimited_today(self):
		self.upgrade(create_plan(price=2499, requests_limit_per_day=0))
		self.assertEqual(
			(self.subscription.daily_quota_limit, self.subscription.daily_quota_remaining), (-1, -1)
		)

	def test_a_renewal_after_the_limit_was_raised_keeps_what_was_used_today(self):
		move_to(self.subscription.name, daily_quota_remaining=30)
		plan = frappe.get_doc("AI Plan", self.starter)
		plan.requests_limit_per_day = 500
		plan.save(ignore_permissions=True)
		pay(self.succeed(renewal.renew_subscription)["invoice_id"])
		self.assertEqual(self.my_subscription()["quota"]["remaining"], 430)

	def test_an_expired_subscription_to_the_new_plan_makes_room(self):
		expired = create_active_subscription(self.user, plan=self.pro)
		move_to(expired.name, end_date=today() - timedelta(days=40))
		expired.reload().expire()
		frappe.db.commit()
		self.upgrade()
		self.assertEqual(self.subscription.plan, self.pro.name)
		self.assertEqual(expired.reload().status, "Cancelled")

	def test_an_unpaid_subscription_to_the_new_plan_makes_room(self):
		answer = lifecycle.subscribe(self.user, self.pro.name, None)
		self.upgrade()
		self.assertEqual(self.subscription.plan, self.pro.name)
		self.assertEqual(self.status_of(answer["invoice_id"]), "Cancelled")

	def test_an_upgrade_to_a_plan_that_the_customer_has_gives_the_money_back(self):
		other = create_active_subscription(self.user, plan=self.pro)
		invoice = self.upgrade()
		self.assertEqual((self.subscription.plan, other.reload().status), (self.starter, "Active"))
		self.assertTrue(frappe.db.get_value("Payment Capture", {"invoice": invoice}, "resolution"))

	def test_an_upgrade_paid_after_the_end_gives_the_money_back(self):
		invoice = self.upgrade_invoice()
		move_to(self.subscription.name, end_date=today() - timedelta(days=1))
		self.subscription.reload().mark_past_due()
		frappe.db.commit()
		pay(invoice)
		self.assertEqual(self.subscription.reload().status, "Past Due")
		self.assertTrue(frappe.db.get_value("Payment Capture", {"invoice": invoice}, "resolution"))
		self.assertNotIn(invoice, invariants.check().get("paid_without_service", []))


class TestRefundedUpgrades(UpgradeCase):
	def test_a_refunded_upgrade_goes_back_to_the_old_plan_and_cancels_nothing(self):
		move_to(self.subscription.name, daily_quota_remaining=30)
		invoice = self.upgrade()
		end = self.subscription.end_date
		create.create_refund(invoice, None, "Asked for")
		now = self.subscription.reload()
		self.assertEqual(self.status_of(invoice), "Refunded")
		self.assertEqual((now.plan, now.status, now.end_date), (self.starter, "Active", end))
		self.assertEqual((now.daily_quota_limit, now.daily_quota_remaining), (100, 30))
		self.assertTrue(now.api_key_link)

	def test_a_refunded_upgrade_is_flagged_if_the_plan_was_changed_again(self):
		invoice = self.upgrade()
		self.upgrade(create_plan(plan_name="Max", price=2499))
		create.create_refund(invoice, None, "Asked for")
		self.assertNotIn(self.subscription.reload().plan, (self.starter, self.pro.name))
		self.assertTrue(frappe.db.get_value("AI Invoice", invoice, "needs_review"))


class TestOpenUpgradeInvoices(UpgradeCase):
	def test_a_renewal_does_not_return_an_open_upgrade_invoice(self):
		upgrade = self.upgrade_invoice()
		answer = self.succeed(renewal.renew_subscription)
		self.assertNotEqual(answer["invoice_id"], upgrade)
		self.assertEqual(frappe.db.get_value("AI Invoice", answer["invoice_id"], "purpose"), "Renewal")
		self.assertEqual(self.my_subscription()["open_invoice"], answer["invoice_id"])

	def test_another_price_leaves_an_open_upgrade_invoice_alone(self):
		first = self.succeed(renewal.renew_subscription)["invoice_id"]
		upgrade = self.upgrade_invoice()
		plan = frappe.get_doc("AI Plan", self.starter)
		plan.price = 599
		plan.save(ignore_permissions=True)
		second = self.succeed(renewal.renew_subscription)["invoice_id"]
		self.assertEqual(
			[self.status_of(name) for name in (first, upgrade, second)], ["Cancelled", "Pending", "Pending"]
		)

	def test_an_applied_upgrade_withdraws_a_scheduled_cancellation(self):
		upgrade = self.upgrade_invoice()
		name = self.succeed(api.cancel_subscription)["subscription_id"]
		self.assertEqual(self.status_of(upgrade), "Pending")
		pay(upgrade)
		self.assertFalse(frappe.db.get_value("AI Subscription", name, "cancel_at_period_end"))

	def test_cancelling_the_subscription_cancels_an_open_upgrade_invoice(self):
		upgrade = self.upgrade_invoice()
		self.succeed(api.cancel_subscription, at_period_end=0)
		self.assertEqual(self.status_of(upgrade), "Cancelled")
