"""The schedule of an invoice: how it is chosen, and what may no longer change it."""

from datetime import timedelta
from decimal import Decimal

import frappe

from oropendola_payments.ai_billing import invoice_price
from oropendola_payments.ai_billing.periods import add_interval, today
from oropendola_payments.api import payment, subscription_renewal
from oropendola_payments.engine.checkout import initiate
from oropendola_payments.exceptions import NotAllowed
from oropendola_payments.tests.support.factories import create_user, enable_gateway
from oropendola_payments.tests.support.parts import PartsTestCase, create_instalment_plan
from oropendola_payments.tests.support.simulated import simulator

YEAR = [Decimal("4715.28"), *[Decimal("2357.64")] * 3]


class TestChoosing(PartsTestCase):
	def test_a_year_with_a_down_payment_and_three_parts(self):
		self.in_instalments()
		rows = self.parts()
		self.assertEqual(self.amounts(), YEAR)
		self.assertEqual([str(row.tax_share) for row in rows], ["719.28", "359.64", "359.64", "359.64"])
		self.assertEqual(sum(self.amounts()), self.doc().total())

	def test_the_offers_say_what_each_part_would_be(self):
		first, second = create_instalment_plan(), create_instalment_plan(down_percent=0, parts=2)
		self.new_invoice(first, second)
		answer = self.succeed(payment.get_parts, invoice_id=self.invoice)
		offers = {offer["instalment_plan"]: offer["parts"] for offer in answer["instalment_plans"]}
		self.assertEqual([part["amount"] for part in offers[first]], YEAR)
		self.assertEqual([part["amount"] for part in offers[second]], [Decimal("5894.10")] * 2)

	def test_days_and_due_dates_follow_what_each_part_buys(self):
		self.in_instalments()
		days = (add_interval(today(), "Year", 1) - today()).days
		bought = [row.covers_days for row in self.parts()]
		self.assertEqual(sum(bought), days)
		due = [self.days_until(row.due_on) for row in self.parts()]
		self.assertEqual(due[0], 7)
		self.assertEqual(due[1:], [sum(bought[:n]) - 3 for n in (1, 2, 3)])

	def test_an_agreed_date_counts_where_it_is_earlier(self):
		self.in_instalments(every=1, unit="Month")
		agreed = [add_interval(today(), "Month", n) for n in (1, 2, 3)]
		self.assertEqual([row.due_on for row in self.parts()][1:], agreed)

	def test_without_covered_days_only_the_agreed_dates_count(self):
		self.in_instalments(service="Full", every=10, unit="Day")
		rows = self.parts()
		self.assertEqual([self.days_until(row.due_on) for row in rows], [7, 10, 20, 30])
		self.assertEqual([row.covers_days for row in rows], [0, 0, 0, 0])
		self.assertEqual(self.doc().part_service, "Full")

	def test_another_choice_replaces_the_schedule(self):
		first, second = create_instalment_plan(), create_instalment_plan(down_percent=0, parts=2)
		self.new_invoice(first, second)
		for name, parts in ((first, 4), (second, 2), (second, 2), (None, 0)):
			self.succeed(payment.choose_instalments, invoice_id=self.invoice, instalment_plan=name)
			self.assertEqual((self.doc().instalment_plan, len(self.parts())), (name, parts))

	def test_the_choice_is_in_the_audit_trail(self):
		self.in_instalments()
		events = frappe.get_all("Payment Event", {"invoice": self.invoice}, pluck="event")
		self.assertIn("instalments_chosen", events)


