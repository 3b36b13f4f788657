"""Paying in parts on the customer pages: what can be chosen at checkout, and how the parts of running invoices stand."""

import re
from dataclasses import dataclass
from decimal import Decimal

import frappe
from frappe import _
from frappe.utils import getdate

from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.ai_invoice_part.ai_invoice_part import AIInvoicePart
from oropendola_payments.ai_billing.overdue_parts import RUNNING
from oropendola_payments.ai_billing.periods import today
from oropendola_payments.engine.parts import choose, rules, schedule
from oropendola_payments.exceptions import BadRequest
from oropendola_payments.money import from_minor, to_decimal
from oropendola_payments.web import words

TYPED_AMOUNT = re.compile(r"([0-9]{1,15}|[0-9]{1,3}(,[0-9]{2,3}){0,4},[0-9]{3})(\.[0-9]{1,9})?")
ALL, NEXT, PART, PLAN = "all", "next", "part", "plan:"


@dataclass(frozen=True)
class Wish:
	"""What the customer chose at checkout: one of the options, and the amount typed beside it."""

	option: str
	typed: str = ""


# Checkout -----------------------------------------------------------------------------------------


def options(invoice: AIInvoice, wish: Wish) -> list[dict]:
	"""Return the ways to pay this invoice. A single way needs no choice."""
	allowed = rules.allowed_amounts(invoice)
	may_choose = choose.may_choose(invoice)
	found = [] if may_choose else _next_part(invoice, allowed)
	found.append(_everything(invoice))
	if may_choose:
		found += [_offer(invoice, plan) for plan in choose.offered_plans(invoice)]
	if allowed.least:
		found.append(_own_amount(invoice, allowed, wish.typed))
	if len(found) < 2:
		return []
	chosen = _chosen(invoice, [option["value"] for option in found], wish, may_choose)
	return [{**option, "is_chosen": option["value"] == chosen} for option in found]


def options_of_link(invoice: AIInvoice, wish: Wish) -> list[dict]:
	"""Return the ways to pay for somebody with a payment link: how it is paid in parts was decided by the customer."""
	found = _next_part(invoice, rules.allowed_amounts(invoice))
	return [
		{**option, "is_chosen": option["value"] == (ALL if wish.option == ALL else NEXT)}
		for option in (*found, _everything(invoice))
		if found
	]


def _everything(invoice: AIInvoice) -> dict:
	return {"value": ALL, "label": _all_label(invoice), "note": "", "parts": []}


def _chosen(invoice: AIInvoice, values: list[str], wish: Wish, may_choose: bool) -> str:
	scheduled = f"{PLAN}{invoice.instalment_plan}" if may_choose else NEXT
	return next(value for value in (wish.option, scheduled, ALL) if value in values)


def _next_part(invoice: AIInvoice, allowed: rules.Allowed) -> list[dict]:
	part = schedule.next_part(invoice.name) if allowed.has_parts() and allowed.steps else None
	if not part:
		return []
	amount = words.money(from_minor(allowed.steps[0], invoice.currency), invoice.currency)
	note = _("Due by {0}").format(words.day(part.due_on))
	return [{"value": NEXT, "label": _("The next part: {0}").format(amount), "note": note, "parts": []}]


def _all_label(invoice: AIInvoice) -> str:
	label = _("All that is left: {0}") if invoice.paid() else _("Everything now: {0}")
	return label.format(words.money(invoice.outstanding(), invoice.currency))


def _offer(invoice: AIInvoice, plan) -> dict:
	parts = choose.planned_parts(invoice, plan)
	first = words.money(parts[0]["amount"], invoice.currency)
	label = _("In {0} parts: {1} now").format(words.number(len(parts)), first)
	return {
		"value": f"{PLAN}{plan.name}",
		"label": label,
		"note": _served_when(plan.service),
		"parts": _rows(invoice, parts),
	}


def _rows(invoice: AIInvoice, parts: list[dict]) -> list[dict]:
	return [
		{
			"number": words.number(number),
			"amount": words.money(part["amount"], invoice.currency),
			"due": words.day(part["due_on"]) if number > 1 else _("now"),
			"covers": _days(part["covers_days"]),
		}
		for number, part in enumerate(parts, start=1)
	]


