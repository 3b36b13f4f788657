"""Invoices that are paid in parts: what each part buys, and what happens to money that nobody expected."""

from decimal import Decimal

import frappe

from oropendola_payments.ai_billing.periods import add_interval, today
from oropendola_payments.api import payment
from oropendola_payments.api import subscription as api
from oropendola_payments.engine.entitlements.paid_periods import paid_periods
from oropendola_payments.engine.jobs import subscription_jobs
from oropendola_payments.engine.metering import usage
from oropendola_payments.engine.monitoring import audit, invariants
from oropendola_payments.engine.pauses.resume import resume_if_due
from oropendola_payments.engine.refunds import create
from oropendola_payments.engine.settlement import settle, unfinished
from oropendola_payments.exceptions import Conflict, PaymentRequired, Unprocessable
from oropendola_payments.gateways.base import Outcome
from oropendola_payments.tests.support.crashes import count_crash_points, crashing
from oropendola_payments.tests.support.factories import create_plan, enable_gateway, payment_settings
from oropendola_payments.tests.support.gateway_events import failed, paid
from oropendola_payments.tests.support.parallel import in_parallel
from oropendola_payments.tests.support.parts import PartsTestCase
from oropendola_payments.tests.support.simulated import simulator
from oropendola_payments.tests.support.time_travel import clear_due_records

PARTS = ("4715.28", "2357.64", "2357.64", "2357.64")