class TestRefusedChoices(PartsTestCase):
	def choose(self, code: str, name: str | None) -> str:
		before = self.amounts()
		text = self.refused(code, payment.choose_instalments, invoice_id=self.invoice, instalment_plan=name)
		self.assertEqual(self.amounts(), before)
		return text

	def test_a_plan_that_is_not_offered_is_refused(self):
		"""S43."""
		foreign, unused = create_instalment_plan(), create_instalment_plan(is_active=0)
		self.new_invoice(unused)
		for name in (foreign, unused, "no-such-plan"):
			self.assertIn("cannot be paid with the instalment plan", self.choose("unprocessable", name))

	def test_a_plan_whose_parts_no_gateway_accepts_is_not_offered(self):
		for row in frappe.get_all("Payment Gateway Settings", ["name", "gateway"]):
			frappe.db.set_value(
				"Payment Gateway Settings", row.name, "enabled", int(row.gateway == "razorpay")
			)
		frappe.db.commit()
		name = create_instalment_plan(down_percent=0, parts=36)
		self.new_invoice(name, price=20, billing_interval="Month")
		self.assertEqual(self.succeed(payment.get_parts, invoice_id=self.invoice)["instalment_plans"], [])
		self.choose("unprocessable", name)

	def test_after_a_part_was_paid_the_schedule_stays(self):
		"""S43."""
		name, other = create_instalment_plan(), create_instalment_plan(parts=2)
		self.new_invoice(name, other)
		self.succeed(payment.choose_instalments, invoice_id=self.invoice, instalment_plan=name)
		self.pay_by_transfer("4715.28")
		self.assertIn("paid already", self.choose("conflict", other))
		self.choose("conflict", None)
		self.succeed(payment.choose_instalments, invoice_id=self.invoice, instalment_plan=name)

	def test_a_paid_invoice_has_nothing_to_choose(self):
		name = create_instalment_plan()
		self.new_invoice(name)
		self.pay_by_transfer("11788.20")
		self.choose("conflict", name)

	def test_the_invoice_of_somebody_else_is_not_found(self):
		self.in_instalments()
		self.user = create_user()
		self.choose("not_found", None)
		self.refused("not_found", payment.get_parts, invoice_id=self.invoice)

	def test_the_desk_cannot_edit_the_parts(self):
		self.in_instalments()
		invoice = self.doc()
		invoice.parts[1].amount = 1
		self.assertRaises(NotAllowed, invoice.save, ignore_permissions=True)
		invoice = self.doc()
		invoice.parts.pop()
		self.assertRaises(NotAllowed, invoice.save, ignore_permissions=True)

	def test_what_parts_buy_is_fixed_once_one_is_paid(self):
		self.in_instalments()
		self.pay_by_transfer("4715.28")
		invoice = self.doc()
		invoice.part_service = "Full"
		with self.assertRaisesRegex(frappe.ValidationError, "paid already"):
			invoice.save(ignore_permissions=True)
		frappe.db.rollback()

	def test_a_note_on_the_invoice_can_still_be_edited(self):
		self.in_instalments()
		self.pay_by_transfer("4715.28")
		invoice = self.doc()
		invoice.description = "Pro"
		invoice.save(ignore_permissions=True)
		frappe.db.commit()
		self.assertEqual((self.doc().description, self.amounts()), ("Pro", YEAR))


class TestChangedTemplate(PartsTestCase):
	def test_a_changed_template_changes_no_running_invoice(self):
		name = self.in_instalments()
		self.pay_by_transfer("4715.28")
		due = [row.due_on for row in self.parts()]
		plan = frappe.get_doc("AI Instalment Plan", name)
		plan.update(
			{
				"parts": 9,
				"down_percent": 10,
				"service": "Full",
				"tolerance_days": 99,
				"every": 2,
				"is_active": 0,
			}
		)
		plan.save(ignore_permissions=True)
		frappe.db.commit()
		self.pay_by_transfer("2357.64")
		self.assertEqual(self.amounts(), YEAR)
		self.assertEqual([row.due_on for row in self.parts()], due)
		self.assertEqual((self.doc().part_service, self.doc().tolerance_days), ("Covered Days", 3))

	def test_an_unpaid_invoice_is_replaced_when_the_price_changes(self):
		self.in_instalments()
		plan = frappe.get_doc("AI Plan", self.doc().plan)
		plan.price = 5000
		plan.save(ignore_permissions=True)
		frappe.db.commit()
		answer = self.succeed(subscription_renewal.renew_subscription, plan_id=plan.name)
		self.assertNotEqual(answer["invoice_id"], self.invoice)

	def test_an_invoice_with_a_paid_part_is_not_replaced(self):
		self.in_instalments()
		self.pay_by_transfer("4715.28")
		frappe.db.set_value("AI Plan", self.doc().plan, "price", 5000)
		frappe.db.commit()
		answer = self.succeed(subscription_renewal.renew_subscription, plan_id=self.doc().plan)
		self.assertEqual(answer["invoice_id"], self.invoice)


