"""A plan is valid only if it cannot give away anything by accident."""

from decimal import Decimal

import frappe

from oropendola_payments.engine.ending import now as ending
from oropendola_payments.engine.subscriptions import lifecycle
from oropendola_payments.exceptions import BadRequest, Conflict, Unprocessable
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import create_plan, create_user


class TestAIPlan(TestCase):
	def refused(self, text: str, **values):
		with self.assertRaisesRegex(frappe.ValidationError, text):
			create_plan(**values)
		frappe.db.rollback()

	def test_a_free_plan_needs_the_price_0_and_is_free(self):
		self.refused("tick Is Free", price=0)
		self.refused("free plan must have a price of 0", price=499, is_free=1)
		self.assertTrue(create_plan(price=0, is_free=1).is_really_free())

	def test_a_plan_gets_no_price_while_customers_have_it_for_free(self):
		plan = create_plan(price=0, is_free=1)
		mine = lifecycle.subscribe(create_user(), plan.name, None)["subscription_id"]
		plan.update({"is_free": 0, "price": 499})
		with self.assertRaisesRegex(Conflict, "keep it without paying: 1"):
			plan.save(ignore_permissions=True)
		frappe.db.rollback()
		ending.end(mine)
		plan.reload()
		plan.update({"is_free": 0, "price": 499})
		plan.save(ignore_permissions=True)

	def test_a_plan_that_was_made_free_in_the_database_only_half_is_not_free(self):
		plan = create_plan()
		for values in ({"is_free": 1, "price": 499}, {"is_free": 0, "price": 0}):
			plan.update(values)
			self.assertFalse(plan.is_really_free(), values)

	def test_negative_numbers_are_refused(self):
		self.refused("cannot be negative", price=-1)
		self.refused("cannot be negative", trial_days=-1)
		self.refused("cannot be negative", requests_limit_per_day=-1)
		self.refused("at least 1", interval_count=0)

	def test_a_plan_id_is_a_slug(self):
		for plan_id in ("Pro Plan", "pro_", "-pro", "pro--x", "PRO", "a/b"):
			self.refused("lowercase letters", plan_id=plan_id)

	def test_a_price_with_more_decimals_than_its_currency_is_refused(self):
		"""R17."""
		self.refused("₹1.005 has too many decimal places", price="1.005")
		self.refused("¥1.5 has too many decimal places", price="1.5", currency="JPY")
		self.refused("too many decimal places", prices=[{"currency": "JPY", "price": "1.5"}])
		self.assertEqual(create_plan(price="1.005", currency="KWD").price_in(None)[0], Decimal("1.005"))

	def test_two_prices_in_one_currency_are_refused(self):
		self.refused("two prices in INR", prices=[{"currency": "INR", "price": 5}])
		self.refused(
			"two prices in USD", prices=[{"currency": "USD", "price": 5}, {"currency": "USD", "price": 6}]
		)
		self.refused("greater than 0 in USD", prices=[{"currency": "USD", "price": 0}])

	def test_a_currency_without_a_price_is_refused_and_never_converted(self):
		"""R18."""
		plan = create_plan(prices=[{"currency": "USD", "price": 9}])
		self.assertEqual(plan.price_in("usd"), (Decimal(9), "USD"))
		self.assertEqual(plan.price_in(None), (Decimal(499), "INR"))
		with self.assertRaisesRegex(BadRequest, "no price in EUR.*INR, USD"):
			plan.price_in("EUR")

	def test_an_inactive_plan_is_refused(self):
		with self.assertRaisesRegex(Unprocessable, "no longer available"):
			create_plan(is_active=0).require_active()

	def test_a_request_limit_of_0_means_unlimited(self):
		self.assertEqual(create_plan(requests_limit_per_day=0).daily_limit(), -1)
		self.assertEqual(create_plan(requests_limit_per_day=5).daily_limit(), 5)
