"""Ending a subscription now: what it costs beforehand, and what happens to the paid days that are left."""

from datetime import timedelta
from decimal import Decimal

import frappe

from oropendola_payments.ai_billing.periods import add_interval, today
from oropendola_payments.api import admin
from oropendola_payments.api import subscription as api
from oropendola_payments.api import subscription_renewal as renewal
from oropendola_payments.engine.metering import leases, usage
from oropendola_payments.engine.refunds import create
from oropendola_payments.engine.self_service import commands
from oropendola_payments.engine.subscriptions import lifecycle
from oropendola_payments.money import from_minor, unused_share
from oropendola_payments.tests.support.customers import CustomerTestCase, move_to, pay, violations
from oropendola_payments.tests.support.factories import as_user, create_plan, create_user, payment_settings
from oropendola_payments.tests.support.journey import Journey
from oropendola_payments.tests.support.parallel import in_parallel
from oropendola_payments.tests.support.plan_changes import shift
from oropendola_payments.tests.support.time_travel import clear_due_records, sweep_until_settled

ALLOWANCE = {"allowance": 10, "meter": "Requests", "time_window": "Period"}
MONEY_RULES = (
	"paid_amount_differs_from_captures",
	"refunds_above_capture",
	"refund_balance_differs",
	"capture_without_a_fate",
	"paid_without_service",
)


def set_period(invoice: str, start: int, end: int):
	"""As if the period had begun `start` days before today, with its end so many days from now."""
	first, last = today() - timedelta(days=start), today() + timedelta(days=end)
	dates = {"fulfilled_on": first, "period_start": first, "period_end": last}
	frappe.db.set_value("AI Invoice", invoice, dates)
	move_to(frappe.db.get_value("AI Invoice", invoice, "subscription"), start_date=first, end_date=last)


class UnusedCase(CustomerTestCase):
	def setUp(self):
		super().setUp()
		self.enterContext(payment_settings(tax_rate=18, tax_label="GST", prices_include_tax=0))

	def paid_by_hand(self, policy: str, **plan) -> str:
		"""The invoice of a plan of 499.00 + 18 % with 15 of 30 days left."""
		invoice = self.subscribe(unused_on_cancel=policy, **plan)["invoice_id"]
		pay(invoice)
		set_period(invoice, 15, 15)
		return invoice

	def end(self) -> dict:
		return self.succeed(api.cancel_subscription, at_period_end=0)

	def assert_books_are_right(self):
		self.assertEqual(violations(self.user, *MONEY_RULES), {})