class TestChangedPrice(PartsTestCase):
	def test_another_price_removes_the_schedule_because_its_parts_no_longer_add_up(self):
		name = self.in_instalments()
		invoice_price.change(self.doc(), net_amount=5000)
		frappe.db.commit()
		self.assertEqual(
			(self.parts(), self.doc().instalment_plan, self.doc().part_service), ([], None, "Full")
		)
		self.succeed(payment.choose_instalments, invoice_id=self.invoice, instalment_plan=name)
		self.assertEqual(sum(self.amounts()), self.doc().total())

	def test_the_same_price_keeps_the_schedule(self):
		name, invoice = self.in_instalments(), self.doc()
		invoice_price.change(invoice, net_amount=invoice.net_amount, tax_amount=invoice.tax_amount)
		frappe.db.commit()
		self.assertEqual((len(self.parts()), self.doc().instalment_plan), (4, name))


class TestAmountsOfASchedule(PartsTestCase):
	def setUp(self):
		super().setUp()
		enable_gateway("payu", api_base_url=f"{simulator().url}/payu")
		self.in_instalments()

	def may_pay(self, amount: str) -> bool:
		answer = self.call(payment.initiate_payment, invoice_id=self.invoice, gateway="payu", amount=amount)
		if answer["success"]:
			self.succeed(payment.cancel_payment, attempt=answer["attempt"])
		return answer["success"]

	def test_the_next_part_several_parts_or_all_can_be_paid(self):
		allowed = ("4715.28", "7072.92", "9430.56", "11788.20")
		self.assertTrue(all(self.may_pay(amount) for amount in allowed))
		self.assertFalse(
			any(self.may_pay(amount) for amount in ("4715.27", "4715.29", "2357.64", "11788.19"))
		)

	def test_the_refusal_names_the_amounts(self):
		text = self.refused(
			"part_refused", payment.initiate_payment, invoice_id=self.invoice, gateway="payu", amount="100"
		)
		self.assertIn("₹4,715.28, ₹7,072.92, ₹9,430.56, ₹11,788.20", text)

	def test_the_rest_of_a_part_can_be_paid(self):
		self.pay_by_transfer("6715.28")
		self.assertTrue(self.may_pay("357.64"))
		self.assertTrue(self.may_pay("2715.28"))
		self.assertFalse(self.may_pay("2357.64"))

	def test_without_an_amount_everything_is_paid(self):
		attempt = initiate.initiate(self.user, self.invoice, "payu")["attempt"]
		self.assertEqual(str(frappe.db.get_value("Payment Attempt", attempt, "amount")), "11788.2")


class TestInstalmentPlans(PartsTestCase):
	def refused_plan(self, **values):
		with self.assertRaises(frappe.ValidationError):
			create_instalment_plan(**values)
		frappe.db.rollback()

	def test_impossible_templates_are_refused(self):
		for values in (
			{"down_percent": 96},
			{"down_percent": -1},
			{"parts": 0},
			{"parts": 37},
			{"down_percent": 0, "parts": 1},
			{"service": "Full", "every": 0},
		):
			with self.subTest(values):
				self.refused_plan(**values)

	def test_a_part_is_never_due_before_today(self):
		self.in_instalments(down_percent=0, parts=36)
		frappe.db.set_value("AI Invoice", self.invoice, "due_date", today() + timedelta(days=7))
		self.assertTrue(all(row.due_on >= today() for row in self.parts()))
