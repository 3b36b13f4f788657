"""Invoices that are paid in parts."""

from decimal import Decimal

import frappe

from oropendola_payments.ai_billing.periods import add_interval, today
from oropendola_payments.api import payment
from oropendola_payments.engine.monitoring import audit
from oropendola_payments.engine.parts.schedule import rows_of
from oropendola_payments.engine.settlement import manual_payment, settle
from oropendola_payments.tests.support import checks
from oropendola_payments.tests.support.customers import CustomerTestCase
from oropendola_payments.tests.support.factories import (
	create_invoice,
	create_plan,
	enable_gateway,
	payment_settings,
	unique,
)
from oropendola_payments.tests.support.gateway_events import paid
from oropendola_payments.tests.support.simulated import simulator
from oropendola_payments.tests.support.time_travel import clear_due_records

PARTS = ("4715.28", "2357.64", "2357.64", "2357.64")


def create_instalment_plan(**values) -> str:
	plan = frappe.new_doc("AI Instalment Plan")
	plan.update(
		{
			"title": unique("instalments"),
			"is_active": 1,
			"service": "Covered Days",
			"down_percent": 40,
			"parts": 3,
			"every": 0,
			"unit": "Month",
			"tolerance_days": 3,
			**values,
		}
	)
	plan.insert(ignore_permissions=True)
	frappe.db.commit()
	return plan.name


def create_plan_in_parts(*instalment_plans: str, **values):
	"""A yearly plan for 9,990.00 that offers these instalment plans."""
	rows = [{"instalment_plan": name} for name in instalment_plans]
	year = {"plan_name": "Pro Yearly", "price": 9990, "billing_interval": "Year"}
	return create_plan(**{**year, "instalment_plans": rows, **values})


class PartsTestCase(CustomerTestCase):
	"""One customer with an invoice of 11,788.20 for a year, tax included."""

	settings = {"tax_rate": 18, "prices_include_tax": 0, "part_percent": 20, "max_parts": 4, "grace_days": 3,
		"double_payment_policy": "Refund"}  # fmt: skip

	def setUp(self):
		super().setUp()
		self.enterContext(payment_settings(**self.settings))

	def new_invoice(self, *instalment_plans: str, **plan_values) -> str:
		plan = create_plan_in_parts(*instalment_plans, **plan_values)
		invoice = create_invoice(self.user, plan)
		self.invoice, self.subscription = invoice.name, invoice.subscription
		return invoice.name

	def in_instalments(self, **values) -> str:
		"""The invoice, with a schedule of these values that the customer has chosen."""
		name = create_instalment_plan(**values)
		self.new_invoice(name)
		self.succeed(payment.choose_instalments, invoice_id=self.invoice, instalment_plan=name)
		return name

	def pay_by_transfer(self, amount: str) -> dict:
		return manual_payment.record_payment(self.invoice, Decimal(amount), unique("transfer"), None, None)

	def doc(self):
		return frappe.get_doc("AI Invoice", self.invoice)

	def served(self):
		return frappe.get_doc("AI Subscription", self.subscription)

	def parts(self) -> list:
		return rows_of(self.invoice)

	def amounts(self) -> list[Decimal]:
		return [row.total() for row in self.parts()]

	def pass_days(self, days: int):
		"""As if the first part had been paid so many days ago."""
		past = {
			"end_date": ("AI Subscription", self.subscription),
			"period_end": ("AI Invoice", self.invoice),
		}
		for column, (doctype, name) in past.items():
			before = frappe.db.get_value(doctype, name, column)
			frappe.db.set_value(doctype, name, column, frappe.utils.add_days(before, -days))
		for name, column in (("AI Subscription", "start_date"), ("AI Invoice", "period_start")):
			record = self.subscription if name == "AI Subscription" else self.invoice
			before = frappe.db.get_value(name, record, column)
			frappe.db.set_value(name, record, column, frappe.utils.add_days(before, -days))
		frappe.db.commit()

	def days_until(self, day) -> int:
		return (frappe.utils.getdate(day) - today()).days


class PartsFlowCase(PartsTestCase):
	def setUp(self):
		super().setUp()
		clear_due_records()
		for gateway in ("payu", "razorpay"):
			enable_gateway(gateway, api_base_url=f"{simulator().url}/{gateway}")

	def tearDown(self):
		self.assertEqual(checks.violated_invariants(self), [])
		self.assertIsNone(audit.verify(self.invoice)["broken"])

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
