"""A coupon with a discount that cannot be meant is refused, and what was redeemed keeps its terms."""

from decimal import Decimal

import frappe

from oropendola_payments.exceptions import Conflict
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import (
	create_coupon,
	create_invoice,
	create_plan,
	create_user,
	unique,
)

AMOUNT = {"discount_type": "Amount", "basis_points": 0}


def amounts(**by_currency) -> dict:
	rows = [{"currency": currency, "amount": amount} for currency, amount in by_currency.items()]
	return {**AMOUNT, "amounts": rows}


class TestDiscounts(TestCase):
	def refused(self, text: str, **values):
		with self.assertRaisesRegex(frappe.ValidationError, text):
			create_coupon(**values)

	def test_a_percentage_outside_0_to_100_is_refused(self):
		for points in (0, -1, 10_001, 1_000_000):
			self.refused("between 1", basis_points=points)
		for points in (1, 10_000):
			self.assertEqual(create_coupon(basis_points=points).basis_points, points)

	def test_an_amount_of_nothing_below_nothing_or_with_too_many_decimals_is_refused(self):
		self.refused("at least one currency", **AMOUNT)
		for amount in (0, -5):
			with self.assertRaises(frappe.ValidationError):
				create_coupon(**amounts(INR=amount))
		self.refused("too many decimal places", **amounts(JPY=1.5))
		rows = [{"currency": "INR", "amount": amount} for amount in (1, 2)]
		self.refused("two amounts", **{**AMOUNT, "amounts": rows})

	def test_a_discount_is_never_more_than_the_price(self):
		coupon = create_coupon(**amounts(INR=500, KWD="1.250"))
		self.assertEqual(coupon.discount_on(Decimal(499), "INR"), 499)
		self.assertEqual(coupon.discount_on(Decimal("9.990"), "KWD"), Decimal("1.250"))
		self.assertEqual(coupon.discount_on(Decimal(10), "USD"), 0)

	def test_a_percentage_is_rounded_half_up_to_the_decimals_of_the_currency(self):
		cases = (
			("499", "INR", 3333, "166.32"),
			("1001", "JPY", 5000, "501"),
			("10.001", "KWD", 5000, "5.001"),
		)
		for price, currency, points, discount in cases:
			coupon = create_coupon(basis_points=points)
			self.assertEqual(coupon.discount_on(Decimal(price), currency), Decimal(discount))

	def test_the_field_of_the_other_type_is_emptied(self):
		self.assertEqual(create_coupon(amounts=[{"currency": "INR", "amount": 5}]).amounts, [])
		self.assertEqual(create_coupon(**{**amounts(INR=5), "basis_points": 10_000}).basis_points, 0)

	def test_periods_need_a_number_and_dates_an_order(self):
		self.refused("how many periods", duration="Periods")
		self.assertEqual(create_coupon(duration="Periods", periods=3).period_count(), 3)
		self.assertEqual(create_coupon(duration="Forever", periods=3).period_count(), -1)
		self.refused("before Valid From", valid_from="2026-02-01", valid_to="2026-01-31")

	def test_negative_limits_are_refused(self):
		for field in ("max_redemptions", "max_per_customer"):
			with self.assertRaises(frappe.ValidationError):
				create_coupon(**{field: -1})


class TestCodes(TestCase):
	def test_a_code_is_stored_in_uppercase_and_exists_once_in_any_case(self):
		code = unique("summer")
		self.assertEqual(create_coupon(code=f" {code} ").name, code.upper())
		with self.assertRaises(frappe.DuplicateEntryError):
			create_coupon(code=code.title())

	def test_a_code_with_other_characters_is_refused(self):
		for code in (
			"AB",
			"A" * 33,
			"TWO WORDS",
			"СНЕАР",
			"ｆｕｌｌ",
			"ırmak",
			"straße",
			"-DASH",
			"A/B",
			"%",
		):
			with self.subTest(code), self.assertRaisesRegex(frappe.ValidationError, "3 to 32 characters"):
				create_coupon(code=code)


class TestPromises(TestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.coupon = create_coupon(**amounts(INR=50))
		create_invoice(create_user(), create_plan(), coupon=cls.coupon.name)

	def change(self, **values):
		self.coupon.reload().update(values)
		self.coupon.save(ignore_permissions=True)

	def test_the_terms_of_a_redeemed_coupon_cannot_change(self):
		for values in (
			{"duration": "Forever"},
			{"discount_type": "Percent", "basis_points": 1},
			amounts(INR=49),
			amounts(USD=5),
		):
			with self.subTest(values), self.assertRaisesRegex(Conflict, "was redeemed"):
				self.change(**values)

	def test_limits_dates_and_further_currencies_can_still_change(self):
		self.change(is_active=0, max_redemptions=5, valid_to="2030-01-01", **amounts(INR=50, USD=1))
		self.assertEqual(self.coupon.reload().max_redemptions, 5)

	def test_a_redeemed_coupon_cannot_be_deleted_and_another_one_can(self):
		with self.assertRaisesRegex(Conflict, "cannot be deleted"):
			frappe.delete_doc("AI Coupon", self.coupon.name, ignore_permissions=True)
		frappe.delete_doc("AI Coupon", create_coupon().name, ignore_permissions=True)

	def test_the_last_redemption_is_taken_once_and_never_from_an_inactive_coupon(self):
		coupon = create_coupon(max_redemptions=1)
		self.assertEqual([coupon.take_redemption() for _time in range(3)], [True, False, False])
		self.assertFalse(create_coupon(is_active=0).take_redemption())
		frappe.db.rollback()

	def test_the_count_cannot_be_typed(self):
		self.change(redemptions=0)
		self.assertEqual(self.coupon.reload().redemptions, 1)
		self.assertEqual(create_coupon(redemptions=7).redemptions, 0)