def _own_amount(invoice: AIInvoice, allowed: rules.Allowed, typed: str) -> dict:
	least, most = (
		words.money(from_minor(minor, invoice.currency), invoice.currency)
		for minor in (allowed.least, allowed.most)
	)
	return {
		"value": PART,
		"label": _("Another amount now, the rest later"),
		"note": _served_when(invoice.part_service),
		"parts": [],
		"typed": typed,
		"help": _("From {0} to {1}").format(least, most),
	}


def _served_when(service: str) -> str:
	if service == "Covered Days":
		return _("Each part is served at once, for its share of the days.")
	return _("Your plan starts when everything is paid.")


def _days(count: int) -> str:
	return _("{0} days").format(words.number(count)) if count else ""


def amount_of(invoice: AIInvoice, wish: Wish) -> Decimal | None:
	"""Return the amount that the customer wants to pay now, None for everything. Sets the chosen schedule."""
	if wish.option.startswith(PLAN):
		choose.choose(invoice.user, invoice.name, wish.option.removeprefix(PLAN))
		return rules.next_amount(frappe.get_doc("AI Invoice", invoice.name))
	if wish.option == NEXT:
		return rules.next_amount(invoice)
	if wish.option in (ALL, PART) and invoice.instalment_plan and choose.may_choose(invoice):
		choose.choose(invoice.user, invoice.name, None)
	return _amount_typed(wish.typed) if wish.option == PART else None


def _amount_typed(text: str) -> Decimal:
	"""Return what was typed, with or without the separators of thousands, of lakhs too. A comma before decimals is refused."""
	plain = "".join(text.split())
	if not TYPED_AMOUNT.fullmatch(plain):
		raise BadRequest(_("Please enter an amount such as 499 or 499.50."))
	return to_decimal(plain.replace(",", ""))


# Running invoices ---------------------------------------------------------------------------------


def is_running(invoice: str | None) -> bool:
	"""Return whether this invoice is among those that `running` shows, with buttons of its own."""
	values = invoice and frappe.db.get_value(
		"AI Invoice", invoice, ["status", "instalment_plan", "amount_paid"], as_dict=True
	)
	return bool(values and values.status in RUNNING and values.instalment_plan and values.amount_paid)


def running(user: str) -> list[dict]:
	"""Return the customer's invoices that are being paid in instalments, with their parts."""
	filters = {
		"user": user,
		"status": ("in", RUNNING),
		"instalment_plan": ("is", "set"),
		"amount_paid": (">", 0),
	}
	names = frappe.get_all("AI Invoice", filters, pluck="name", order_by="creation desc")
	return [_running(frappe.get_doc("AI Invoice", name)) for name in names]


def _running(invoice: AIInvoice) -> dict:
	rows = schedule.rows_of(invoice.name)
	left = next((row.left() for row in rows if row.left()), Decimal(0))
	plan = invoice.plan and frappe.get_cached_value("AI Plan", invoice.plan, "plan_name")
	return {
		"invoice": invoice.name,
		"plan": words.translated(plan) or invoice.description or "",
		"parts": [_part(row) for row in rows],
		"next": words.money(left, invoice.currency),
		"rest": words.money(invoice.outstanding(), invoice.currency),
		"has_more": left != invoice.outstanding(),
		"is_under_way": invoice.status == "Processing",
	}


def _part(row: AIInvoicePart) -> dict:
	currency = row.currency or ""
	return {
		"number": words.number(row.idx),
		"amount": words.money(row.total(), currency),
		"left": words.money(row.left(), currency) if row.paid_amount and row.left() else "",
		"due": words.day(row.due_on),
		"covers": _days(row.covers_days),
		"state": _state(row),
	}


def _state(row: AIInvoicePart) -> dict:
	if not row.left():
		return {"word": _("Paid on {0}").format(words.day(row.paid_on)), "tone": "good"}
	if getdate(row.due_on) < today():
		return {"word": _("Overdue"), "tone": "bad"}
	return {"word": _("Open"), "tone": "open"}
