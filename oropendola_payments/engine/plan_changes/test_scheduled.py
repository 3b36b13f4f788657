"""A downgrade at the end of the paid period: shown, called off, paid ahead, and made by whoever looks first."""

from datetime import timedelta

import frappe

from oropendola_payments.ai_billing.periods import today, tomorrow
from oropendola_payments.api import subscription as api
from oropendola_payments.api import subscription_renewal as renewal
from oropendola_payments.engine.entitlements import scheduled_change
from oropendola_payments.engine.jobs import plan_change_jobs, subscription_jobs
from oropendola_payments.engine.metering import usage
from oropendola_payments.engine.refunds import create
from oropendola_payments.tests.support.customers import pay
from oropendola_payments.tests.support.factories import create_plan
from oropendola_payments.tests.support.plan_changes import PlanChangeCase, shift


class TestScheduling(PlanChangeCase):
	def test_a_cheaper_plan_waits_for_the_end_of_the_period(self):
		before = self.start("P")
		quote = self.preview("S")
		self.assertEqual((quote["timing"], quote["effective_on"]), ("Period End", before.end_date))
		self.assertEqual((quote["due_now"], quote["lines"]), (0, []))
		made = self.change("S", quote)
		now = self.doc()
		self.assertEqual((made["status"], self.code()), ("Scheduled", "P"))
		self.assertEqual((now.next_plan, now.switch_on), (self.plans["S"].name, before.end_date))
		self.assertEqual(self.my_subscription()["next_plan_name"], "Starter")
		self.assertNotIn("invoice_id", made)
		self.assert_sound()

	def test_a_shorter_interval_waits_for_the_end_of_the_period(self):
		self.start("PY", days_left=200, days=365)
		self.assertEqual(self.preview("M")["timing"], "Period End")

	def test_a_longer_interval_that_costs_less_than_the_unused_days_waits(self):
		self.start("M", days_left=30)
		self.make_plan("PY", price=100)
		self.assertEqual(self.preview("PY")["timing"], "Period End")

	def test_another_currency_waits_for_the_end_of_the_period(self):
		self.start("S")
		self.make_plan("P", currency="USD", price=20)
		quote = self.preview("P")
		self.assertEqual((quote["timing"], quote["currency"]), ("Period End", "USD"))

	def test_a_free_plan_waits_for_the_end_of_the_period(self):
		self.start("S")
		self.assertEqual(self.preview("F")["timing"], "Period End")

	def test_the_next_renewal_is_for_the_next_plan(self):
		self.start("P")
		old = self.succeed(renewal.renew_subscription)["invoice_id"]
		self.change("S")
		new = frappe.get_doc("AI Invoice", self.succeed(renewal.renew_subscription)["invoice_id"])
		self.assertEqual((new.plan, new.net_amount), (self.plans["S"].name, 499))
		self.assertEqual(frappe.db.get_value("AI Invoice", old, "status"), "Cancelled")

	def test_a_scheduled_change_can_be_called_off_twice_with_the_same_answer(self):
		self.start("P")
		made = self.change("S")
		invoice = self.succeed(renewal.renew_subscription)["invoice_id"]
		answers = [self.succeed(api.withdraw_plan_change) for _time in range(2)]
		self.assertEqual([answer["status"] for answer in answers], ["Withdrawn"] * 2)
		self.assertEqual((self.status_of(made), self.doc().next_plan), ("Withdrawn", None))
		self.assertEqual(frappe.db.get_value("AI Invoice", invoice, "status"), "Cancelled")

	def test_a_change_that_is_paid_for_cannot_be_called_off(self):
		self.start("P")
		self.change("S")
		pay(self.succeed(renewal.renew_subscription)["invoice_id"])
		self.refused("conflict", api.withdraw_plan_change)
		quote = self.preview("F")["quote"]
		self.refused("conflict", api.change_plan, plan_id=self.plans["F"].name, quote=quote)

	def test_an_upgrade_replaces_the_scheduled_change(self):
		self.start("P")
		made = self.change("S")
		self.upgrade("M")
		self.assertEqual((self.status_of(made), self.code(), self.doc().next_plan), ("Superseded", "M", None))

	def test_scheduling_withdraws_a_scheduled_cancellation(self):
		self.start("P")
		self.succeed(api.cancel_subscription, at_period_end=1)
		self.change("S")
		self.assertFalse(self.doc().cancel_at_period_end)

	def test_renewing_with_another_plan_is_a_change(self):
		self.start("P")
		self.make_plan("S")
		answer = self.succeed(renewal.renew_subscription, plan_id=self.plans["S"].name)
		self.assertEqual((answer["action"], answer["timing"]), ("change", "Period End"))
		self.assertEqual(
			frappe.db.get_value("AI Invoice", answer["invoice_id"], "plan"), self.plans["S"].name
		)
		again = self.succeed(renewal.renew_subscription, plan_id=self.plans["S"].name)
		self.assertEqual(again["invoice_id"], answer["invoice_id"])

	def test_renewing_with_a_dearer_plan_answers_with_its_price_and_invoice(self):
		self.start("S")
		self.make_plan("P")
		answer = self.succeed(renewal.renew_subscription, plan_id=self.plans["P"].name)
		self.assertEqual(
			(answer["action"], answer["due_now"], answer["quote"]["due_now"]), ("change", 295, 295)
		)
		pay(answer["invoice_id"])
		self.assertEqual(self.code(), "P")