class TestWhatItCosts(UnusedCase):
	def cost(self) -> dict:
		return self.succeed(api.preview_cancellation)["now"][0]

	def use(self, requests: int):
		usage.consume(self.succeed(api.reveal_api_key)["api_key"], requests)
		frappe.db.commit()

	def test_a_day_on_which_the_key_was_used_is_not_given_back(self):
		self.paid_by_hand("Credit")
		self.use(1)
		cost = self.cost()
		self.assertEqual((cost["days_left"], cost["unused_amount"]), (14, Decimal("274.79")))

	def test_an_allowance_that_was_used_up_is_not_given_back(self):
		"""U34."""
		self.paid_by_hand("Credit", limits=[ALLOWANCE])
		self.use(8)
		cost = self.cost()
		self.assertEqual((cost["days_left"], cost["unused_amount"]), (14, Decimal("117.76")))
		self.assertEqual(self.end()["given_back"][0]["amount"], Decimal("117.76"))

	def test_a_months_allowance_that_was_used_up_is_not_given_back(self):
		"""U34: what is left of the running month is gone, and the days behind it are not."""
		invoice = self.paid_by_hand("Credit", limits=[{**ALLOWANCE, "time_window": "Month"}])
		set_period(invoice, 15, 45)
		self.use(10)
		month_ends = add_interval(today() - timedelta(days=15), "Month", 1)
		days_left, of_month = 44, (month_ends - today()).days - 1
		shares = (
			unused_share(paid, days_left, 60) - unused_share(paid, of_month, 60) for paid in (49900, 8982)
		)
		cost = self.cost()
		self.assertEqual((cost["days_left"], cost["unused_amount"]), (44, from_minor(sum(shares), "INR")))

	def test_a_pause_does_not_bring_an_allowance_back(self):
		"""U34."""
		invoice = self.paid_by_hand("Credit", limits=[ALLOWANCE], allow_pause=1)
		self.use(10)
		self.succeed(api.pause_subscription, days=60)
		name = frappe.db.get_value("AI Invoice", invoice, "subscription")
		shift(name, 40)
		for doctype, filters, fields in (
			("AI Subscription", {"name": name}, ("paused_on", "pause_until")),
			("AI Usage Window", {"subscription": name}, ("ends_at",)),
			("AI API Key", {"subscription": name}, ("last_used_on",)),
		):
			row = frappe.get_all(doctype, filters, ["name", *fields])[0]
			frappe.db.set_value(doctype, row.name, {f: row[f] - timedelta(days=40) for f in fields})
		frappe.db.commit()
		self.assertEqual(self.cost()["unused_amount"], 0)
		self.assertNotIn("given_back", self.end())

	def test_a_lease_uses_its_day(self):
		self.paid_by_hand("Credit")
		leases.grant(self.succeed(api.reveal_api_key)["api_key"], 1, 30, None, None, None)
		frappe.db.commit()
		self.assertEqual(self.cost()["days_left"], 14)

	def test_a_renewal_that_was_paid_ahead_is_given_back_whole_whatever_was_used(self):
		self.paid_by_hand("Credit", limits=[ALLOWANCE])
		pay(self.succeed(renewal.renew_subscription)["invoice_id"])
		self.use(10)
		self.assertEqual(self.cost()["unused_amount"], Decimal("588.82"))

	def test_the_preview_shows_days_value_and_what_is_given_back(self):
		for policy, back in (("Nothing", 0), ("Credit", "294.41"), ("Refund", "294.41")):
			with self.subTest(policy):
				self.user = create_user()
				invoice = self.paid_by_hand(policy)
				cost = self.cost()
				self.assertEqual((cost["days_left"], cost["unused_amount"]), (15, Decimal("294.41")))
				self.assertEqual((cost["given_back"], cost["as"]), (Decimal(back), policy.lower()))
				ends = self.succeed(api.preview_cancellation)["at_period_end"]["ends_on"]
				self.assertEqual(ends, frappe.db.get_value("AI Invoice", invoice, "period_end"))

	def test_the_preview_writes_nothing(self):
		invoice = self.paid_by_hand("Refund")
		before = frappe.get_all("AI Subscription", {"user": self.user}, "*")
		self.cost()
		self.assertEqual(frappe.get_all("AI Subscription", {"user": self.user}, "*"), before)
		self.assertFalse(frappe.db.exists("Payment Refund", {"invoice": invoice}))

	def test_without_paid_days_there_is_nothing_to_lose(self):
		self.subscribe(trial_days=7)
		preview = self.succeed(api.preview_cancellation)
		self.assertEqual(
			(preview["now"], preview["at_period_end"]["ends_on"]), ([], today() + timedelta(days=7))
		)
		self.assertIn("too_expensive", preview["reasons"])


class TestNothing(UnusedCase):
	def test_by_default_nothing_is_given_back(self):
		invoice = self.paid_by_hand("Nothing")
		answer = self.end()
		self.assertEqual((answer["status"], answer["ends_on"]), ("Cancelled", today()))
		self.assertNotIn("given_back", answer)
		self.assertFalse(frappe.db.exists("Payment Refund", {"invoice": invoice}))

	def test_a_scheduled_cancellation_can_still_be_ended_now(self):
		self.paid_by_hand("Nothing")
		self.succeed(api.cancel_subscription, reason="other")
		self.assertEqual(self.end()["status"], "Cancelled")
		self.assertEqual(
			frappe.db.get_value("AI Subscription", {"user": self.user}, "cancel_reason"), "Other"
		)


