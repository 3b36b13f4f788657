"""The coupon of an order: what the checkout shows of it, and its two buttons."""

from frappe import _

from oropendola_payments.ai_billing import invoice_price
from oropendola_payments.engine.subscriptions import discounts
from oropendola_payments.web import shell, words


def press(invoice) -> None:
	"""Do what the button of the coupon form asks for, and show the order again. Other buttons are not ours."""
	address, typed = f"/checkout?invoice={invoice.name}", shell.posted("coupon")
	action = shell.posted("action")
	if action not in ("apply_coupon", "remove_coupon"):
		return
	with shell.refusals_lead_to(address, coupon=typed):
		if action == "apply_coupon":
			discounts.apply(invoice.user, invoice.name, typed)
		else:
			discounts.remove(invoice.user, invoice.name)
	shell.redirect(address)


def form(invoice, typed: dict) -> dict:
	"""Return which of the two forms the checkout shows, if any. Without coupons on sale there is no field for a code."""
	is_open = discounts.is_changeable(invoice)
	return {
		"can_remove": is_open and bool(invoice.coupon),
		"can_apply": is_open and not invoice.coupon and discounts.has_coupons(),
		"typed": typed.get("coupon") or "",
	}


def of_invoice(invoice) -> dict | None:
	"""Return the lines of a reduced price, or None without a coupon."""
	if not invoice.coupon:
		return None
	return {
		"code": invoice.coupon,
		"price": words.money(invoice_price.full_price(invoice), invoice.currency),
		"discount": words.money(invoice_price.discount(invoice), invoice.currency),
	}


def of_subscription(code: str | None, periods_left: int) -> str:
	"""Return the sentence about the coupon that renewals get, or an empty one."""
	if not code or not periods_left:
		return ""
	if periods_left < 0:
		return _("Your coupon {0} reduces every renewal.").format(code)
	if periods_left == 1:
		return _("Your coupon {0} reduces the next renewal.").format(code)
	return _("Your coupon {0} reduces the next {1} renewals.").format(code, words.number(periods_left))
