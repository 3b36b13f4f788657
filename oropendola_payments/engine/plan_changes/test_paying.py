"""An upgrade is paid in time, late, or not at all: nothing that a gateway took is lost, and nothing is served twice."""

from datetime import timedelta
from decimal import Decimal

import frappe

from oropendola_payments.ai_billing.periods import today
from oropendola_payments.api import payment
from oropendola_payments.api import subscription as api
from oropendola_payments.api import subscription_renewal as renewal
from oropendola_payments.engine.checkout import initiate
from oropendola_payments.engine.plan_changes import lapse
from oropendola_payments.engine.refunds import create
from oropendola_payments.engine.settlement import settle
from oropendola_payments.exceptions import Conflict
from oropendola_payments.gateways.base import Outcome, PaymentEvent
from oropendola_payments.tests.support.customers import move_to, pay
from oropendola_payments.tests.support.factories import enable_gateway, unique
from oropendola_payments.tests.support.plan_changes import PlanChangeCase, shift
from oropendola_payments.tests.support.simulated import simulator


class PayingCase(PlanChangeCase):
	def setUp(self):
		super().setUp()
		enable_gateway("payu", api_base_url=f"{simulator().url}/payu")

	def open_payment(self, invoice: str) -> str:
		return initiate.initiate(self.user, invoice, "payu")["attempt"]

	def money_arrives(self, attempt: str, outcome: Outcome = Outcome.PAID):
		row = frappe.get_doc("Payment Attempt", attempt)
		event = PaymentEvent(
			outcome, reference=attempt, payment_id=unique("pay"), amount=row.amount, currency=row.currency
		)
		settle.settle_attempt(row, event)

	def surplus(self, invoice: str) -> list:
		rows = frappe.get_all("Payment Capture", {"invoice": invoice}, ["resolution", "surplus"])
		return [(row.resolution, Decimal(str(row.surplus))) for row in rows if row.resolution]


class TestLapsing(PayingCase):
	def test_an_unpaid_change_lapses_and_nothing_is_owed(self):
		self.start()
		made = self.change("P")
		self.lapse(made)
		lapse.lapse_due()
		self.assertEqual((self.status_of(made), self.invoice_of(made).status), ("Expired", "Cancelled"))
		self.assertEqual(self.code(), "S")
		self.assertFalse(frappe.db.get_value("AI Plan Change", made["plan_change"], "open_key"))
		self.assert_sound()

	def test_a_change_in_time_does_not_lapse(self):
		self.start()
		made = self.change("P")
		lapse.lapse_due()
		self.assertEqual(self.status_of(made), "Awaiting Payment")

	def test_opening_a_payment_after_the_time_is_refused_and_closes_the_change(self):
		self.start()
		made = self.change("P")
		self.lapse(made)
		self.refused("quote_lapsed", payment.initiate_payment, invoice_id=made["invoice_id"], gateway="payu")
		self.assertEqual((self.status_of(made), self.invoice_of(made).status), ("Expired", "Cancelled"))
		self.assertEqual(frappe.db.count("Payment Attempt", {"invoice": made["invoice_id"]}), 0)

	def test_a_change_whose_payment_is_under_way_does_not_lapse(self):
		self.start()
		made = self.change("P")
		attempt = self.open_payment(made["invoice_id"])
		self.lapse(made)
		lapse.lapse_due()
		self.assertEqual(self.status_of(made), "Awaiting Payment")
		self.money_arrives(attempt, Outcome.FAILED)
		lapse.lapse_due()
		self.assertEqual((self.status_of(made), self.invoice_of(made).status), ("Expired", "Cancelled"))

	def test_the_time_to_pay_never_reaches_beyond_the_paid_period(self):
		self.start(days_left=1)
		made = self.change("P")
		expires = frappe.utils.get_datetime(made["expires_at"].removesuffix("+05:30"))
		self.assertLessEqual(expires.date(), today() + timedelta(days=1))

	def test_the_customer_can_ask_again_after_it_lapsed(self):
		self.start()
		made = self.change("P")
		self.lapse(made)
		lapse.lapse_due()
		self.upgrade("P")
		self.assertEqual(self.code(), "P")


