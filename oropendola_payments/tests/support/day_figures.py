"""Payments of a past day, and the figures of that day."""

from datetime import date, datetime, time, timedelta
from unittest.mock import patch

import frappe

from oropendola_payments.ai_billing.daily import live, stored
from oropendola_payments.ai_billing.daily.types import CHANGED, TABLE, Figures, Group
from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import PaymentAttempt, new_attempt
from oropendola_payments.ai_billing.periods import today
from oropendola_payments.engine.core.transactions import lock
from oropendola_payments.engine.day_figures import sum_up
from oropendola_payments.engine.monitoring import invariants
from oropendola_payments.engine.settlement import manual_payment
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import create_invoice, create_user, payment_settings, unique

DAYS_AGO = 3


def by_group(found: list[Figures]) -> dict[Group, Figures]:
	return {own.group: own for own in found}


class DayCase(TestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.user = create_user()
		cls.open_invoice = create_invoice(cls.user)
		frappe.db.commit()

	def setUp(self):
		super().setUp()
		self.enterContext(payment_settings(tax_rate=0))
		self.forget()
		self.addCleanup(self.forget)
		self.day = today() - timedelta(days=DAYS_AGO)
		# Other tests' records of the past are not summed up: only what happened from this day on.
		self.enterContext(patch.object(sum_up, "_all_days", self.recent_days))
		# In the hour after midnight yesterday would not be one of them yet.
		self.enterContext(patch.object(sum_up, "now_datetime", lambda: datetime.combine(today(), time(12))))

	def recent_days(self, last: date) -> set[date]:
		return {day for number in range(DAYS_AGO) if (day := self.day + timedelta(days=number)) <= last}

	@staticmethod
	def forget():
		frappe.db.delete(TABLE)
		frappe.db.commit()

	def paid(self, **plan) -> str:
		"""An invoice that was paid by bank transfer on that day."""
		invoice = create_invoice(self.user, **plan)
		manual_payment.record_payment(invoice.name, invoice.total(), unique("transfer"), None, None)
		self.age(invoice.name)
		return invoice.name

	def age(self, invoice: str, moment: datetime | None = None):
		moment = moment or datetime.combine(self.day, time(12))
		for doctype, field in (
			("Payment Attempt", "initiated_at"),
			("Payment Capture", "captured_at"),
			("Payment Refund", "completed_at"),
		):
			frappe.db.set_value(doctype, {"invoice": invoice, field: (">", "2000-01-01")}, field, moment)
		frappe.db.set_value(
			"AI Invoice", {"name": invoice, "paid_date": (">", "2000-01-01")}, "paid_date", moment
		)
		frappe.db.commit()

	def attempt(self, moment: datetime | None = None, **values) -> PaymentAttempt:
		"""An attempt at a gateway that began on that day."""
		invoice = self.open_invoice
		attempt = new_attempt(invoice, gateway="payu", mode="Simulator", amount=invoice.total(), **values)
		attempt.initiated_at = moment or datetime.combine(self.day, time(12))
		attempt.add()
		frappe.db.commit()
		return frappe.get_doc("Payment Attempt", attempt.name)

	def capture_of(self, invoice: str):
		return lock("Payment Capture", frappe.db.get_value("Payment Capture", {"invoice": invoice}))

	def group(self, currency: str = "INR", mode: str = "Manual", gateway: str = "manual") -> Figures:
		group = Group(self.day, gateway, currency, mode)
		return by_group(stored.figures(self.day, self.day)).get(group, Figures(group))

	def check(self):
		"""The figures of that day and those after it are those of the records. Of today nothing is stored."""
		yesterday = today() - timedelta(days=1)
		found = by_group(stored.figures(self.day, yesterday, with_reasons=True))
		self.assertEqual(found, by_group(live.count(self.day, yesterday)))

	def marks(self) -> list[date]:
		return sorted(frappe.get_all(TABLE, {"kind": CHANGED}, pluck="day"))

	def violated(self) -> list[str]:
		return invariants.check(("day_differs_from_records",)).get("day_differs_from_records", [])
