"""Release what customers reserved and did not pay for, so that an unpaid invoice cannot hold the last redemption for ever."""

from datetime import timedelta

import frappe
from frappe.utils import getdate, now_datetime

from oropendola_payments.ai_billing import invoice_price
from oropendola_payments.ai_billing.periods import today
from oropendola_payments.engine.core.batch import for_each
from oropendola_payments.engine.core.transactions import in_transaction, lock
from oropendola_payments.engine.coupons.redemptions import NOT_PAID_REASON


def release_unpaid() -> None:
	"""Release the redemptions of overdue invoices. Their price stays: a late payment redeems the coupon after all."""
	old = {"status": "Reserved", "reserved_on": ("<", now_datetime() - timedelta(days=1))}
	for_each("AI Coupon Redemption", old, _release_if_overdue)


def _release_if_overdue(name: str) -> None:
	in_transaction(_release_locked, frappe.db.get_value("AI Coupon Redemption", name, "invoice"))


def _release_locked(invoice_name: str) -> None:
	invoice = lock("AI Invoice", invoice_name)
	is_overdue = invoice.due_date and getdate(invoice.due_date) < today()
	if is_overdue and not invoice_price.is_final(invoice):
		invoice_price.release_coupon(invoice, NOT_PAID_REASON)