class TestSwitching(PlanChangeCase):
	def due(self, *, paid: bool = True, code: str = "S"):
		"""The day of a scheduled change has come."""
		self.start("P")
		self.made = self.change(code)
		if paid:
			pay(self.succeed(renewal.renew_subscription)["invoice_id"])
		self.key = self.succeed(api.reveal_api_key)["api_key"]
		shift(self.subscription, 15)

	def assert_switched(self, code: str = "S", limit: int = 1000):
		self.assertEqual((self.code(), self.doc().daily_quota_limit), (code, limit))
		self.assertEqual((self.status_of(self.made), self.doc().next_plan), ("Applied", None))
		self.assert_sound()

	def test_the_job_switches_a_subscription_whose_renewal_is_paid(self):
		self.due()
		plan_change_jobs.run_plan_changes()
		self.assert_switched()

	def test_the_first_use_of_the_day_switches_without_a_job(self):
		self.due()
		self.assertEqual(usage.consume(self.key, 1)["remaining"], 999)
		self.assert_switched()

	def test_looking_switches_without_a_job(self):
		self.due()
		self.assertEqual(self.my_subscription()["plan"], self.plans["S"].name)
		self.assert_switched()

	def test_nothing_switches_before_the_day(self):
		self.due()
		shift(self.subscription, -1)
		plan_change_jobs.run_plan_changes()
		self.assertEqual((self.code(), usage.consume(self.key, 1)["remaining"]), ("P", 4999))

	def test_an_unpaid_change_waits_for_its_payment_and_switches_with_it(self):
		self.due(paid=False)
		subscription_jobs.run_expiry()
		self.assertEqual((self.doc().status, self.code()), ("Past Due", "P"))
		pay(self.succeed(renewal.renew_subscription)["invoice_id"])
		self.assertGreater(self.doc().end_date, today())
		self.assert_switched()

	def test_a_free_plan_starts_without_a_payment(self):
		self.due(paid=False, code="F")
		subscription_jobs.run_expiry()
		now = self.doc()
		self.assertEqual((now.status, now.end_date, now.quota_reset_on), ("Active", None, tomorrow()))
		self.assert_switched("F", 10)
		self.assertEqual(usage.consume(self.key, 1)["remaining"], 9)

	def test_a_free_plan_starts_with_the_first_use(self):
		self.due(paid=False, code="F")
		self.assertEqual(usage.consume(self.key, 1)["remaining"], 9)
		self.assert_switched("F", 10)

	def test_a_pause_moves_the_day_of_the_change(self):
		self.start("P", allow_pause=1)
		self.change("S")
		before = self.doc().switch_on
		self.succeed(api.pause_subscription, days=10)
		frappe.db.set_value(
			"AI Subscription",
			self.subscription,
			{"paused_on": today() - timedelta(days=10), "pause_until": today()},
		)
		frappe.db.commit()
		subscription_jobs.run_expiry()
		self.assertEqual((self.doc().status, self.doc().switch_on), ("Active", before + timedelta(days=10)))


