"""Close the earlier attempts of an invoice at their gateways before a new one is opened, so that nobody pays twice."""

from collections.abc import Iterable

import frappe
from frappe import _
from frappe.utils import get_datetime, now_datetime

from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import SETTLED, AIInvoice
from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import PaymentAttempt
from oropendola_payments.ai_billing.known_gateways import adapter_class, is_known
from oropendola_payments.engine.checkout.attempts import attempts_of, require_none_in_transit
from oropendola_payments.engine.core.transactions import in_transaction
from oropendola_payments.engine.gateway.mode_guard import is_current_mode
from oropendola_payments.engine.inbound.withdraw import withdraw_if_possible
from oropendola_payments.engine.settlement.attempt_outcomes import lock_and_cancel
from oropendola_payments.exceptions import Conflict
from oropendola_payments.money import to_decimal

# In these states the order may still be payable at the gateway.
MAY_STILL_BE_PAID = ("Processing", "Expired", "Failed")


def close_previous_attempts(attempt: PaymentAttempt, rows: Iterable[frappe._dict]) -> None:
	"""Close the earlier attempts. If one of them is paid, or its money is in transit, cancel the new attempt and raise Conflict."""
	names = [row.name for row in rows if row.name != attempt.name and _can_be_closed(row)]
	for name in names:
		withdraw_if_possible(name)
	try:
		if names:
			_require_still_due(frappe.get_doc("AI Invoice", attempt.invoice), attempt)
	except Conflict:
		in_transaction(lock_and_cancel, attempt)
		raise


def _require_still_due(invoice: AIInvoice, attempt: PaymentAttempt) -> None:
	if invoice.status in SETTLED:
		raise Conflict(_("Invoice {0} is already paid.").format(invoice.name))
	require_none_in_transit(invoice, to_decimal(attempt.amount), attempts_of(invoice.name))


def _can_be_closed(row: frappe._dict) -> bool:
	is_over = row.expires_at and get_datetime(row.expires_at) <= now_datetime()
	may_be_paid = row.status in MAY_STILL_BE_PAID and row.gateway_order_id and not is_over
	if not may_be_paid or not is_known(row.gateway) or not is_current_mode(row):
		return False
	return adapter_class(row.gateway).capabilities.cancel
