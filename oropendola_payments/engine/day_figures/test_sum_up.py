"""The figures of a day are those of its records at any time: summed up, changed since, during a crash, with two jobs at once."""

from collections.abc import Callable
from datetime import datetime, time, timedelta
from decimal import Decimal
from unittest.mock import patch

import frappe
from frappe.utils import now_datetime
from hypothesis import given, settings
from hypothesis import strategies as st

from oropendola_payments.ai_billing import analytics
from oropendola_payments.ai_billing.daily import stored
from oropendola_payments.ai_billing.daily.types import CHANGED, TABLE, Group
from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import PaymentAttempt
from oropendola_payments.ai_billing.periods import today
from oropendola_payments.engine.core.transactions import in_transaction, lock
from oropendola_payments.engine.day_figures import sum_up
from oropendola_payments.engine.monitoring import invariants
from oropendola_payments.engine.refunds import create
from oropendola_payments.engine.settlement import manual_payment
from oropendola_payments.exceptions import NotAllowed
from oropendola_payments.tests.flows.test_statement_budgets import counted_statements
from oropendola_payments.tests.support.crashes import count_crash_points, crashing
from oropendola_payments.tests.support.day_figures import DAYS_AGO, DayCase, by_group
from oropendola_payments.tests.support.factories import create_invoice, unique
from oropendola_payments.tests.support.parallel import in_parallel
from oropendola_payments.tests.support.proofs import crash_points, examples

RECORDS = ("tabPayment Attempt", "tabPayment Capture", "tabPayment Refund", "tabAI Invoice`")


class TestSums(DayCase):
	def test_a_day_that_is_summed_up_has_the_figures_of_its_records(self):
		self.paid()
		self.paid(currency="USD")
		self.attempt().mark_as_failed(error_message=unique("Declined"))
		sum_up.sum_up_days()
		self.check()
		self.assertEqual(self.violated(), [])

	def test_no_record_of_a_day_that_is_summed_up_is_read(self):
		self.paid()
		sum_up.sum_up_days()
		with counted_statements() as seen:
			found = self.group()
		self.assertGreaterEqual(found.applied, 499)
		self.assertEqual([text for text in seen if any(table in text for table in RECORDS)], [])

	def test_a_day_without_payments_is_summed_up_too(self):
		sum_up.sum_up_days()
		with counted_statements() as seen:
			stored.figures(self.day, today() - timedelta(days=1))
		self.assertEqual(len(seen), 1, seen)

	def test_a_second_run_does_nothing(self):
		self.paid()
		self.assertEqual(sum_up.sum_up_days(), DAYS_AGO)
		self.assertEqual(sum_up.sum_up_days(), 0)

	def test_a_day_ends_with_its_last_microsecond(self):
		"""R43"""
		sum_up.sum_up_days()
		midnight = datetime.combine(self.day, time())
		edges = {
			self.day - timedelta(days=1): -1,
			self.day: 0,
			self.day + timedelta(days=1): 24 * 60 * 60 * 10**6,
		}
		group = ("payu", "INR", "Simulator")

		def counts() -> list[int]:
			found = by_group(stored.figures(min(edges), max(edges)))
			return [
				found[key].attempts["Created"] if (key := Group(day, *group)) in found else 0 for day in edges
			]

		before = counts()
		for microseconds in (*edges.values(), 24 * 60 * 60 * 10**6 - 1):
			self.attempt(midnight + timedelta(microseconds=microseconds))

		def check(of_the_day: int):
			self.assertEqual(
				[after - was for after, was in zip(counts(), before, strict=True)], [1, of_the_day, 1]
			)

		check(2)
		sum_up.sum_up_days()
		check(2)
		self.attempt(midnight)
		check(3)
		sum_up.sum_up_days()  # of this day only
		check(3)

	def test_a_day_is_not_summed_up_in_the_hour_after_its_end(self):
		"""A transaction that began before midnight may commit a little later, and leaves no mark."""
		yesterday = today() - timedelta(days=1)
		for hour, is_summed_up in ((0, False), (1, True)):
			with patch.object(
				sum_up, "now_datetime", lambda hour=hour: datetime.combine(today(), time(hour, 30))
			):
				sum_up.sum_up_days()
			self.assertEqual(bool(frappe.db.exists(TABLE, f"day-{yesterday}")), is_summed_up)

	def test_nobody_edits_a_sum(self):
		sum_up.sum_up_days()
		row = frappe.get_doc(TABLE, f"day-{self.day}")
		for work in (row.save, row.delete):
			with self.assertRaises(NotAllowed):
				work()