class TestCredit(UnusedCase):
	def test_the_unused_days_are_credit_for_the_next_invoice(self):
		self.paid_by_hand("Credit")
		answer = self.end()
		self.assertEqual(
			answer["given_back"], [{"as": "credit", "amount": Decimal("294.41"), "currency": "INR"}]
		)
		with payment_settings(tax_rate=0):
			again = lifecycle.subscribe(self.user, create_plan(price=1000).name, None)["invoice_id"]
		self.assertEqual(frappe.db.get_value("AI Invoice", again, "amount_paid"), 294.41)
		self.assert_books_are_right()

	def test_credit_is_given_once_however_often_it_is_ended(self):
		"""S47."""
		invoice = self.paid_by_hand("Credit")
		user = self.user
		name = frappe.db.get_value("AI Invoice", invoice, "subscription")
		answers = in_parallel(6, lambda _n: commands.cancel(user, name, wait_for_period_end=False))
		self.assertEqual(
			sum("given_back" in answer for answer in answers if isinstance(answer, dict)), 1, answers
		)
		capture = frappe.get_doc("Payment Capture", {"invoice": invoice})
		self.assertEqual(capture.credit_left(), Decimal("294.41"))

	def test_earlier_refunds_and_credit_of_the_same_payment_are_kept_apart(self):
		"""S47."""
		invoice = self.paid_by_hand("Credit")
		create.create_refund(invoice, Decimal(400), "Goodwill")
		self.end()
		capture = frappe.get_doc("Payment Capture", {"invoice": invoice})
		self.assertEqual(capture.credit_left(), Decimal("188.82"), "no more than the payment still holds")
		self.assert_books_are_right()

	def test_credit_that_comes_back_is_credit_although_the_rest_was_refunded_meanwhile(self):
		invoice = self.paid_by_hand("Credit")
		self.end()
		with payment_settings(tax_rate=0):
			bought = lifecycle.subscribe(self.user, create_plan(price=200).name, None)["invoice_id"]
		create.create_refund(invoice, None, "All that is left")
		create.create_refund(bought, None, "A test")
		capture = frappe.get_doc("Payment Capture", {"invoice": invoice})
		self.assertEqual((capture.credit_left(), capture.refundable()), (200, 200))
		self.assert_books_are_right()


class TestRefund(UnusedCase):
	def test_the_unused_days_are_refunded_through_the_gateway(self):
		clear_due_records()
		journey = Journey("razorpay", user=self.user, unused_on_cancel="Refund")
		journey.deliver_return(journey.customer_pays(journey.start()))
		sweep_until_settled(journey)
		set_period(journey.invoice, 10, 20)
		given = self.end()["given_back"]
		self.assertEqual(given, [{"as": "refund", "amount": Decimal("392.55"), "currency": "INR"}])
		sweep_until_settled(journey)
		self.assertEqual([(r.amount, r.status) for r in journey.refunds()], [(392.55, "Refunded")])
		self.assertEqual(journey.status(), "Partly Refunded")
		self.assert_books_are_right()

	def test_what_no_gateway_can_send_back_is_flagged_for_a_manager(self):
		invoice = self.paid_by_hand("Refund")
		self.end()
		self.assertIn("₹294.41", frappe.db.get_value("AI Invoice", invoice, "review_reason"))
		self.assert_books_are_right()

	def test_a_period_paid_ahead_goes_back_whole_and_the_younger_payment_first(self):
		first = self.paid_by_hand("Credit")
		second = self.succeed(renewal.renew_subscription)["invoice_id"]
		pay(second)
		days = self.end()["given_back"][0]["amount"]
		self.assertEqual(days, Decimal("294.41") + Decimal("588.82"))
		credit = [
			frappe.get_doc("Payment Capture", {"invoice": name}).credit_left() for name in (first, second)
		]
		self.assertEqual(credit, [Decimal("294.41"), Decimal("588.82")])

	def test_currencies_without_and_with_three_decimals_are_exact(self):
		with payment_settings(tax_rate=0):
			for currency, price, share in (("JPY", 999, 500), ("KWD", "10.001", "5.001")):
				self.user = create_user()
				invoice = self.subscribe(unused_on_cancel="Credit", price=price, currency=currency)[
					"invoice_id"
				]
				pay(invoice)
				set_period(invoice, 15, 15)
				self.assertEqual(self.end()["given_back"][0]["amount"], Decimal(share), currency)


class TestManagers(UnusedCase):
	def test_a_manager_can_cancel_both_ways_and_undo(self):
		invoice = self.paid_by_hand("Nothing")
		name = frappe.db.get_value("AI Invoice", invoice, "subscription")
		with as_user(create_user("Payments Manager")):
			for call, status in (
				(lambda: admin.cancel_subscription(subscription_id=name), "Active"),
				(lambda: admin.undo_cancel(subscription_id=name), "Active"),
				(lambda: admin.cancel_subscription(subscription_id=name, at_period_end=0), "Cancelled"),
			):
				answer = call()
				self.assertEqual((answer["success"], answer["status"]), (True, status), answer)
			answer = admin.cancel_subscription(subscription_id="no-such-subscription")
		self.assertEqual(answer["error_code"], "not_found")
		source = {"event": "subscription_cancelled", "reference_name": name}
		self.assertEqual(frappe.db.get_value("Payment Event", source, "source"), "Desk")
