"""Mode guard: Test, Live and Simulator are different accounts, so an answer from one is never used for a payment of another."""

import frappe
from frappe import _
from frappe.query_builder import DocType
from frappe.utils import get_datetime

from oropendola_payments.ai_billing.analytics import counted_modes
from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import PaymentAttempt
from oropendola_payments.ai_billing.known_gateways import is_known
from oropendola_payments.engine.gateway.registry import settings_of
from oropendola_payments.exceptions import Conflict
from oropendola_payments.gateways.base import Outcome, PaymentEvent, RefundEvent


def is_current_mode(attempt: PaymentAttempt | frappe._dict) -> bool:
	"""Return whether the gateway is in the mode in which the attempt was made. `attempt` needs `gateway` and `mode`."""
	return attempt.mode == "Manual" or attempt.mode == settings_of(attempt.gateway).mode


def require_current_mode(attempt: PaymentAttempt | frappe._dict) -> None:
	if not is_current_mode(attempt):
		raise Conflict(other_mode_message(attempt))


def is_under_earlier_keys(attempt: PaymentAttempt | frappe._dict) -> bool:
	"""Return whether the gateway's keys were changed since the attempt was made. `attempt` needs `gateway` and `initiated_at`.

	They may be those of another account, which does not know the payment, while its page can still be paid.
	"""
	changed = settings_of(attempt.gateway).keys_changed_on
	return bool(changed) and get_datetime(attempt.initiated_at) < get_datetime(changed)


def is_page_outdated(attempt: PaymentAttempt | frappe._dict) -> bool:
	"""Return whether the page of an attempt takes the money into an account of which we may hear nothing."""
	return not is_known(attempt.gateway) or not is_current_mode(attempt) or is_under_earlier_keys(attempt)


def says_nothing(attempt: PaymentAttempt | frappe._dict, event: PaymentEvent | RefundEvent) -> bool:
	"""Return whether the account of today does not know an attempt that may be in the account of earlier keys."""
	return event.outcome is Outcome.NOT_FOUND and is_under_earlier_keys(attempt)


def is_tried_out(invoice: str) -> bool:
	"""Return whether an invoice was paid with nothing but play money. Once a gateway is Live, that is no revenue, no sale and in no books."""
	modes = counted_modes()
	if "Test" in modes:
		return False
	capture, attempt = DocType("Payment Capture"), DocType("Payment Attempt")
	query = frappe.qb.from_(capture).join(attempt).on(attempt.name == capture.attempt)
	paid_in = query.where(capture.invoice == invoice).select(attempt.mode).run(pluck=True)
	return bool(paid_in) and not set(paid_in) & set(modes)


def mode_of(attempt_name: str | None) -> frappe._dict:
	"""Return name, gateway and mode of an attempt, which is all that the guard needs."""
	fields = ["name", "gateway", "mode"]
	return frappe.db.get_value("Payment Attempt", attempt_name, fields, as_dict=True)


def other_mode_message(attempt: PaymentAttempt | frappe._dict) -> str:
	message = _(
		"Payment {0} was made in {1} mode. It is on hold until the gateway is set to that mode again."
	)
	return message.format(attempt.name, _(attempt.mode))
