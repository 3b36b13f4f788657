"""A customer who redeems coupons, and what the records say about them afterwards."""

from decimal import Decimal

import frappe
from frappe.utils import add_days, nowdate

from oropendola_payments.ai_billing import invoice_price
from oropendola_payments.api import coupons as api
from oropendola_payments.api import subscription, subscription_renewal
from oropendola_payments.engine.monitoring import invariants
from oropendola_payments.money import quantize
from oropendola_payments.tests.support.customers import CustomerTestCase
from oropendola_payments.tests.support.factories import create_coupon, create_plan, payment_settings

RULES = tuple(rule for rule in invariants.RULES if "coupon" in rule or "discount" in rule)


def amounts(**by_currency) -> dict:
	"""The fields of a coupon that takes these amounts off."""
	rows = [{"currency": currency, "amount": amount} for currency, amount in by_currency.items()]
	return {"discount_type": "Amount", "basis_points": 0, "amounts": rows}


def redemptions(coupon: str) -> list[str]:
	"""The statuses of all redemptions, the first one first."""
	return frappe.get_all("AI Coupon Redemption", {"coupon": coupon}, pluck="status", order_by="creation")


def counted(coupon: str) -> int:
	return frappe.db.get_value("AI Coupon", coupon, "redemptions")


def overdue(invoice):
	"""As if the invoice had not been paid for a month."""
	frappe.db.set_value("AI Invoice", invoice.name, "due_date", add_days(nowdate(), -1))
	frappe.db.set_value("AI Coupon Redemption", invoice.coupon_redemption, "reserved_on", "2020-01-01")
	frappe.db.commit()


class CouponTestCase(CustomerTestCase):
	"""Plans cost 499 rupees a month, coupons take half."""

	def setUp(self):
		super().setUp()
		self.enterContext(payment_settings(tax_rate=0))
		self.plan = create_plan()
		self.violated_before = invariants.check(RULES)  # by other tests, on a bench

	def tearDown(self):
		self.assertEqual(invariants.check(RULES), self.violated_before)

	def buy(self, coupon: str | None = None, **arguments):
		"""The invoice of a new subscription, with a coupon."""
		given = {"coupon": coupon} if coupon else {}
		answer = self.succeed(
			subscription.create_subscription_and_invoice, plan_id=self.plan.name, **given, **arguments
		)
		return self.invoice(answer["invoice_id"])

	def renew(self):
		return self.invoice(self.succeed(subscription_renewal.renew_subscription)["invoice_id"])

	def apply(self, invoice, code: str) -> dict:
		return self.succeed(api.apply, invoice_id=invoice.name, code=code)

	def invoice(self, name: str):
		return frappe.get_doc("AI Invoice", name)

	def subscription(self, invoice):
		return frappe.get_doc("AI Subscription", invoice.subscription)

	def redeem(self, **values):
		"""A new coupon, and an invoice that redeemed it."""
		coupon = create_coupon(**values).name
		return coupon, self.buy(coupon)

	def assert_price(self, invoice, net: str, discount: str, total: str | None = None):
		doc = self.invoice(invoice.name)
		self.assertEqual(
			(quantize(doc.net_amount, doc.currency), invoice_price.discount(doc), doc.total()),
			(Decimal(net), Decimal(discount), Decimal(total or net)),
		)
