"""A customer in the middle of a paid month, with the plans of the numeric cases, who changes the plan."""

from datetime import timedelta

import frappe

from oropendola_payments.ai_billing.periods import today
from oropendola_payments.api import subscription as api
from oropendola_payments.engine.entitlements.paid_periods import paid_periods
from oropendola_payments.engine.monitoring import invariants
from oropendola_payments.tests.support.customers import CustomerTestCase, move_to, pay
from oropendola_payments.tests.support.factories import create_invoice, create_plan, payment_settings

PLANS = {
	"S": {"plan_name": "Starter", "price": 499, "requests_limit_per_day": 1000},
	"P": {"plan_name": "Pro", "price": 999, "requests_limit_per_day": 5000},
	"M": {"plan_name": "Max", "price": 2499, "requests_limit_per_day": 0},
	"PY": {"plan_name": "Pro Yearly", "price": 9990, "requests_limit_per_day": 5000, "billing_interval": "Year"},
	"F": {"plan_name": "Free", "price": 0, "is_free": 1, "requests_limit_per_day": 10},
}  # fmt: skip


def shift(subscription: str, days: int):
	"""As if so many days had passed since every date of the subscription and of its paid periods."""
	doc = frappe.get_doc("AI Subscription", subscription)
	back = timedelta(days=days)
	dates = ("start_date", "end_date", "switch_on", "quota_reset_on", "months_from", "weeks_from")
	move_to(subscription, **{field: doc.get(field) - back for field in dates if doc.get(field)})
	for row in frappe.get_all("AI Invoice", {"subscription": subscription}, pluck="name"):
		invoice = frappe.get_doc("AI Invoice", row)
		fields = ("period_start", "period_end", "fulfilled_on")
		periods = {field: invoice.get(field) - back for field in fields if invoice.get(field)}
		if periods:
			frappe.db.set_value("AI Invoice", row, periods)
	for row in frappe.get_all("AI Subscription Pause", {"parent": subscription}, ["name", "paused_on"]):
		frappe.db.set_value("AI Subscription Pause", row.name, "paused_on", row.paused_on - back)
	for row in frappe.get_all(
		"AI Plan Change", {"subscription": subscription}, ["name", "effective_on", "ends_on", "applied_on"]
	):
		values = {
			field: row[field] - back for field in ("effective_on", "ends_on", "applied_on") if row[field]
		}
		frappe.db.set_value("AI Plan Change", row.name, values)
		for line in frappe.get_all(
			"AI Plan Change Line", {"parent": row.name}, ["name", "starts_on", "ends_on"]
		):
			values = {field: line[field] - back for field in ("starts_on", "ends_on") if line[field]}
			frappe.db.set_value("AI Plan Change Line", line.name, values)
	frappe.db.commit()


class PlanChangeCase(CustomerTestCase):
	settings = {
		"tax_rate": 18,
		"prices_include_tax": 0,
		"tax_label": "GST",
		"double_payment_policy": "Credit",
	}

	def setUp(self):
		super().setUp()
		self.enterContext(payment_settings(**self.settings))
		self.plans = {}

	def make_plan(self, code: str, **values):
		if code not in self.plans:
			self.plans[code] = create_plan(**{**PLANS[code], **values})
		return self.plans[code]

	def start(self, code: str = "S", days_left: int = 15, days: int = 30, **values):
		"""A paid subscription with so many days left of its period."""
		invoice = create_invoice(self.user, plan=self.make_plan(code, **values))
		self.invoice = invoice.name
		pay(invoice.name)
		self.subscription = invoice.subscription
		self.set_period(invoice.name, days_left - days, days_left)
		return self.doc()

	def set_period(self, invoice: str, start: int, end: int):
		start, end = today() + timedelta(days=start), today() + timedelta(days=end)
		frappe.db.set_value(
			"AI Invoice", invoice, {"period_start": start, "period_end": end, "fulfilled_on": start}
		)
		move_to(self.subscription, start_date=start, end_date=end)

	def doc(self):
		return frappe.get_doc("AI Subscription", self.subscription)

	def preview(self, code: str, **arguments) -> dict:
		return self.succeed(api.preview_plan_change, plan_id=self.make_plan(code).name, **arguments)

	def change(self, code: str, quote: dict | None = None, **arguments) -> dict:
		quote = quote or self.preview(code, **arguments)
		return self.succeed(api.change_plan, plan_id=self.make_plan(code).name, quote=quote["quote"])

	def upgrade(self, code: str) -> dict:
		made = self.change(code)
		pay(made["invoice_id"])
		return made

	def code(self) -> str:
		"""The code of the plan that the subscription has."""
		return next(code for code, plan in self.plans.items() if plan.name == self.doc().plan)

	def periods(self):
		return paid_periods(self.subscription)

	def status_of(self, change: dict) -> str:
		return frappe.db.get_value("AI Plan Change", change["plan_change"], "status")

	def invoice_of(self, change: dict):
		return frappe.get_doc("AI Invoice", change["invoice_id"])

	def give_credit(self, amount: int) -> str:
		"""Credit from a payment that came twice, for an invoice of another subscription."""
		source = create_invoice(self.user, price=amount, plan_name="Other")
		frappe.db.set_value(
			"AI Invoice", source.name, {"net_amount": amount, "tax_amount": 0, "total_amount": amount}
		)
		frappe.db.commit()
		pay(source.name)
		capture = frappe.db.get_value("Payment Capture", {"invoice": source.name}, "name")
		frappe.db.set_value(
			"Payment Capture", capture, {"surplus": amount, "resolution": "Credit", "applied_amount": 0}
		)
		frappe.db.set_value("AI Invoice", source.name, "amount_paid", 0)
		frappe.get_doc("AI Subscription", source.subscription).cancel()
		frappe.db.commit()
		return capture

	def lapse(self, change: dict):
		"""As if the time to pay this change were over."""
		gone = frappe.utils.add_to_date(frappe.utils.now_datetime(), seconds=-1)
		frappe.db.set_value("AI Plan Change", change["plan_change"], "expires_at", gone)
		frappe.db.set_value("AI Invoice", change["invoice_id"], "expires_at", gone)
		frappe.db.commit()

	def assert_sound(self, *names: str):
		mine = {self.subscription, *names, *frappe.get_all("AI Invoice", {"subscription": self.subscription}, pluck="name"),
			*frappe.get_all("AI Plan Change", {"subscription": self.subscription}, pluck="name")}  # fmt: skip
		broken = {rule: mine & set(found) for rule, found in invariants.check().items() if mine & set(found)}
		self.assertEqual(broken, {})