class TestLateMoney(PayingCase):
	def late(self, days: int) -> tuple[dict, str]:
		"""A change that lapsed while its payment was under way, so many days ago."""
		self.start()
		made = self.change("P")
		attempt = self.open_payment(made["invoice_id"])
		self.money_arrives(attempt, Outcome.FAILED)
		shift(self.subscription, days)
		self.lapse(made)
		lapse.lapse_due()
		self.assertEqual(self.invoice_of(made).status, "Cancelled")
		return made, attempt

	def test_late_money_that_still_fits_changes_the_plan_and_gives_back_what_was_too_much(self):
		"""R42."""
		made, attempt = self.late(days=5)
		self.money_arrives(attempt)
		self.assertEqual((self.status_of(made), self.code()), ("Applied", "P"))
		# 10 days left: 333.00 - 166.33 = 166.67, with 18 % tax 196.67; 295.00 were paid.
		self.assertEqual(self.surplus(made["invoice_id"]), [("Credit", Decimal("98.33"))])
		change = frappe.get_doc("AI Plan Change", made["plan_change"])
		self.assertEqual(
			(Decimal(str(change.returned_amount)), change.lines[0].days_left), (Decimal("98.33"), 10)
		)
		self.assert_sound()

	def test_late_money_of_the_same_day_gives_nothing_back(self):
		made, attempt = self.late(days=0)
		self.money_arrives(attempt)
		self.assertEqual((self.code(), self.surplus(made["invoice_id"])), ("P", []))

	def test_late_money_after_a_pause_that_moved_the_period_is_surplus(self):
		"""The days of the quote are not those that are left, so counting again would give back what is still served."""
		self.make_plan("S", allow_pause=1)
		made, attempt = self.late(days=0)
		self.succeed(api.pause_subscription, days=7)
		shift(self.subscription, 7)
		gone = {field: self.doc().get(field) - timedelta(days=7) for field in ("paused_on", "pause_until")}
		move_to(self.subscription, **gone)
		self.succeed(api.resume_subscription)
		self.money_arrives(attempt)
		self.assertEqual((self.status_of(made), self.code()), ("Rejected", "S"))
		self.assertEqual(self.surplus(made["invoice_id"]), [("Credit", Decimal(295))])

	def test_late_money_after_the_period_is_surplus(self):
		made, attempt = self.late(days=20)
		self.money_arrives(attempt)
		self.assertEqual((self.status_of(made), self.code()), ("Rejected", "S"))
		self.assertEqual(self.surplus(made["invoice_id"]), [("Credit", Decimal(295))])

	def test_late_money_after_another_change_is_surplus(self):
		made, attempt = self.late(days=0)
		self.upgrade("M")
		self.money_arrives(attempt)
		self.assertEqual((self.status_of(made), self.code()), ("Rejected", "M"))
		self.assertEqual(self.surplus(made["invoice_id"]), [("Credit", Decimal(295))])

	def test_late_money_after_the_subscription_ended_is_surplus(self):
		made, attempt = self.late(days=0)
		self.doc().cancel()
		frappe.db.commit()
		self.money_arrives(attempt)
		self.assertEqual(self.surplus(made["invoice_id"]), [("Credit", Decimal(295))])

	def test_late_money_for_a_year_does_not_fit_on_a_later_day(self):
		self.start()
		made = self.change("PY")
		attempt = self.open_payment(made["invoice_id"])
		self.lapse(made)
		shift(self.subscription, 1)
		self.money_arrives(attempt)
		self.assertEqual((self.status_of(made), self.code()), ("Rejected", "S"))
		self.assertEqual(self.surplus(made["invoice_id"]), [("Credit", Decimal("11493.79"))])

	def test_money_for_a_change_that_was_called_off_is_surplus(self):
		self.start()
		made = self.change("P")
		attempt = self.open_payment(made["invoice_id"])
		self.money_arrives(attempt, Outcome.FAILED)
		self.succeed(api.withdraw_plan_change)
		self.money_arrives(attempt)
		self.assertEqual((self.status_of(made), self.code()), ("Withdrawn", "S"))
		self.assertEqual(self.surplus(made["invoice_id"]), [("Credit", Decimal(295))])

	def test_the_same_payment_twice_changes_the_plan_once_and_gives_the_second_back(self):
		self.start()
		made = self.change("P")
		attempt = self.open_payment(made["invoice_id"])
		for _time in range(2):
			self.money_arrives(attempt)
		self.assertEqual(self.surplus(made["invoice_id"]), [("Credit", Decimal(295))])
		self.assertEqual(len(self.periods()), 1)
		self.assert_sound()