class TestChanges(DayCase):
	def test_what_happens_today_leaves_no_mark(self):
		invoice = create_invoice(self.user)
		manual_payment.record_payment(invoice.name, invoice.total(), unique("transfer"), None, None)
		self.assertEqual(self.marks(), [])

	def test_a_late_payment_counts_at_once_and_after_the_next_run(self):
		attempt = self.attempt()
		attempt.mark_as_failed(error_message="Declined")
		sum_up.sum_up_days()
		paid = self.group(mode="Simulator", gateway="payu").attempts["Paid"]
		attempt.mark_as_paid()
		for _time in range(2):
			self.assertEqual(self.group(mode="Simulator", gateway="payu").attempts["Paid"] - paid, 1)
			self.check()
			sum_up.sum_up_days()
		self.assertEqual(self.marks(), [])

	def test_many_that_expire_together_count_at_once(self):
		attempts = [self.attempt() for _number in range(2)]
		sum_up.sum_up_days()
		PaymentAttempt.expire_many(attempts, "Left", {attempt.name: None for attempt in attempts})
		self.check()
		self.assertGreaterEqual(self.group(mode="Simulator", gateway="payu").attempts["Expired"], 2)

	def test_a_late_refund_counts_on_its_own_day(self):
		invoice = self.paid()
		sum_up.sum_up_days()
		applied, before = self.group().applied, analytics.net_revenue(self.day)[0]["", "INR"]
		create.create_refund(invoice, Decimal(100), "Asked for")
		self.assertEqual(self.group().applied, applied)
		self.assertEqual(before - analytics.net_revenue(self.day)[0]["", "INR"], 100)
		self.check()

	def test_a_refund_that_a_bank_rejects_later_counts_no_more(self):
		invoice = self.paid()
		create.create_refund(invoice, Decimal(100), "Asked for")
		create.create_refund(invoice, Decimal(30), "Asked for")
		self.age(invoice)
		sum_up.sum_up_days()
		refunded = self.group().refunded_of_applied
		first = frappe.get_doc("Payment Refund", {"invoice": invoice, "amount": 100})
		first.mark_as_failed()
		for _time in range(2):
			self.assertEqual(refunded - self.group().refunded_of_applied, 100)
			self.check()
			sum_up.sum_up_days()

	def test_credit_that_comes_back_changes_what_an_earlier_refund_took_of_the_revenue(self):
		invoice = self.paid()
		capture = self.capture_of(invoice)
		# Paid twice as much as it cost. The surplus was spent as credit, so a refund came out of the invoice.
		values = {"amount": 998, "applied_amount": 499, "surplus": 499, "credit_used": 499}
		frappe.db.set_value("Payment Capture", capture.name, values)
		create.create_refund(invoice, Decimal(100), "Asked for")
		self.age(invoice)
		sum_up.sum_up_days()
		before = self.group().refunded_of_applied
		self.capture_of(invoice).write(credit_used=0)
		frappe.db.commit()
		self.assertEqual(before - self.group().refunded_of_applied, 100)
		self.check()
		sum_up.sum_up_days()
		self.check()

	def test_a_correction_of_what_was_applied_counts_at_once(self):
		capture = self.capture_of(self.paid())
		sum_up.sum_up_days()
		capture.write(applied_amount=100)
		frappe.db.commit()
		self.check()
		capture.write(applied_amount=499)  # no invariant of another test finds it
		frappe.db.commit()

	def test_a_change_that_is_rolled_back_leaves_no_mark(self):
		attempt = self.attempt()
		sum_up.sum_up_days()
		attempt.mark_as_failed()
		frappe.db.rollback()
		self.assertEqual(self.marks(), [])

	@settings(max_examples=examples(40))
	@given(
		steps=st.lists(
			st.tuples(
				st.integers(0, 1), st.sampled_from(("failed", "expired", "paid", "refund", "reject", "sum"))
			),
			max_size=8,
		)
	)
	def test_the_figures_are_those_of_the_records_after_any_changes(self, steps):
		"""R43"""
		invoices = [self.paid() for _number in range(2)]
		attempts = [self.attempt() for _number in range(2)]
		for number, step in steps:
			DO[step](invoices[number], frappe.get_doc("Payment Attempt", attempts[number].name))
			frappe.db.commit()
			self.check()
		sum_up.sum_up_days()
		self.check()
		self.assertEqual(self.violated(), [])


