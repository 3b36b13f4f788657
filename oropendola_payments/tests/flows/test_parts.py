"""Invoices that are paid in parts: what each part buys, and what happens to money that nobody expected."""

from decimal import Decimal

import frappe

from oropendola_payments.ai_billing.periods import add_interval, today
from oropendola_payments.api import payment
from oropendola_payments.api import subscription as api
from oropendola_payments.engine.entitlements.paid_periods import paid_periods
from oropendola_payments.engine.jobs import payment_jobs, subscription_jobs
from oropendola_payments.engine.metering import usage
from oropendola_payments.engine.pauses.resume import resume_if_due
from oropendola_payments.engine.refunds import create
from oropendola_payments.engine.settlement import settle
from oropendola_payments.exceptions import PaymentRequired
from oropendola_payments.gateways.base import Outcome
from oropendola_payments.tests.support.factories import create_plan, payment_settings
from oropendola_payments.tests.support.gateway_events import failed, paid
from oropendola_payments.tests.support.parts import PARTS, PartsFlowCase
from oropendola_payments.tests.support.simulated import simulator
from oropendola_payments.tests.support.time_travel import sweep


class TestPartsBuyDays(PartsFlowCase):
	def setUp(self):
		super().setUp()
		self.in_instalments()

	def test_each_part_is_served_for_its_share_of_the_year(self):
		so_far = Decimal(0)
		for number, amount in enumerate(PARTS, start=1):
			self.pay(amount)
			so_far += Decimal(amount)
			self.assertEqual(self.served().status, "Active")
			self.assertEqual(self.ends_in(), self.covered(str(so_far)))
			self.assertEqual([bool(row.paid_on) for row in self.parts()].count(True), number)
		self.assertEqual((self.doc().status, self.doc().needs_review), ("Paid", 0))
		self.assertEqual(self.served().end_date, add_interval(today(), "Year", 1))
		self.assertEqual(self.dispositions(), [(str(Decimal(a).normalize()), "Applied") for a in PARTS])
		events = frappe.get_all("Payment Event", {"invoice": self.invoice}, pluck="event")
		self.assertEqual(
			[events.count(e) for e in ("subscription_served", "days_covered", "part_paid")], [1, 3, 4]
		)

	def test_the_days_are_those_of_the_calendar(self):
		"""The 146th, 219th and 292nd day after 16 November 2026."""
		from datetime import date

		days = [row.covers_days for row in self.parts()]
		if sum(days) == 365:
			ends = [add_interval(date(2026, 11, 16), "Day", sum(days[:n])) for n in (1, 2, 3, 4)]
			self.assertEqual(
				ends, [date(2027, 4, 11), date(2027, 6, 23), date(2027, 9, 4), date(2027, 11, 16)]
			)

	def test_everything_at_once_is_served_at_once(self):
		self.pay()
		self.assertEqual((self.doc().status, self.ends_in()), ("Paid", self.days()))
		self.assertTrue(all(row.paid_on and row.capture for row in self.parts()))

	def test_a_year_can_be_paid_early(self):
		self.pay(PARTS[0])
		self.pay(None)
		self.assertEqual((self.doc().status, self.ends_in()), ("Paid", self.days()))

	def test_the_key_works_while_parts_cover_the_day_and_sleeps_after_it(self):
		self.pay(PARTS[0])
		key = self.succeed(api.reveal_api_key)["api_key"]
		self.assertTrue(usage.consume(key, 1)["allowed"])
		self.pass_days(self.covered(PARTS[0]))
		with self.assertRaises(PaymentRequired):
			usage.consume(key, 1)
		subscription_jobs.run_expiry()
		self.assertEqual(self.served().status, "Past Due")
		self.pass_days(3)
		subscription_jobs.run_expiry()
		self.assertEqual(self.served().status, "Expired")
		self.pay(PARTS[1])
		self.assertEqual((self.served().status, self.ends_in()), ("Active", 73))
		self.assertTrue(usage.consume(key, 1)["allowed"])

	def test_after_a_gap_all_bought_days_are_still_served(self):
		self.pay(PARTS[0])
		bought = self.parts()
		self.pass_days(self.covered(PARTS[0]) + 20)
		subscription_jobs.run_expiry()
		self.pay(PARTS[1])
		rows = self.parts()
		self.assertEqual(self.days_until(rows[2].due_on), bought[1].covers_days - 3)
		self.pay(None)
		self.assertEqual(self.ends_in(), sum(row.covers_days for row in bought[1:]))
		self.assertEqual(self.doc().covered_days, self.days())

	def test_a_pause_moves_the_due_dates_with_the_days(self):
		self.pay(PARTS[0])
		due = [self.days_until(row.due_on) for row in self.parts()]
		self.served().pause(today())
		frappe.db.set_value(
			"AI Subscription", self.subscription, "paused_on", add_interval(today(), "Day", -10)
		)
		frappe.db.commit()
		self.assertTrue(resume_if_due(self.subscription))
		self.assertEqual(self.ends_in(), self.covered(PARTS[0]) + 10)
		self.assertEqual(
			[self.days_until(row.due_on) for row in self.parts()][1:], [day + 10 for day in due[1:]]
		)

	def test_a_part_withdraws_a_scheduled_cancellation(self):
		self.pay(PARTS[0])
		frappe.db.set_value("AI Subscription", self.subscription, "cancel_at_period_end", 1)
		frappe.db.commit()
		self.pay(PARTS[1])
		self.assertEqual(self.served().cancel_at_period_end, 0)

	def test_the_plan_can_be_changed_once_all_is_paid(self):
		self.pay(PARTS[0])
		other = create_plan(price=20000, billing_interval="Year").name
		text = self.refused("conflict", api.preview_plan_change, plan_id=other)
		self.assertIn("being paid in parts. Please pay all of it before you change the plan", text)
		self.pay(None)
		self.succeed(api.preview_plan_change, plan_id=other)

	def test_renewing_in_the_middle_leads_to_the_same_invoice(self):
		self.pay(PARTS[0])
		answer = self.succeed(api.get_my_subscription)["subscription"]
		self.assertEqual(answer["open_invoice"], self.invoice)

	def test_a_transfer_of_a_part_counts_like_any_payment(self):
		self.pay_by_transfer(PARTS[0])
		self.assertEqual((self.ends_in(), self.doc().needs_review), (self.covered(PARTS[0]), 0))

	def test_the_unused_value_of_covered_days_is_their_share_of_the_price(self):
		self.pay(PARTS[0])
		self.pass_days(46)
		(period,) = paid_periods(self.subscription)
		left = self.covered(PARTS[0]) - 46
		self.assertEqual((period.days, period.days_left(), period.full), (self.days(), left, 9990_00))
		self.assertEqual(period.unused(), (2 * 999000 * left + self.days()) // (2 * self.days()))


class TestUnexpectedMoney(PartsFlowCase):
	def test_less_than_the_part_is_applied_and_flagged(self):
		self.in_instalments()
		self.pay(PARTS[0])
		self.settle(self.start(PARTS[1]), "2000.00")
		self.assertEqual(self.ends_in(), self.covered("6715.28"))
		self.assertEqual(self.doc().needs_review, 1)
		self.assertEqual(self.parts()[1].left(), Decimal("357.64"))
		self.assertEqual(self.dispositions()[1], ("2000.0", "Short"))

	def test_more_than_the_part_is_applied_and_flagged(self):
		self.in_instalments()
		self.pay(PARTS[0])
		self.settle(self.start(PARTS[1]), "3000.00")
		self.assertEqual((self.ends_in(), self.doc().needs_review), (self.covered("7715.28"), 1))

	def test_both_captures_of_two_tabs_pay_what_is_due_and_the_rest_is_surplus(self):
		self.new_invoice(price=499, billing_interval="Month", part_payments=1)
		self.pay_by_transfer("200")
		whole = self.start("388.82")
		self.succeed(payment.cancel_payment, attempt=whole)
		part = self.start("270")
		self.settle(part)
		self.settle(whole)
		self.assertEqual(self.doc().status, "Paid")
		last = self.captures()[-1]
		self.assertEqual(
			(str(last.applied_amount), str(last.surplus), last.resolution), ("118.82", "270.0", "Refund")
		)

	def test_the_same_part_paid_twice_is_a_double_payment(self):
		self.in_instalments()
		self.pay(PARTS[0])
		first, second = self.start(PARTS[1]), self.start(PARTS[1], "razorpay")
		self.settle(second)
		self.settle(first)
		self.assertEqual(self.dispositions()[-1], ("0.0", "Duplicate"))
		self.assertEqual((self.doc().status, self.ends_in()), ("Partly Paid", self.covered("7072.92")))
		self.assertEqual(self.captures()[-1].resolution, "Refund")

	def test_a_part_paid_twice_inside_one_order_is_a_double_payment(self):
		"""R7: it is not the payment of the next part, which has the same amount."""
		self.in_instalments()
		self.pay(PARTS[0])
		attempt = self.start(PARTS[1])
		self.settle(attempt)
		self.settle(attempt)
		self.assertEqual(self.dispositions()[-2:], [("2357.64", "Applied"), ("0.0", "Duplicate")])
		self.assertEqual((self.doc().status, self.ends_in()), ("Partly Paid", self.covered("7072.92")))
		self.assertEqual(self.captures()[-1].resolution, "Refund")

	def test_a_part_that_arrives_in_two_payments_of_one_order_is_applied(self):
		self.in_instalments()
		self.pay(PARTS[0])
		attempt = self.start(PARTS[1])
		for amount in ("2000.00", "357.64", "10.00"):
			self.settle(attempt, amount)
		self.assertEqual(
			[kind for _applied, kind in self.dispositions()[1:]], ["Short", "Short", "Duplicate"]
		)
		self.assertEqual(self.ends_in(), self.covered("7072.92"))

	def test_a_hold_beside_the_payment_of_a_part_is_not_captured(self):
		"""R7: one answer of the gateway has both, and capturing would charge the customer twice."""
		self.in_instalments()
		self.pay(PARTS[0])
		attempt, sim = self.start(PARTS[1], "razorpay"), simulator()
		sim.pay("razorpay", attempt)
		sim.webhooks.take("razorpay")
		ledger = sim.provider("razorpay").ledger
		hold = f"pay_Sim{ledger.next_number():013d}"
		ledger.add_charge(ledger.find_order_by_reference(attempt), hold, "authorized", method="upi")
		sweep(self.invoice)
		self.assertEqual(ledger.find_charge(hold).state, "authorized")
		self.assertEqual([kind for _applied, kind in self.dispositions()], ["Applied", "Applied"])
		self.assertEqual((self.doc().status, self.doc().needs_review), ("Partly Paid", 0))

	def test_a_double_payment_of_the_last_open_part_lets_the_customer_pay_the_rest(self):
		self.in_instalments()
		self.pay(PARTS[0])
		first, second = self.start(PARTS[1]), self.start(PARTS[1], "razorpay")
		self.settle(second)
		third = self.start(PARTS[2], "razorpay")
		settle.settle("razorpay", failed(third, Outcome.FAILED))
		self.assertEqual(self.doc().status, "Processing", "the first is still open")
		self.settle(first)
		self.assertEqual((self.dispositions()[-1][1], self.doc().status), ("Duplicate", "Partly Paid"))

	def test_a_sweep_frees_a_partly_paid_invoice_that_waits_for_no_attempt(self):
		self.in_instalments()
		self.pay(PARTS[0])
		waiting = {"status": "Processing", "processing_since": frappe.utils.add_to_date(None, hours=-2)}
		frappe.db.set_value("AI Invoice", self.invoice, waiting)
		frappe.db.commit()
		payment_jobs.run_abandoned()
		self.assertEqual(self.doc().status, "Partly Paid")

	def test_the_next_part_of_the_same_amount_is_no_double_payment(self):
		self.in_instalments()
		self.pay(PARTS[0])
		left_open = self.start(PARTS[1])
		self.pay(PARTS[1], "razorpay")
		third = self.start(PARTS[2])
		self.assertNotEqual(third, left_open)
		self.settle(third)
		self.assertEqual(self.dispositions()[-1], ("2357.64", "Applied"))

	def test_a_part_that_is_paid_after_its_attempt_failed_counts(self):
		self.in_instalments()
		attempt = self.start(PARTS[0])
		settle.settle("payu", failed(attempt, Outcome.EXPIRED))
		self.settle(attempt)
		self.assertEqual((self.doc().status, self.doc().needs_review), ("Partly Paid", 0))

	def test_a_repeated_message_pays_once(self):
		self.in_instalments()
		attempt = self.start(PARTS[0])
		event = paid(attempt, PARTS[0])
		for _time in range(3):
			settle.settle("payu", event)
		self.assertEqual(len(self.captures()), 1)
		self.assertEqual(self.ends_in(), self.covered(PARTS[0]))

	def test_a_failed_part_leaves_the_days_and_the_invoice_as_they_were(self):
		self.in_instalments()
		self.pay(PARTS[0])
		settle.settle("payu", failed(self.start(PARTS[1])))
		self.assertEqual((self.doc().status, self.ends_in()), ("Partly Paid", self.covered(PARTS[0])))
		self.pay(PARTS[1])

	def test_parts_that_arrive_in_another_order_cover_the_same_days(self):
		for order in ((0, 1, 2), (2, 0, 1), (1, 2, 0)):
			with self.subTest(order):
				self.new_invoice(
					price=499,
					billing_interval="Day",
					interval_count=100,
					part_payments=1,
					part_service="Covered Days",
				)
				attempts = [self.start(amount) for amount in ("120", "130", "140")]
				for number in order:
					self.settle(attempts[number])
				self.assertEqual(self.ends_in(), int(100 * Decimal(390) // Decimal("588.82")))
				self.assertEqual(self.doc().needs_review, 0)


class TestCredit(PartsFlowCase):
	def setUp(self):
		super().setUp()
		with payment_settings(double_payment_policy="Credit"):
			self.new_invoice(price=499, billing_interval="Month")
			self.settle(self.start(), "600.00")

	def test_credit_pays_into_the_first_part_and_starts_nothing_by_itself(self):
		self.in_instalments()
		first = self.parts()[0]
		self.assertEqual((first.left(), self.doc().status), (Decimal("4704.10"), "Partly Paid"))
		self.assertEqual((self.served().status, self.doc().covered_days), ("Pending", 0))
		self.pay("4704.10")
		self.assertEqual((self.ends_in(), self.doc().needs_review), (self.covered(PARTS[0]), 0))
		self.assertTrue(self.parts()[0].paid_on)

	def test_the_schedule_can_be_chosen_again_while_only_credit_was_spent(self):
		name = self.in_instalments()
		for chosen in (None, name):
			self.succeed(payment.choose_instalments, invoice_id=self.invoice, instalment_plan=chosen)
		self.assertEqual(sum(row.left() for row in self.parts()), self.doc().outstanding())


class TestFullService(PartsFlowCase):
	def setUp(self):
		super().setUp()
		self.new_invoice(price=499, billing_interval="Month", part_payments=1)

	def test_service_starts_when_everything_is_paid(self):
		self.pay("200")
		self.assertEqual((self.served().status, self.doc().status), ("Pending", "Partly Paid"))
		self.pay(None)
		self.assertEqual((self.served().status, self.doc().status), ("Active", "Paid"))

	def test_a_refunded_part_is_due_again(self):
		self.pay_by_transfer("200")
		create.create_refund(self.invoice, Decimal(50), "A mistake")
		self.assertEqual(self.doc().outstanding(), Decimal("438.82"))

	def test_cancelling_gives_parts_that_bought_nothing_back(self):
		self.pay("200")
		self.succeed(api.cancel_subscription, subscription_id=self.subscription, at_period_end=0)
		self.assertEqual(self.captures()[0].resolution, "Refund")
		self.assertIn(self.doc().status, ("Closed", "Refunded"))
