"""Money that came twice, too much, or for something called off: the double-payment policy decides, never silence."""

from decimal import Decimal

import frappe
from frappe import _

from oropendola_payments.engine import refund_opening


def decide(invoice, capture, unwanted: Decimal):
	"""Refund, keep as credit, or flag. Runs inside the settling transaction; a refund is sent after it."""
	policy = frappe.get_cached_doc("Payment Settings").double_payment_policy or "Refund"
	if policy == "Refund" and not refund_opening.can_refund(capture, unwanted):
		policy = "Flag"
	invoice.record("surplus_decided", capture, to_status=policy, unwanted=unwanted, currency=capture.currency)
	capture.write(resolution=policy, surplus=unwanted)
	if policy == "Refund":
		refund_opening.open_refund(
			invoice, capture, unwanted, _("More was paid than was due."), key=f"surplus:{capture.name}"
		)
	elif policy == "Flag":
		message = _("{0} {1} more than needed came with payment {2}. Please send it back or credit it.")
		invoice.flag_for_review(message.format(unwanted, capture.currency, capture.gateway_payment_id))
	invoice.write()
