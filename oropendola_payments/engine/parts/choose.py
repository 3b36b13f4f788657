"""Choose how an invoice is paid: at once, or in the parts of an instalment plan. Possible until something was paid."""

import frappe
from frappe import _
from frappe.utils import cint

from oropendola_payments.ai_billing.current import current
from oropendola_payments.ai_billing.doctype.ai_instalment_plan.ai_instalment_plan import AIInstalmentPlan
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import OPEN, AIInvoice
from oropendola_payments.ai_billing.doctype.ai_plan.ai_plan import AIPlan
from oropendola_payments.ai_billing.paid_in_parts import PERIODS
from oropendola_payments.engine.core.transactions import in_transaction, lock_own_invoice
from oropendola_payments.engine.parts import rules, schedule
from oropendola_payments.exceptions import Conflict, Unprocessable
from oropendola_payments.money import to_minor


def terms_of(plan: AIPlan) -> dict:
	"""Return the fields of a new invoice for a period that say whether it may be paid in parts, and what each part buys."""
	return {"part_payments": cint(plan.part_payments), "part_service": plan.part_service or "Full"}


def offered_plans(invoice: AIInvoice) -> list[AIInstalmentPlan]:
	"""Return the instalment plans that the customer can choose for this invoice."""
	if not may_choose(invoice):
		return []
	names = [row.instalment_plan for row in current("AI Plan", invoice.plan).instalment_plans]
	plans = [frappe.get_doc("AI Instalment Plan", name) for name in dict.fromkeys(names)]
	return [plan for plan in plans if cint(plan.is_active) and _fits(invoice, plan)]


def may_choose(invoice: AIInvoice) -> bool:
	"""Return whether the way of paying can still be chosen. Credit that was spent on the invoice does not count as a part."""
	is_period = invoice.purpose in PERIODS and bool(invoice.plan and invoice.subscription)
	return is_period and invoice.status in OPEN and not _parts_were_paid(invoice)


def _parts_were_paid(invoice: AIInvoice) -> bool:
	paid = {"invoice": invoice.name, "applied_amount": (">", 0), "gateway": ("!=", "credit")}
	return bool(invoice.paid()) and bool(frappe.db.exists("Payment Capture", paid))


def _fits(invoice: AIInvoice, plan: AIInstalmentPlan) -> bool:
	"""Return whether every part can be paid at some gateway of this site."""
	least = to_minor(rules.smallest_payment(None, invoice.currency), invoice.currency)
	return min(schedule.amounts(invoice, plan)) >= max(1, least)


def choose(user: str, invoice_name: str, instalment_plan: str | None) -> dict:
	"""Set the schedule of an own invoice, or remove it. Choosing the same plan again changes nothing."""
	return in_transaction(_choose, user, invoice_name, instalment_plan)


def _choose(user: str, invoice_name: str, instalment_plan: str | None) -> dict:
	invoice = lock_own_invoice(user, invoice_name)
	if (invoice.instalment_plan or None) != instalment_plan:
		_require_choice(invoice)
		_set(invoice, instalment_plan)
	return {"invoice_id": invoice.name, "instalment_plan": invoice.instalment_plan or None}


def _require_choice(invoice: AIInvoice) -> None:
	if invoice.status not in OPEN:
		raise Conflict(
			_("Invoice {0} is {1}. There is nothing left to pay.").format(invoice.name, _(invoice.status))
		)
	if not may_choose(invoice):
		message = _("A part of invoice {0} is paid already, so its parts stay as they are.")
		raise Conflict(message.format(invoice.name))


def _set(invoice: AIInvoice, name: str | None) -> None:
	if not name:
		schedule.clear(invoice)
		values = {"instalment_plan": None, "tolerance_days": 0, **terms_of(current("AI Plan", invoice.plan))}
		invoice.record("instalments_removed", invoice)
	else:
		plan = next((plan for plan in offered_plans(invoice) if plan.name == name), None)
		if not plan:
			message = _("Invoice {0} cannot be paid with the instalment plan {1}. Please choose another one.")
			raise Unprocessable(message.format(invoice.name, name))
		schedule.write(invoice, planned_parts(invoice, plan))
		values = {
			"instalment_plan": plan.name,
			"tolerance_days": cint(plan.tolerance_days),
			"part_service": plan.service,
		}
		invoice.record(
			"instalments_chosen", invoice, plan=plan.name, parts=cint(plan.parts) + bool(plan.down_percent)
		)
	invoice.write(**values)
	if invoice.instalment_plan and invoice.paid():
		schedule.sync(invoice)


def planned_parts(invoice: AIInvoice, plan: AIInstalmentPlan) -> list[dict]:
	subscription = frappe.get_doc("AI Subscription", invoice.subscription)
	start, end = subscription.next_period(invoice)
	return schedule.preview(invoice, plan, start, (end - start).days)
