"""Credit that was kept of a paid invoice pays another one. The money counts once as revenue."""

from datetime import datetime, time, timedelta
from decimal import Decimal

import frappe
from hypothesis import given, settings
from hypothesis import strategies as st

from oropendola_payments.ai_billing import analytics
from oropendola_payments.ai_billing.daily import stored
from oropendola_payments.ai_billing.doctype.payment_capture.payment_capture import PaymentCapture
from oropendola_payments.ai_billing.periods import today
from oropendola_payments.api import subscription as api
from oropendola_payments.engine.day_figures import sum_up
from oropendola_payments.engine.refunds import create
from oropendola_payments.engine.settlement import manual_payment
from oropendola_payments.engine.subscriptions import lifecycle
from oropendola_payments.money import to_decimal
from oropendola_payments.tests.support.customers import CustomerTestCase, move_to, pay
from oropendola_payments.tests.support.day_figures import DayCase
from oropendola_payments.tests.support.factories import (
	create_invoice,
	create_plan,
	create_user,
	payment_settings,
	unique,
)
from oropendola_payments.tests.support.proofs import examples


def revenue() -> Decimal:
	return analytics.net_revenue(today())[0].get(("", "INR"), Decimal(0))


class TestRevenue(CustomerTestCase):
	def setUp(self):
		super().setUp()
		self.enterContext(payment_settings(tax_rate=0))
		self.before = revenue()

	def more(self) -> Decimal:
		return revenue() - self.before

	def ended_half_way(self) -> str:
		"""An invoice of 499.00 whose subscription ended with 15 of 30 days left."""
		invoice = self.subscribe(unused_on_cancel="Credit")["invoice_id"]
		pay(invoice)
		dates = {"period_start": today() - timedelta(days=15), "period_end": today() + timedelta(days=15)}
		frappe.db.set_value("AI Invoice", invoice, {**dates, "fulfilled_on": dates["period_start"]})
		subscription = frappe.db.get_value("AI Invoice", invoice, "subscription")
		move_to(subscription, start_date=dates["period_start"], end_date=dates["period_end"])
		self.succeed(api.cancel_subscription, at_period_end=0)
		return invoice

	def test_unused_days_that_became_credit_count_again_when_they_are_spent(self):
		self.ended_half_way()
		self.assertEqual(self.more(), Decimal("249.50"))
		lifecycle.subscribe(self.user, create_plan(price=200).name, None)
		self.assertEqual(self.more(), Decimal("449.50"))
		next_one = lifecycle.subscribe(self.user, create_plan(price=100).name, None)["invoice_id"]
		pay(next_one)
		self.assertEqual(self.more(), Decimal("549.50"), "499.00 and 50.50 were paid")

	def test_credit_that_is_paid_out_is_not_taken_off_twice(self):
		invoice = self.ended_half_way()
		create.create_refund(invoice, Decimal(100), "The customer wants the money")
		self.assertEqual(self.more(), Decimal("249.50"))
		create.create_refund(invoice, None, "All of it")
		self.assertEqual(self.more(), 0)

	def test_what_was_refunded_before_is_not_taken_off_again(self):
		with payment_settings(double_payment_policy="Credit"):
			invoice = create_invoice(self.user)
			manual_payment.record_payment(invoice.name, Decimal(499), unique("transfer"), None, None)
			create.create_refund(invoice.name, Decimal(99), "Goodwill")
			self.assertEqual(self.more(), 400)
		capture = frappe.get_doc("Payment Capture", {"invoice": invoice.name})
		capture.decide("Credit", surplus=Decimal(299))
		frappe.db.commit()
		self.assertEqual(self.more(), 200)

	def test_an_overpayment_that_is_kept_as_credit_was_no_revenue_and_becomes_it_when_it_is_spent(self):
		invoice = create_invoice(self.user)
		manual_payment.record_payment(invoice.name, Decimal(499), unique("transfer"), None, None)
		capture = frappe.get_doc("Payment Capture", {"invoice": invoice.name})
		capture.write(amount=Decimal(699))
		capture.decide("Credit", surplus=Decimal(200))
		frappe.db.commit()
		self.assertEqual(self.more(), 499)
		lifecycle.subscribe(self.user, create_plan(price=150).name, None)
		self.assertEqual(self.more(), 649)


class TestDaysOfCredit(DayCase):
	@settings(max_examples=examples(40))
	@given(
		steps=st.lists(
			st.sampled_from(
				("keep", "keep_then", "spend", "come_back", "refund", "refund_then", "reject", "sum")
			),
			max_size=8,
		)
	)
	def test_all_that_was_taken_back_counts_once_and_sums_follow_the_records(self, steps):
		"""R43"""
		self.forget()
		self.user = create_user()  # whoever has credit pays with it
		invoice, before = self.paid(), self.taken_back()
		for step in steps:
			getattr(self, step)(invoice, self.capture_of(invoice))
			frappe.db.commit()
			self.check()
			capture, refunds = self.capture_of(invoice), {"invoice": invoice, "status": "Refunded"}
			refunded = sum(frappe.get_all("Payment Refund", refunds, pluck="amount"))
			self.assertEqual(self.taken_back() - before, capture.taken_back(to_decimal(refunded)), steps)

	def taken_back(self) -> Decimal:
		found = stored.figures(self.day)
		return sum((own.refunded_of_applied + own.credited for own in found), Decimal(0))

	def keep(self, _invoice: str, capture: PaymentCapture):
		free = capture.refundable() - capture.credit_left()
		gone = to_decimal(capture.amount) - capture.refundable()
		capture.decide("Credit", surplus=gone + capture.credit_left() + min(Decimal(150), free))

	def keep_then(self, invoice: str, capture: PaymentCapture):
		self.keep(invoice, capture)
		self.set_back("Payment Capture", {"name": capture.name}, "credited_on", 13)

	def spend(self, _invoice: str, capture: PaymentCapture):
		used = min(Decimal(40), capture.credit_left())
		capture.write(credit_used=to_decimal(capture.credit_used or 0) + used)

	def come_back(self, _invoice: str, capture: PaymentCapture):
		used = min(Decimal(40), to_decimal(capture.credit_used or 0))
		capture.write(credit_used=to_decimal(capture.credit_used or 0) - used)

	def refund(self, invoice: str, capture: PaymentCapture):
		if capture.refundable() > 70:
			create.create_refund(invoice, Decimal(70), "Asked for")

	def refund_then(self, invoice: str, capture: PaymentCapture):
		self.refund(invoice, capture)
		self.set_back("Payment Refund", {"invoice": invoice, "status": "Refunded"}, "completed_at", 36)

	def reject(self, invoice: str, capture: PaymentCapture):
		done = {"invoice": invoice, "status": "Refunded"}
		for name in frappe.get_all("Payment Refund", done, pluck="name", limit=1):
			frappe.get_doc("Payment Refund", name).mark_as_failed()
			capture.write(amount_refunded=to_decimal(capture.amount_refunded or 0) - 70)

	def sum(self, *_records):
		sum_up.sum_up_days()

	def set_back(self, doctype: str, filters: dict, field: str, hour: int):
		"""As if it had happened so many hours after that day began. It is counted again, because nothing of the app says so."""
		moment = datetime.combine(self.day, time()) + timedelta(hours=hour)
		frappe.db.set_value(doctype, filters, field, moment)
		sum_up.recount_all()
