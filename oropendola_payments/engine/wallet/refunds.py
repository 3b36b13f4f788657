"""Credits follow their money: a refund or a dispute of a pack takes what is unused, and a refund that failed gives it back.

Money of ours goes back for unused credits only. What a gateway takes back by itself is taken as far as it is there; the rest is
shown to the manager.
"""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import frappe
from frappe import _

from oropendola_payments.ai_billing import credit_units
from oropendola_payments.ai_billing.doctype.ai_credit_grant.ai_credit_grant import AICreditGrant
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.payment_capture.payment_capture import CONTESTED, PaymentCapture
from oropendola_payments.ai_billing.formatting import money
from oropendola_payments.ai_billing.top_up import TOP_UP
from oropendola_payments.engine.core.transactions import read
from oropendola_payments.engine.wallet import entries, overdrafts
from oropendola_payments.engine.wallet.entries import Line, Why
from oropendola_payments.engine.wallet.grants import GRANT
from oropendola_payments.exceptions import Unprocessable
from oropendola_payments.money import from_minor, quantize, to_decimal, to_minor


def amount_to_refund(invoice: AIInvoice, asked: Decimal | None) -> Decimal | None:
	"""Return the amount that may be refunded: what was asked for, or all that is unused. The caller holds the invoice's lock."""
	grant = _grant_of(invoice)
	if not grant:
		return asked
	most = _unused_value(invoice, grant) + _surplus(invoice)
	if asked is not None and asked > most and most > 0:
		message = _("Some credits of this pack are used or have expired. At most {0} can be refunded.")
		raise Unprocessable(message.format(money(most, invoice.currency)))
	if most <= 0:
		raise Unprocessable(
			_("The credits of this pack are used, expired or refunded, so there is nothing to refund.")
		)
	return most if asked is None else asked


def most_to_refund(invoice: AIInvoice, otherwise: Decimal) -> Decimal:
	"""Return how much may be refunded of an invoice for a pack, as it is now; `otherwise` of any other."""
	name = invoice.purpose == TOP_UP and frappe.db.get_value(GRANT, {"invoice": invoice.name})
	return _unused_value(invoice, frappe.get_doc(GRANT, name)) + _surplus(invoice) if name else otherwise


def follow_money(invoice: AIInvoice) -> None:
	"""Take credits of the invoice for money that went back or is disputed, or restore them. The caller holds its lock and commits."""
	grant = _grant_of(invoice)
	if not grant:
		return
	taken = -entries.net(grant.name, ("Refunded", "Restored"))
	target = _units_for(invoice, grant, _money_back(invoice))
	if target > taken:
		_take(invoice, grant, target - taken)
	elif target < taken:
		_restore(invoice, grant, taken - target)
	elif grant.owed:
		grant.write(owed=0)


def _grant_of(invoice: AIInvoice) -> AICreditGrant | None:
	"""Return the locked grant of a paid invoice for a pack."""
	if invoice.purpose != TOP_UP:
		return None
	found = read(GRANT, "`invoice` = %s FOR UPDATE", (invoice.name,))
	return found[0] if found else None


def _take(invoice: AIInvoice, grant: AICreditGrant, wanted: int) -> None:
	part = min(wanted, grant.remaining)
	if part:
		entries.add(Why(grant.user, "Refunded", reference=invoice.name), [Line(grant.name, -part)])
	missing, before = wanted - part, int(grant.owed or 0)
	if part or missing != before:
		grant.write(remaining=grant.remaining - part, owed=missing)
		invoice.record(
			"credits_taken_back",
			grant,
			credits=credit_units.in_credits(part),
			missing=credit_units.in_credits(missing),
		)
	if missing > before:
		message = _("{0} of the refunded credits had already been used or had expired.")
		invoice.flag_for_review(message.format(credit_units.text(missing)))


def _restore(invoice: AIInvoice, grant: AICreditGrant, units: int) -> None:
	entries.add(Why(grant.user, "Restored", reference=invoice.name), [Line(grant.name, units)])
	grant.write(remaining=grant.remaining + units, owed=0)
	invoice.record("credits_restored", grant, credits=credit_units.in_credits(units))
	if not grant.is_over():
		overdrafts.pay(grant, units)


# Money and credits --------------------------------------------------------------------------------


def _units_for(invoice: AIInvoice, grant: AICreditGrant, amount: Decimal) -> int:
	"""Return how many thousandths an amount of the price paid for, rounded up."""
	if amount >= invoice.total():
		return int(grant.granted)
	exact = to_decimal(grant.granted) * amount / invoice.total()
	return int(exact.to_integral_value(ROUND_CEILING))


def _unused_value(invoice: AIInvoice, grant: AICreditGrant) -> Decimal:
	"""Return what the remaining credits cost, rounded down to the smallest coin, so that they are enough to take for it."""
	if grant.is_over():
		return Decimal(0)
	coins = to_minor(invoice.total(), invoice.currency)
	exact = Decimal(coins) * grant.remaining / grant.granted
	return from_minor(int(exact.to_integral_value(ROUND_FLOOR)), invoice.currency)


def _money_back(invoice: AIInvoice) -> Decimal:
	"""Return how much of the price is not ours: refunded, on its way back, or disputed. A refunded part that was paid again is ours."""
	ours = Decimal(0)
	for capture in _captures(invoice):
		ours += to_decimal(capture.applied_amount or 0) - _back_of(capture)
	return min(max(Decimal(0), invoice.total() - quantize(ours, invoice.currency)), invoice.total())


def _back_of(capture: PaymentCapture) -> Decimal:
	if capture.dispute_state in CONTESTED:
		return to_decimal(capture.applied_amount or 0)
	return capture.refunded_of_applied(to_decimal(capture.amount_refunded or 0))


def _surplus(invoice: AIInvoice) -> Decimal:
	"""Return what was paid twice or too much and can be refunded, which bought no credits."""
	same = (capture for capture in _captures(invoice) if capture.currency == invoice.currency)
	return sum((_surplus_of(capture) for capture in same), Decimal(0))


def _surplus_of(capture: PaymentCapture) -> Decimal:
	if capture.dispute_state in CONTESTED:
		return Decimal(0)
	held = to_decimal(capture.amount_refunded or 0) - capture.refunded_of_applied(
		to_decimal(capture.amount_refunded or 0)
	)
	unapplied = to_decimal(capture.amount) - to_decimal(capture.applied_amount or 0)
	return max(Decimal(0), unapplied - to_decimal(capture.credit_used or 0) - held)


def _captures(invoice: AIInvoice) -> list[PaymentCapture]:
	return read("Payment Capture", "`invoice` = %s", (invoice.name,))