def _refund(invoice: str, _attempt: PaymentAttempt):
	if frappe.db.count("Payment Refund", {"invoice": invoice}) < 3:
		create.create_refund(invoice, Decimal(10), "Asked for")
		moment = now_datetime() - timedelta(days=DAYS_AGO)
		frappe.db.set_value(
			"Payment Refund", {"invoice": invoice, "status": "Refunded"}, "completed_at", moment
		)
		sum_up.recount_all()  # the time was changed behind the app's back


def _reject(invoice: str, _attempt: PaymentAttempt):
	for name in frappe.get_all(
		"Payment Refund", {"invoice": invoice, "status": "Refunded"}, pluck="name", limit=1
	):
		frappe.get_doc("Payment Refund", name).mark_as_failed()


def _move(status: str) -> Callable:
	def move(_invoice: str, attempt: PaymentAttempt):
		if attempt.can_move_to(status):
			attempt._move_to(status, error_message="" if status == "Paid" else "Declined")

	return move


DO = {
	"failed": _move("Failed"),
	"expired": _move("Expired"),
	"paid": _move("Paid"),
	"refund": _refund,
	"reject": _reject,
	"sum": lambda *_records: sum_up.sum_up_days(),
}


class TestAccidents(DayCase):
	def test_a_crash_after_any_statement_counts_nothing_twice(self):
		"""R43"""
		noon = datetime.combine(self.day, time(12))
		self.paid()
		points = count_crash_points(sum_up.sum_up_days)
		self.assertGreater(points, 10)
		for point in crash_points(points, 3):
			for number in range(2):
				self.attempt(noon + timedelta(days=number))
			frappe.db.commit()
			with crashing(at=point):
				sum_up.sum_up_days()
			self.check()
		sum_up.sum_up_days()
		self.check()

	def test_two_jobs_at_once_sum_up_once(self):
		"""R43"""
		self.paid()
		results = in_parallel(3, lambda _number: sum_up.sum_up_days())
		self.assertEqual([result for result in results if isinstance(result, Exception)], [])
		self.check()
		self.assertEqual(self.violated(), [])

	def test_payments_that_change_while_jobs_run_are_counted(self):
		"""R43"""
		attempts = [self.attempt() for _number in range(4)]

		def work(number: int):
			if number < 2:
				return sum_up.recount_all()
			for attempt in attempts[number % 2 :: 2]:
				in_transaction(lambda name=attempt.name: lock("Payment Attempt", name).mark_as_failed())
			return None

		results = in_parallel(4, work)
		self.assertEqual([result for result in results if isinstance(result, Exception)], [])
		self.check()
		sum_up.sum_up_days()
		self.check()
		self.assertEqual(self.violated(), [])

	def test_a_change_behind_the_apps_back_violates_the_invariant_until_the_days_are_counted_again(self):
		"""R43"""
		attempt = self.attempt()
		sum_up.sum_up_days()
		frappe.db.set_value("Payment Attempt", attempt.name, "status", "Paid")
		self.addCleanup(frappe.db.set_value, "Payment Attempt", attempt.name, "status", "Created")
		self.assertEqual(self.violated(), [f"day-{self.day}"])
		sum_up.recount_all()
		self.assertEqual(self.violated(), [])

	def test_a_mark_that_waits_for_a_day_violates_the_invariant(self):
		self.attempt()
		self.assertEqual(invariants.check(("changed_day_not_summed_up",)), {})
		frappe.db.set_value(TABLE, {"kind": CHANGED}, "creation", now_datetime() - timedelta(hours=25))
		self.assertEqual([*invariants.check(("changed_day_not_summed_up",))], ["changed_day_not_summed_up"])
