"""The price of an invoice and its coupon. Both can change only while nothing was paid."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import frappe
from frappe import _
from frappe.utils import cint

from oropendola_payments.ai_billing.doctype.ai_invoice import totals
from oropendola_payments.exceptions import Conflict
from oropendola_payments.money import quantize

if TYPE_CHECKING:
	from oropendola_payments.ai_billing.doctype.ai_coupon_redemption.ai_coupon_redemption import (
		AICouponRedemption,
	)
	from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice

UNPAID = ("Pending", "Failed", "Abandoned")


def discount(invoice: "AIInvoice") -> Decimal:
	"""Return what the coupon took off the price."""
	return quantize(invoice.discount_amount or 0, invoice.currency)


def full_price(invoice: "AIInvoice") -> Decimal:
	"""Return the price before the discount. As the plan's price, it includes tax only if prices do."""
	reduced = invoice.total_amount if cint(invoice.price_includes_tax) else invoice.net_amount
	return quantize(reduced or 0, invoice.currency) + discount(invoice)


def is_final(invoice: "AIInvoice") -> bool:
	"""Return whether the price cannot change any more, because something was paid or is being paid, or the invoice is closed."""
	return invoice.status not in UNPAID or bool(invoice.paid())


def require_changeable(invoice: "AIInvoice") -> None:
	if is_final(invoice):
		message = _("Invoice {0} is {1}, so its price cannot change.")
		frappe.throw(message.format(invoice.name, _(invoice.status)), Conflict)


def change(invoice: "AIInvoice", **values: Any) -> None:
	"""Write other amounts, and tax lines, to an invoice for which nothing was paid. The caller holds its lock."""
	require_changeable(invoice)
	invoice.set("taxes", values.pop("taxes", []))
	invoice.update(values)
	totals.set_totals(invoice)
	totals.write_lines(invoice)
	sums = {name: invoice.get(name) for name in ("tax_amount", "total_amount", "outstanding_amount")}
	invoice.write(**{**values, **sums, **invoice.without_schedule()})


def release_coupon(invoice: "AIInvoice", reason: str) -> bool:
	"""Let somebody else redeem the coupon that this invoice redeemed. The price stays as it was promised."""
	if not invoice.coupon_redemption:
		return False
	redemption: AICouponRedemption = frappe.get_doc("AI Coupon Redemption", invoice.coupon_redemption)
	before = redemption.status
	if not redemption.mark_as_released(reason):
		return False
	invoice.record("coupon_released", redemption, before, "Released", coupon=invoice.coupon, reason=reason)
	return True