class FlowCase(PartsTestCase):
	def setUp(self):
		super().setUp()
		clear_due_records()
		for gateway in ("payu", "razorpay"):
			enable_gateway(gateway, api_base_url=f"{simulator().url}/{gateway}")

	def tearDown(self):
		self.assertEqual(self.violations(), [])
		self.assertIsNone(audit.verify(self.invoice)["broken"])

	def violations(self) -> list[str]:
		captures = frappe.get_all("Payment Capture", {"invoice": self.invoice}, pluck="name")
		own = {self.invoice, self.subscription, *captures}
		times = invariants._times()
		rows = {rule: frappe.db.sql(query, times, pluck=True) for rule, query in invariants.RULES.items()}
		return [f"{rule}: {name}" for rule, names in rows.items() for name in names if name in own]

	def start(self, amount: str | None = None, gateway: str = "payu") -> str:
		answer = self.succeed(
			payment.initiate_payment, invoice_id=self.invoice, gateway=gateway, amount=amount
		)
		return answer["attempt"]

	def settle(self, attempt: str, amount: str | None = None, **values):
		doc = frappe.get_doc("Payment Attempt", attempt)
		return settle.settle(doc.gateway, paid(attempt, amount or doc.amount, doc.currency, **values))

	def pay(self, amount: str | None = None, gateway: str = "payu"):
		return self.settle(self.start(amount, gateway))

	def captures(self) -> list:
		fields = [
			"name",
			"amount",
			"applied_amount",
			"disposition",
			"resolution",
			"surplus",
			"amount_refunded",
		]
		return frappe.get_all("Payment Capture", {"invoice": self.invoice}, fields, order_by="creation")

	def dispositions(self) -> list[tuple]:
		return [(str(Decimal(str(c.applied_amount))), c.disposition) for c in self.captures()]

	def ends_in(self) -> int:
		return self.days_until(self.served().end_date)

	def days(self) -> int:
		return (add_interval(today(), "Year", 1) - today()).days

	def covered(self, paid_amount: str) -> int:
		return int(self.days() * Decimal(paid_amount) // Decimal("11788.20"))


class TestPartsBuyDays(FlowCase):
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


class TestUnexpectedMoney(FlowCase):
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


class TestCredit(FlowCase):
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


class TestFullService(FlowCase):
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


class TestCancelling(FlowCase):
	def setUp(self):
		super().setUp()
		self.in_instalments()
		self.pay(PARTS[0])

	def test_cancelling_keeps_what_was_earned_and_asks_for_no_more(self):
		self.succeed(api.cancel_subscription, subscription_id=self.subscription, at_period_end=0)
		invoice = self.doc()
		self.assertEqual(
			(invoice.status, invoice.outstanding(), invoice.outstanding_amount), ("Closed", 0, 0)
		)
		self.assertEqual(self.captures()[0].resolution or "", "")
		self.refused("conflict", payment.initiate_payment, invoice_id=self.invoice, gateway="payu")

	def test_a_part_that_arrives_after_the_end_falls_under_the_policy(self):
		attempt = self.start(PARTS[1])
		self.succeed(payment.cancel_payment, attempt=attempt)
		self.succeed(api.cancel_subscription, subscription_id=self.subscription, at_period_end=0)
		self.settle(attempt)
		captures = self.captures()
		self.assertEqual([c.resolution or "" for c in captures], ["", "Refund"])
		self.assertEqual(self.doc().status, "Closed")

	def test_a_part_under_way_when_the_subscription_ends_falls_under_the_policy(self):
		attempt = self.start(PARTS[1])
		self.succeed(api.cancel_subscription, subscription_id=self.subscription, at_period_end=0)
		self.settle(attempt)
		self.assertEqual([c.resolution or "" for c in self.captures()], ["", "Refund"])
		self.assertEqual(self.served().status, "Cancelled")


class TestRefunds(FlowCase):
	def setUp(self):
		super().setUp()
		self.in_instalments()
		for part in PARTS[:2]:
			self.pay_by_transfer(part)

	def refund(self, amount: str | None):
		create.create_refund(self.invoice, amount and Decimal(amount), "Asked for")

	def refunds(self) -> list[str]:
		"""What each capture gives back, the older first."""
		return [str(Decimal(str(c.amount_refunded))) for c in self.captures()]

	def test_a_refund_that_no_part_holds_alone_takes_the_youngest_first(self):
		self.refund("5000.00")
		self.assertEqual(self.refunds(), ["2642.36", "2357.64"])

	def test_a_refund_that_the_youngest_part_holds_comes_from_it(self):
		self.refund("2000.00")
		self.assertEqual(self.refunds(), ["0.0", "2000.0"])

	def test_more_than_all_parts_hold_is_refused(self):
		with self.assertRaises(Unprocessable):
			self.refund("7072.93")
		self.assertEqual(self.refunds(), ["0.0", "0.0"])

	def test_a_partial_refund_changes_no_service_and_is_not_due_again(self):
		self.refund("2000.00")
		invoice = self.doc()
		self.assertEqual((invoice.amount_refunded, invoice.outstanding()), (2000, Decimal("4715.28")))
		self.assertEqual(invoice.outstanding_amount, 4715.28)
		self.assertEqual(self.ends_in(), self.covered("7072.92"))
		self.pay(None)
		self.assertEqual((self.doc().status, self.ends_in()), ("Partly Refunded", self.days()))

	def test_a_full_refund_during_a_payment_counts_when_the_payment_ends(self):
		attempt = self.start(PARTS[2])
		self.refund(None)
		self.assertEqual((self.doc().status, self.served().status), ("Processing", "Active"))
		settle.settle("payu", failed(attempt))
		self.assertEqual((self.doc().status, self.served().status), ("Refunded", "Cancelled"))

	def test_a_full_refund_ends_the_service(self):
		self.refund(None)
		self.assertEqual((self.doc().status, self.served().status), ("Refunded", "Cancelled"))
		self.assertEqual(paid_periods(self.subscription), [])


class TestClosing(FlowCase):
	def close(self):
		from oropendola_payments.engine.core.transactions import in_transaction, lock

		in_transaction(
			lambda: unfinished.close(lock("AI Invoice", self.invoice), unfinished.NOT_COMPLETED_REASON)
		)

	def test_a_closed_invoice_cannot_be_paid_and_renewing_makes_a_new_one(self):
		from oropendola_payments.api import subscription_renewal

		self.in_instalments()
		self.pay(PARTS[0])
		self.close()
		self.refused("conflict", payment.initiate_payment, invoice_id=self.invoice, gateway="payu")
		with self.assertRaises(Conflict):
			self.pay_by_transfer(PARTS[1])
		plan = self.doc().plan
		answer = self.succeed(subscription_renewal.renew_subscription, plan_id=plan)
		self.assertNotEqual(answer["invoice_id"], self.invoice)

	def test_money_that_arrives_after_the_end_falls_under_the_policy(self):
		self.in_instalments()
		self.pay(PARTS[0])
		attempt = self.start(PARTS[1])
		self.succeed(payment.cancel_payment, attempt=attempt)
		self.close()
		for policy in ("Credit", "Flag"):
			with payment_settings(double_payment_policy=policy):
				self.settle(attempt)
		self.assertEqual([c.resolution or "" for c in self.captures()], ["", "Credit", "Flag"])
		self.assertEqual((self.doc().status, self.ends_in()), ("Closed", self.covered(PARTS[0])))


class TestRacesAndCrashes(FlowCase):
	def test_twenty_reports_of_two_parts_cover_their_days_once(self):
		self.new_invoice(
			price=499,
			billing_interval="Day",
			interval_count=100,
			part_payments=1,
			part_service="Covered Days",
		)
		events = [paid(self.start(amount), amount) for amount in ("120", "130")]
		results = in_parallel(20, lambda number: settle.settle("payu", events[number % 2]))
		self.assertEqual([r for r in results if isinstance(r, Exception)], [])
		self.assertEqual(len(self.captures()), 2)
		self.assertEqual(self.ends_in(), int(100 * Decimal(250) // Decimal("588.82")))

	def test_twenty_choices_at_once_make_one_schedule(self):
		name = self.in_instalments()
		in_parallel(20, lambda n: self.choose_and_change(name, n))
		self.assertIn(len(self.parts()), (0, 4))
		self.assertEqual(bool(self.parts()), self.doc().instalment_plan == name)

	def choose_and_change(self, name: str, number: int):
		from oropendola_payments.engine.parts.choose import choose

		choose(self.user, self.invoice, name if number % 2 else None)

	def test_a_crash_at_any_statement_of_a_part_loses_and_doubles_nothing(self):
		"""R32: for the settlement of a part."""
		self.in_instalments()
		self.pay(PARTS[0])
		event = paid(self.start(PARTS[1]), PARTS[1])
		points = count_crash_points(lambda: settle.settle("payu", paid(self.start_other(), "1")))
		self.assertGreater(points, 5)
		for point in range(1, 40):
			with crashing(point) as crash:
				settle.settle("payu", event)
			before = self.violations()
			self.assertEqual(before, [], f"after a crash at {point}")
			if not crash.has_crashed:
				break
		settle.settle("payu", event)
		self.assertEqual((self.ends_in(), len(self.captures())), (self.covered("7072.92"), 2))

	def start_other(self) -> str:
		mine = (self.invoice, self.subscription)
		self.new_invoice(price=5, part_payments=1)
		attempt = self.start("2")
		self.invoice, self.subscription = mine
		return attempt
