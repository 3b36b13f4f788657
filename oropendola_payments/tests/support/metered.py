"""A subscription whose windows are watched while days pass."""

from datetime import date, datetime, time, timedelta

import frappe
from frappe.utils import getdate

from oropendola_payments.api import subscription as api
from oropendola_payments.engine.keys import reveal
from oropendola_payments.engine.metering import usage
from oropendola_payments.exceptions import QuotaUsedUp
from oropendola_payments.tests.support.customers import move_to, pay
from oropendola_payments.tests.support.plan_changes import shift

WINDOW = "AI Usage Window"
PAUSE = ("paused_on", "pause_until")


def limit(allowance: int, window: str = "Period", meter: str = "Requests") -> dict:
	return {"allowance": allowance, "meter": meter, "time_window": window}


def at_midnight(day: date) -> datetime:
	return datetime.combine(getdate(day), time())


class Metered:
	"""One subscription with a key, whose days can pass."""

	subscription: str
	key: str | None = None

	def consume(self, requests: int = 1) -> dict:
		answer = usage.consume(self.api_key(), requests)
		frappe.db.commit()
		return {row["window"]: row["remaining"] for row in answer["windows"]}

	def api_key(self) -> str:
		if not self.key:
			self.key = reveal.reveal(self.user)["api_key"]
		return self.key

	def used_up(self):
		with self.assertRaises(QuotaUsedUp):
			self.consume()
		frappe.db.rollback()

	def ends(self, window: str = "Period") -> datetime:
		return frappe.db.get_value(
			WINDOW, {"subscription": self.subscription, "time_window": window}, "ends_at"
		)

	def days_pass(self, days: int):
		shift(self.subscription, days)
		doc = self.row()
		paused = {field: doc.get(field) - timedelta(days=days) for field in PAUSE if doc.get(field)}
		if paused:
			move_to(self.subscription, **paused)
		for row in frappe.get_all(WINDOW, {"subscription": self.subscription}, ["name", "ends_at"]):
			frappe.db.set_value(WINDOW, row.name, "ends_at", row.ends_at - timedelta(days=days))
		frappe.db.commit()

	def row(self):
		return frappe.get_doc("AI Subscription", self.subscription)

	def change_to(self, plan) -> str:
		quote = self.succeed(api.preview_plan_change, plan_id=plan.name)["quote"]
		invoice = self.succeed(api.change_plan, plan_id=plan.name, quote=quote).get("invoice_id")
		if frappe.db.get_value("AI Invoice", invoice, "status") != "Paid":
			pay(invoice)
		self.assertEqual(self.row().plan, plan.name)
		return invoice
