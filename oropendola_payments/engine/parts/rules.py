"""Which amount a customer may pay now: our own minimum, no rest below it, and no more than what is due."""

from dataclasses import dataclass
from decimal import Decimal

import frappe
from frappe import _
from frappe.utils import cint

from oropendola_payments.ai_billing.current import payment_settings
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.formatting import exact_money, money
from oropendola_payments.ai_billing.known_gateways import adapter_class, is_known
from oropendola_payments.engine.parts import arithmetic
from oropendola_payments.engine.parts.schedule import rows_of
from oropendola_payments.exceptions import BadRequest, Conflict, Unprocessable
from oropendola_payments.money import from_minor, to_decimal, to_minor

MILLION = 1_000_000


@dataclass(frozen=True)
class Allowed:
	"""Amounts in minor units: all that is due, and either those of a schedule or a range. `least` is 0 without a range."""

	due: int
	steps: tuple[int, ...] = ()
	least: int = 0
	most: int = 0

	def accepts(self, amount: int) -> bool:
		return amount == self.due or amount in self.steps or (0 < self.least <= amount <= self.most)

	def has_parts(self) -> bool:
		return bool(self.least) or any(step != self.due for step in self.steps)


class PartRefused(Unprocessable):
	error_code = "part_refused"


def amount_to_pay(invoice: AIInvoice, wanted: Decimal, gateway: str | None, others: list[Decimal]) -> Decimal:
	"""Return the wanted amount if it may be paid now, else refuse it with what is allowed. `others` are the amounts of other open attempts."""
	minor = _minor(wanted, invoice.currency)
	due = to_minor(invoice.outstanding(), invoice.currency)
	if minor > due:
		message = _("{0} is more than the {1} that is due.")
		raise PartRefused(
			message.format(money(wanted, invoice.currency), money(invoice.outstanding(), invoice.currency))
		)
	amount = from_minor(minor, invoice.currency)
	require_room(invoice, amount, others)
	allowed = allowed_amounts(invoice, gateway, sum(other != amount for other in others))
	if not allowed.accepts(minor):
		raise PartRefused(_refusal(invoice, allowed))
	return amount


def require_room(invoice: AIInvoice, amount: Decimal, others: list[Decimal]) -> None:
	"""Raise Conflict if the amount and those of the other open attempts are together more than what is due.

	Another attempt for the same amount is this payment once more, and is closed when the new one is opened.
	"""
	other = sum((each for each in others if each != amount), Decimal(0))
	if other and amount + other > invoice.outstanding():
		message = _("A payment of {0} for this invoice is in progress. Please finish or cancel it first.")
		raise Conflict(message.format(money(other, invoice.currency)))


def allowed_amounts(invoice: AIInvoice, gateway: str | None = None, under_way: int = 0) -> Allowed:
	"""Return the amounts that may be paid now. Everything is always allowed."""
	due = to_minor(invoice.outstanding(), invoice.currency)
	minimum = to_minor(smallest_payment(gateway, invoice.currency), invoice.currency)
	if invoice.instalment_plan:
		return Allowed(due, steps=_steps(invoice, minimum))
	if not cint(invoice.part_payments):
		return Allowed(due)
	return _range(invoice, due, minimum, under_way)


def _range(invoice: AIInvoice, due: int, minimum: int, under_way: int) -> Allowed:
	settings = payment_settings()
	total = to_minor(invoice.total(), invoice.currency)
	percent = int(to_decimal(settings.part_percent or 0) * MILLION)
	least = max(arithmetic.least_share(total, percent), minimum, 1)
	is_last = _parts_paid(invoice) + under_way + 1 >= max(2, cint(settings.max_parts))
	if is_last or due - least < least:
		return Allowed(due)
	return Allowed(due, least=least, most=due - least)


def next_amount(invoice: AIInvoice) -> Decimal | None:
	"""Return what is due with the next part of a schedule, or None without one."""
	steps = allowed_amounts(invoice).steps
	return from_minor(steps[0], invoice.currency) if steps else None


def _steps(invoice: AIInvoice, minimum: int) -> tuple[int, ...]:
	"""Return what is due with the next part, with the next two, and so on. A rest below the gateway's minimum is paid with what follows."""
	steps, so_far = [], 0
	for row in rows_of(invoice.name):
		left = to_minor(row.left(), invoice.currency)
		so_far += left
		if left and so_far >= minimum:
			steps.append(so_far)
	return tuple(steps)


def _parts_paid(invoice: AIInvoice) -> int:
	if not invoice.paid():
		return 0
	filters = {"invoice": invoice.name, "applied_amount": (">", 0), "gateway": ("!=", "credit")}
	return len(frappe.get_all("Payment Capture", filters, pluck="name"))


def smallest_payment(gateway: str | None, currency: str) -> Decimal:
	"""Return the smallest amount that the gateway accepts, or the smallest that any enabled gateway accepts."""
	enabled = (
		[gateway] if gateway else frappe.get_all("Payment Gateway Settings", {"enabled": 1}, pluck="gateway")
	)
	known = [adapter_class(code).capabilities.minimum for code in enabled if is_known(code)]
	return min((minimum.get(currency) or Decimal(0) for minimum in known), default=Decimal(0))


def _minor(amount: Decimal, currency: str) -> int:
	try:
		minor = to_minor(amount, currency)
	except ValueError:
		message = _("{0} has too many decimal places for {1}.")
		raise BadRequest(message.format(exact_money(amount, currency), currency)) from None
	if minor <= 0:
		raise BadRequest(_("The amount must be greater than 0."))
	return minor


def _refusal(invoice: AIInvoice, allowed: Allowed) -> str:
	def shown(minor: int) -> str:
		return money(from_minor(minor, invoice.currency), invoice.currency)

	if allowed.least:
		message = _("Please pay {0} to {1}, or everything that is due: {2}.")
		return message.format(shown(allowed.least), shown(allowed.most), shown(allowed.due))
	if allowed.steps:
		message = _("Please pay one of these amounts: {0}.")
		return message.format(", ".join(shown(step) for step in allowed.steps))
	message = _("Invoice {0} cannot be paid in part. Please pay {1}.")
	return message.format(invoice.name, shown(allowed.due))
