"""The way of one upgrade: a customer with a paid month confirms a dearer plan and pays for it at a gateway."""

import frappe

from oropendola_payments.api import subscription as api
from oropendola_payments.api import subscription_renewal as renewal
from oropendola_payments.engine.plan_changes import lapse
from oropendola_payments.tests.support import checks
from oropendola_payments.tests.support.customers import pay
from oropendola_payments.tests.support.factories import as_user, create_plan, create_user
from oropendola_payments.tests.support.gateway_events import currency_of
from oropendola_payments.tests.support.journey import Journey


class UpgradeJourney(Journey):
	def __init__(self, gateway: str, *, confirmed: bool = True):
		super().__init__(gateway, user=create_user())
		pay(self.invoice)
		self.base = self.invoice
		self.plan = create_plan(plan_name="Pro", price=999, currency=currency_of(gateway)).name
		self.other_plan = create_plan(plan_name="Max", price=2499, currency=currency_of(gateway)).name
		self.quote = self._as_customer(api.preview_plan_change, plan_id=self.plan)["quote"]
		self.change = None
		if confirmed:
			self.confirm()

	def _as_customer(self, endpoint, **arguments) -> dict:
		with as_user(self.user):
			return endpoint(**arguments)

	def confirm(self) -> dict:
		answer = self._as_customer(api.change_plan, plan_id=self.plan, quote=self.quote)
		if answer["success"]:
			self.change, self.invoice = answer["plan_change"], answer["invoice_id"]
		return answer

	def withdraw(self):
		self._as_customer(api.withdraw_plan_change)

	def choose_another_plan(self):
		quote = self._as_customer(api.preview_plan_change, plan_id=self.other_plan)
		if quote["success"]:
			self._as_customer(api.change_plan, plan_id=self.other_plan, quote=quote["quote"])

	def renew(self):
		answer = self._as_customer(renewal.renew_subscription)
		if answer["success"]:
			pay(answer["invoice_id"])

	def time_runs_out(self):
		gone = frappe.utils.add_to_date(frappe.utils.now_datetime(), seconds=-1)
		frappe.db.set_value("AI Plan Change", self.change, "expires_at", gone)
		frappe.db.set_value("AI Invoice", self.invoice, "expires_at", gone)
		frappe.db.commit()
		lapse.lapse_due()

	def problems(self) -> list[str]:
		return [
			*checks.ledger_differences(self),
			*checks.violated_invariants(self),
			*checks.broken_audit_trail(self),
			*self.wrong_plan(),
		]

	def wrong_plan(self) -> list[str]:
		"""The new plan is served if and only if its price was kept, and the service never stops."""
		status = frappe.db.get_value("AI Plan Change", self.change, "status")
		plan = frappe.db.get_value("AI Subscription", self.subscription, "plan")
		books = checks.simulator_ledger(self)
		kept = sum(amount - refunded for _gateway, _id, amount, _currency, refunded in books)
		found = []
		if (status == "Applied") != (plan == self.plan) or (status == "Applied") != bool(kept):
			found.append(f"The change is {status}, the plan is {plan}, and {kept} minor units were kept.")
		if self.subscription_status() != "Active":
			found.append(f"The subscription is {self.subscription_status()}.")
		return found