class TestAPeriodThatIsPaidForTheNextPlan(PlanChangeCase):
	"""It is served with that plan, whatever else the customer does before it begins."""

	def pay_ahead(self):
		self.start("P")
		self.made = self.change("S")
		self.renewal = self.succeed(renewal.renew_subscription)["invoice_id"]
		pay(self.renewal)

	def the_day_comes(self):
		shift(self.subscription, 15)
		plan_change_jobs.run_plan_changes()
		subscription_jobs.run_expiry()

	def have_the_plan_twice(self):
		"""As if the customer had ordered it at the very moment when the change was scheduled."""
		plan = self.plans["S"].name
		order = {"doctype": "AI Subscription", "user": self.user, "plan": plan, "status": "Pending"}
		frappe.get_doc(order).insert(ignore_permissions=True).write(status="Active")
		frappe.db.commit()

	def review_of(self, invoice: str) -> str:
		return frappe.db.get_value("AI Invoice", invoice, "review_reason") or ""

	def test_it_is_switched_although_the_subscription_was_cancelled_for_its_end(self):
		"""U35."""
		self.pay_ahead()
		self.succeed(api.cancel_subscription, at_period_end=1)
		self.the_day_comes()
		self.assertEqual((self.code(), self.doc().status), ("S", "Active"))
		self.assert_sound()
		shift(self.subscription, 31)
		subscription_jobs.run_expiry()
		self.assertEqual((self.code(), self.doc().status), ("S", "Cancelled"))

	def test_an_upgrade_that_is_ordered_and_never_paid_changes_nothing_about_it(self):
		"""U35. Whether its time is over before the day of the change, or it waits for its payment on that day."""
		for lapses_before in (True, False):
			with self.subTest(lapses_before=lapses_before):
				self.setUp()
				self.pay_ahead()
				upgrade = self.change("M")
				self.assertEqual(self.status_of(self.made), "Superseded")
				if lapses_before:
					self.lapse(upgrade)
					plan_change_jobs.run_plan_changes()
				self.the_day_comes()
				period = self.periods()[0]
				self.assertEqual((self.code(), period.plan, period.full), ("S", self.plans["S"].name, 49900))
				status = "Expired" if lapses_before else "Awaiting Payment"
				self.assertEqual(self.status_of(upgrade), status)
				self.assert_sound()

	def test_a_refund_of_the_upgrade_over_it_leads_back_to_it(self):
		"""U35. Before it begins and afterwards, whether the upgrade began a period of its own or not."""
		for code, days in (("M", 0), ("M", 20), ("PY", 0), ("PY", 20)):
			with self.subTest(code=code, days=days):
				self.setUp()
				self.pay_ahead()
				upgrade = self.upgrade(code)
				shift(self.subscription, days)
				create.create_refund(upgrade["invoice_id"], None, "A test")
				self.assertEqual(self.code(), "S" if days else "P")
				shift(self.subscription, 20 - days)
				plan_change_jobs.run_plan_changes()
				self.assertEqual((self.code(), self.doc().status), ("S", "Active"))
				self.assert_sound()

	def test_a_refund_of_the_upgrade_over_it_withdraws_no_cancellation(self):
		self.pay_ahead()
		upgrade = self.upgrade("M")
		self.succeed(api.cancel_subscription, at_period_end=1)
		create.create_refund(upgrade["invoice_id"], None, "A test")
		now = self.doc()
		self.assertEqual((now.next_plan, now.cancel_at_period_end), (self.plans["S"].name, 1))

	def test_nothing_is_switched_for_who_cancelled_and_did_not_pay(self):
		for code in ("S", "F"):
			with self.subTest(code=code):
				self.setUp()
				self.start("P")
				self.change(code)
				self.succeed(api.cancel_subscription, at_period_end=1)
				shift(self.subscription, 15)
				self.assertFalse(scheduled_change.switch(self.subscription))
				subscription_jobs.run_expiry()
				self.assertEqual((self.code(), self.doc().status), ("P", "Cancelled"))

	def test_the_next_plan_cannot_be_ordered_beside_it(self):
		"""U35."""
		self.pay_ahead()
		plan = self.plans["S"].name
		text = self.refused("conflict", api.create_subscription_and_invoice, plan_id=plan)
		self.assertIn("Your subscription changes to Starter on ", text)
		self.assertEqual(frappe.db.count("AI Subscription", {"user": self.user, "plan": plan}), 0)

	def test_it_can_be_ordered_again_once_the_change_was_called_off(self):
		self.start("P")
		self.change("S")
		self.succeed(api.withdraw_plan_change)
		plan = self.plans["S"].name
		self.assertIn("invoice_id", self.succeed(api.create_subscription_and_invoice, plan_id=plan))

	def test_an_order_of_the_next_plan_that_waits_for_payment_is_cancelled(self):
		"""U35."""
		self.start("P")
		order = self.succeed(api.create_subscription_and_invoice, plan_id=self.make_plan("S").name)
		quote = self.preview("S", subscription_id=self.subscription)["quote"]
		plan = self.plans["S"].name
		chosen = {"plan_id": plan, "quote": quote, "subscription_id": self.subscription}
		self.assertEqual(self.succeed(api.change_plan, **chosen)["status"], "Scheduled")
		states = [
			frappe.db.get_value(doctype, order[key], "status")
			for doctype, key in (("AI Subscription", "subscription_id"), ("AI Invoice", "invoice_id"))
		]
		self.assertEqual(states, ["Cancelled", "Cancelled"])

	def test_a_manager_is_told_when_the_customer_has_the_plan_twice_all_the_same(self):
		"""U35."""
		self.pay_ahead()
		self.have_the_plan_twice()
		self.the_day_comes()
		self.assertEqual((self.code(), self.status_of(self.made)), ("P", "Rejected"))
		self.assertIn("was paid for with Starter", self.review_of(self.renewal))

	def test_a_manager_is_told_when_its_payment_comes_after_the_day(self):
		"""The invoice is not written yet when the change is rejected."""
		self.start("P")
		self.change("S")
		self.the_day_comes()
		self.assertEqual(self.doc().status, "Past Due")
		invoice = self.succeed(renewal.renew_subscription)["invoice_id"]
		self.have_the_plan_twice()
		pay(invoice)
		self.assertEqual((self.code(), frappe.db.get_value("AI Invoice", invoice, "status")), ("P", "Paid"))
		self.assertIn("was paid for with Starter", self.review_of(invoice))

	def test_another_subscription_cannot_change_to_the_plan_either(self):
		self.start("P")
		self.change("S")
		first = self.subscription
		mini = create_plan(price=99, plan_name="Mini", requests_limit_per_day=10)
		made = self.succeed(api.create_subscription_and_invoice, plan_id=mini.name)
		pay(made["invoice_id"])
		chosen = {"plan_id": self.plans["S"].name, "subscription_id": made["subscription_id"]}
		text = self.refused("conflict", api.preview_plan_change, **chosen)
		self.assertIn("You already have Starter as another subscription", text)
		self.assertEqual(frappe.db.get_value("AI Subscription", first, "next_plan"), self.plans["S"].name)

	def test_a_change_to_the_plan_that_is_paid_after_it_was_promised_elsewhere_is_rejected(self):
		mini = create_plan(price=99, plan_name="Mini", requests_limit_per_day=10)
		self.start("P")
		first = self.subscription
		order = self.succeed(api.create_subscription_and_invoice, plan_id=mini.name)
		pay(order["invoice_id"])
		self.make_plan("S")
		self.subscription = order["subscription_id"]
		mine = self.change_of(order["subscription_id"])
		self.assertEqual(mine["status"], "Awaiting Payment")
		self.assertEqual(self.change_of(first)["status"], "Scheduled")
		pay(mine["invoice_id"])
		self.assertEqual((self.status_of(mine), self.doc().plan), ("Rejected", mini.name))

	def change_of(self, subscription: str) -> dict:
		chosen = {"plan_id": self.plans["S"].name, "subscription_id": subscription}
		quote = self.succeed(api.preview_plan_change, **chosen)["quote"]
		return self.succeed(api.change_plan, quote=quote, **chosen)

	def test_a_change_of_an_expired_subscription_keeps_nobody_from_ordering(self):
		self.start("P")
		self.change("S")
		self.the_day_comes()
		self.doc().expire()
		frappe.db.commit()
		self.assertIn(
			"invoice_id", self.succeed(api.create_subscription_and_invoice, plan_id=self.plans["S"].name)
		)

	def test_a_refund_of_the_next_period_takes_its_plan_with_it_unless_it_was_ordered(self):
		self.start("S")
		old = self.succeed(renewal.renew_subscription)["invoice_id"]
		frappe.get_doc("AI Invoice", old).mark_as_processing()
		frappe.db.commit()
		self.upgrade("P")
		pay(old)
		self.assertEqual(self.doc().next_plan, self.plans["S"].name)
		create.create_refund(old, None, "A test")
		self.assertIsNone(self.doc().next_plan)
