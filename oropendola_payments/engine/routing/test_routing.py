"""Which gateway is recommended, by what it takes, its health, the settings and what happened lately; and what the Desk says about it."""

from decimal import Decimal

import frappe
from frappe.utils import add_to_date, now_datetime

from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import new_attempt
from oropendola_payments.engine.checkout import gateway_choice
from oropendola_payments.engine.routing import figures
from oropendola_payments.engine.routing.figures import MINIMUM_TRIES, Figures
from oropendola_payments.exceptions import Unavailable
from oropendola_payments.tests.support import factories
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.simulated import simulator

FIRST, SECOND = "razorpay", "stripe"
OTHERS = ("payu", "paypal", "phonepe", "cashfree", "cashflows")
# No other test pays in it, so that only what a test says has happened.
CURRENCY = "DKK"


class RoutingCase(TestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		simulator()
		cls.invoice = factories.create_invoice()

	def setUp(self):
		for code in OTHERS:
			self.configure(code, enabled=0)
		self.configure(FIRST, sort_order=1)
		self.configure(SECOND, sort_order=2)
		self.made: list[str] = []
		self.addCleanup(self.forget)
		self.forget()

	def configure(self, code: str, **values):
		factories.enable_gateway(code, **{"is_default": 0, "degraded_since": None, **values})
		self.addCleanup(factories.enable_gateway, code, is_default=0)

	def forget(self):
		if self.made:
			frappe.db.delete("Payment Attempt", {"name": ("in", self.made)})
			frappe.db.commit()
		frappe.cache.delete_value(figures.KEY)

	def happened(self, code: str, paid: int, failed: int, **values):
		"""As if so many payments had ended in the last days."""
		for number in range(paid + failed):
			status = "Paid" if number < paid else "Failed"
			known = {
				"gateway": code,
				"mode": "Simulator",
				"amount": 499,
				"currency": CURRENCY,
				"completed_at": now_datetime(),
			}
			attempt = new_attempt(
				self.invoice, **{**known, "status": status, "error_code": "declined", **values}
			)
			attempt.add()
			self.made.append(attempt.name)
		frappe.db.commit()
		figures.refresh()

	def recommended(self, currency: str = CURRENCY, **options) -> str | None:
		listing = gateway_choice.available(currency, **options)
		return next((entry["id"] for entry in listing["gateways"] if entry["recommended"]), None)

	def reasons(self, **options) -> dict[str, str]:
		answer = gateway_choice.explain(CURRENCY, options.get("amount"), options.get("method"))
		return {row["id"]: row["reason"] for row in answer["gateways"]}


class TestRecommendation(RoutingCase):
	def test_without_figures_the_order_decides(self):
		self.assertEqual(self.recommended(), FIRST)

	def test_the_gateway_at_which_more_payments_succeed_is_recommended(self):
		self.happened(FIRST, paid=14, failed=6)
		self.happened(SECOND, paid=19, failed=1)
		self.assertEqual(self.recommended(), SECOND)
		self.assertIn("19 of 20 payments", self.reasons()[SECOND])

	def test_too_few_payments_prove_nothing(self):
		self.happened(FIRST, paid=10, failed=10)
		self.happened(SECOND, paid=MINIMUM_TRIES - 1, failed=0)
		self.assertEqual(self.recommended(), FIRST)
		self.assertIn("too few", self.reasons()[SECOND])

	def test_a_small_lead_is_chance(self):
		self.happened(FIRST, paid=90, failed=10)
		self.happened(SECOND, paid=94, failed=6)
		self.assertEqual(self.recommended(), FIRST)

	def test_payments_that_the_customer_left_and_our_own_trouble_do_not_count(self):
		self.happened(FIRST, paid=18, failed=2)
		self.happened(SECOND, paid=18, failed=2)
		self.happened(FIRST, paid=0, failed=30, error_code="gateway_unreachable")
		self.happened(FIRST, paid=0, failed=30, error_code="cancelled")
		self.assertEqual(figures.figures_of(FIRST, CURRENCY), Figures(18, 20))
		self.assertEqual(self.recommended(), FIRST)

	def test_old_payments_those_in_another_mode_and_in_another_currency_do_not_count(self):
		self.happened(FIRST, 0, 25, completed_at=add_to_date(now_datetime(), days=-8))
		self.happened(FIRST, 0, 25, mode="Test")
		self.happened(FIRST, 0, 25, currency="USD")
		self.assertEqual(figures.figures_of(FIRST, CURRENCY), Figures())

	def test_the_method_decides_where_it_was_tried_often_enough(self):
		for code, card, wallet in ((FIRST, 20, 10), (SECOND, 10, 20)):
			self.happened(code, paid=card, failed=20 - card, payment_method="card")
			self.happened(code, paid=wallet, failed=20 - wallet, payment_method="wallet")
		self.assertEqual(self.recommended(method="wallet"), SECOND)
		self.assertEqual(self.recommended(method="card"), FIRST)

	def test_the_default_gateway_overrides_the_figures(self):
		self.happened(FIRST, paid=20, failed=0)
		self.happened(SECOND, paid=10, failed=10)
		self.configure(SECOND, is_default=1, sort_order=2)
		self.assertEqual(self.recommended(), SECOND)
		self.assertEqual(self.reasons()[SECOND], "It is the default gateway.")

	def test_the_setting_switches_the_figures_off(self):
		self.happened(FIRST, paid=10, failed=10)
		self.happened(SECOND, paid=20, failed=0)
		with factories.payment_settings(route_by_success=0):
			self.assertEqual(self.recommended(), FIRST)


class TestNever(RoutingCase):
	def test_a_gateway_with_problems_is_never_recommended(self):
		self.configure(FIRST, is_default=1, sort_order=1)
		self.happened(FIRST, paid=40, failed=0)
		factories.backdate_trouble(FIRST, 1)
		frappe.db.commit()
		self.assertEqual(self.recommended(), SECOND)
		self.assertEqual(self.reasons()[FIRST], "It has problems at the moment.")
		factories.backdate_trouble(SECOND, 1)
		frappe.db.commit()
		self.assertIsNone(self.recommended())
		self.assertEqual(gateway_choice.choose(None, CURRENCY), FIRST, "a customer can still try")

	def test_a_disabled_gateway_is_never_recommended(self):
		self.happened(FIRST, paid=40, failed=0)
		self.configure(FIRST, enabled=0, is_default=1)
		self.assertEqual(self.recommended(), SECOND)
		self.assertEqual(self.reasons()[FIRST], "It is not offered: Disabled.")

	def test_a_gateway_that_does_not_take_the_payment_is_never_recommended(self):
		self.configure(SECOND, sort_order=2, is_default=1)
		self.assertEqual(self.recommended("USD", amount=Decimal("0.50")), SECOND)
		self.assertEqual(self.recommended("USD", amount=Decimal("0.49")), FIRST)
		self.assertEqual(self.recommended(method="netbanking"), FIRST)
		with self.assertRaises(Unavailable):
			gateway_choice.choose(None, CURRENCY, method="no-such-method")

	def test_figures_that_no_job_renews_are_forgotten(self):
		self.happened(SECOND, paid=20, failed=0)
		seconds = frappe.cache.ttl(frappe.cache.make_key(figures.KEY))
		self.assertTrue(0 < seconds <= figures.SECONDS, seconds)