class TestMeanwhile(PayingCase):
	def test_another_plan_cannot_be_chosen_while_a_payment_is_under_way(self):
		self.start()
		made = self.change("P")
		self.open_payment(made["invoice_id"])
		quote = self.preview("M")["quote"]
		self.refused("conflict", api.change_plan, plan_id=self.plans["M"].name, quote=quote)
		self.refused("conflict", api.withdraw_plan_change)
		self.assertEqual(self.status_of(made), "Awaiting Payment")

	def test_a_renewal_paid_meanwhile_makes_the_upgrade_surplus(self):
		self.start()
		made = self.change("P")
		attempt = self.open_payment(made["invoice_id"])
		pay(self.succeed(renewal.renew_subscription)["invoice_id"])
		self.money_arrives(attempt)
		self.assertEqual((self.status_of(made), self.code()), ("Rejected", "S"))
		self.assertEqual(self.surplus(made["invoice_id"]), [("Credit", Decimal(295))])
		self.assert_sound()

	def test_an_upgrade_covers_a_renewal_that_was_bought_already(self):
		self.start()
		pay(self.succeed(renewal.renew_subscription)["invoice_id"])
		self.assertEqual(self.preview("P")["net_amount"], 250 + 500)
		self.upgrade("P")
		self.assertEqual([period.plan for period in self.periods()], [self.plans["P"].name] * 2)
		self.assert_sound()

	def test_an_unpaid_renewal_of_the_old_plan_is_cancelled_by_the_upgrade(self):
		self.start()
		old = self.succeed(renewal.renew_subscription)["invoice_id"]
		self.upgrade("P")
		self.assertEqual(frappe.db.get_value("AI Invoice", old, "status"), "Cancelled")
		new = self.succeed(renewal.renew_subscription)["invoice_id"]
		self.assertEqual(frappe.db.get_value("AI Invoice", new, "plan"), self.plans["P"].name)

	def test_a_renewal_that_was_being_paid_during_the_upgrade_is_served_with_its_own_plan(self):
		self.start()
		old = self.succeed(renewal.renew_subscription)["invoice_id"]
		attempt = self.open_payment(old)
		self.upgrade("P")
		end = self.doc().end_date
		self.money_arrives(attempt)
		now = self.doc()
		self.assertEqual((self.code(), now.next_plan, now.switch_on), ("P", self.plans["S"].name, end))
		shift(self.subscription, 15)
		self.my_subscription()
		self.assertEqual(self.code(), "S")
		self.assert_sound()

	def test_the_old_plan_serves_on_until_the_upgrade_is_paid(self):
		before = self.start()
		self.change("P")
		now = self.doc()
		self.assertEqual(
			(now.plan, now.daily_quota_limit, now.end_date), (before.plan, 1000, before.end_date)
		)

	def test_cancelling_the_subscription_calls_off_the_change(self):
		self.start()
		made = self.change("P")
		self.succeed(api.cancel_subscription, at_period_end=0)
		self.assertEqual((self.status_of(made), self.invoice_of(made).status), ("Withdrawn", "Cancelled"))

	def test_an_upgrade_withdraws_a_scheduled_cancellation(self):
		self.start()
		self.succeed(api.cancel_subscription, at_period_end=1)
		self.upgrade("P")
		self.assertFalse(self.doc().cancel_at_period_end)

	def test_the_base_of_an_upgrade_is_refunded_only_after_the_upgrade(self):
		self.start()
		made = self.upgrade("P")
		with self.assertRaisesRegex(Conflict, made["invoice_id"]):
			create.create_refund(self.invoice, None, "Asked for")
		create.create_refund(self.invoice, Decimal(100), "A gift")
		create.create_refund(made["invoice_id"], None, "Asked for")
		create.create_refund(self.invoice, None, "Asked for")
		self.assertEqual(self.doc().status, "Cancelled")

	def test_a_refunded_year_goes_back_to_the_month_that_was_paid(self):
		before = self.start()
		made = self.upgrade("PY")
		create.create_refund(made["invoice_id"], None, "Asked for")
		now = self.doc()
		self.assertEqual((self.code(), now.status, now.end_date), ("S", "Active", before.end_date))
		self.assertEqual([period.unused() for period in self.periods()], [249_50])
		self.assert_sound()

	def test_a_pause_after_it_keeps_no_refunded_year(self):
		"""The pause moved the end, which is no renewal."""
		before = self.start(allow_pause=1)
		self.make_plan("PY", allow_pause=1)
		made = self.upgrade("PY")
		shift(self.subscription, 3)
		self.succeed(api.pause_subscription, days=7)
		move_to(
			self.subscription, paused_on=today() - timedelta(days=7), pause_until=today() + timedelta(days=1)
		)
		self.succeed(api.resume_subscription)
		create.create_refund(made["invoice_id"], None, "Asked for")
		now, end = self.doc(), before.end_date - timedelta(days=3) + timedelta(days=7)
		self.assertEqual((self.code(), now.status, now.end_date), ("S", "Active", end))
		self.assertFalse(self.invoice_of(made).needs_review)
		self.assert_sound()

	def test_a_refund_of_a_year_during_a_long_pause_keeps_the_days_of_the_month(self):
		self.start(allow_pause=1)
		self.make_plan("PY", allow_pause=1)
		made = self.upgrade("PY")
		self.succeed(api.pause_subscription, days=30)
		shift(self.subscription, 20)
		move_to(
			self.subscription,
			paused_on=today() - timedelta(days=20),
			pause_until=today() + timedelta(days=10),
		)
		create.create_refund(made["invoice_id"], None, "Asked for")
		self.assertEqual((self.code(), self.doc().status), ("S", "Paused"))
		self.succeed(api.resume_subscription)
		now = self.doc()
		self.assertEqual((now.status, now.end_date), ("Active", today() + timedelta(days=15)))
		self.assert_sound()

	def test_a_refunded_year_behind_which_another_one_is_paid_needs_review(self):
		self.start()
		made = self.upgrade("PY")
		later = self.succeed(renewal.renew_subscription)["invoice_id"]
		pay(later)
		create.create_refund(made["invoice_id"], None, "Asked for")
		self.assertEqual((self.code(), self.invoice_of(made).needs_review), ("PY", 1))

	def test_a_refunded_move_from_the_free_plan_goes_back_to_it(self):
		self.subscription = self.subscribe(self.make_plan("F"))["subscription_id"]
		made = self.upgrade("P")
		create.create_refund(made["invoice_id"], None, "Asked for")
		now = self.doc()
		self.assertEqual((self.code(), now.status, now.end_date), ("F", "Active", None))
		self.assertEqual(now.daily_quota_limit, 10)

	def test_an_expired_subscription_starts_again_with_another_plan_and_the_same_key(self):
		self.start(days_left=-10)
		self.doc().expire()
		frappe.db.commit()
		quote = self.preview("P")
		self.assertEqual((quote["net_amount"], quote["timing"]), (999, "Now"))
		self.upgrade("P")
		now = self.doc()
		self.assertEqual((now.status, now.start_date, now.daily_quota_limit), ("Active", today(), 5000))
		self.assertTrue(now.api_key_link)

	def test_what_was_used_today_still_counts_after_the_year_starts(self):
		self.start()
		move_to(self.subscription, daily_quota_remaining=300)
		self.upgrade("PY")
		self.assertEqual(self.doc().daily_quota_remaining, 4300)
