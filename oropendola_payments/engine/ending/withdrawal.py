"""Withdrawal from the contract, which consumers in the European Union have for 14 days: it ends now, and unused days are refunded."""

from datetime import date, timedelta

import frappe
from frappe import _
from frappe.query_builder.functions import Min
from frappe.utils import cint, getdate

from oropendola_payments.ai_billing import formatting
from oropendola_payments.ai_billing.current import payment_settings
from oropendola_payments.ai_billing.doctype.ai_subscription.ai_subscription import AISubscription
from oropendola_payments.ai_billing.periods import today
from oropendola_payments.engine.core.transactions import in_transaction
from oropendola_payments.engine.ending import now, unused_days
from oropendola_payments.engine.entitlements.subscription_lock import lock_with_invoices
from oropendola_payments.exceptions import Conflict

STATES = ("Active", "Paused")


def last_day(subscription: AISubscription | frappe._dict) -> date | None:
	"""Return the last day on which the customer can withdraw; None if that is over, or there is nothing to withdraw from."""
	days = cint(payment_settings().withdrawal_days)
	if not days or subscription.status not in STATES:
		return None
	first = min(_first_payments(subscription.name), default=None)
	last = first + timedelta(days=days) if first else None
	return last if last and last >= today() else None


def _first_payments(subscription: str) -> list[date]:
	"""Return when the customer first paid for service at once, and by a part that bought days, which is fulfilled only with the last one."""
	invoice, capture = frappe.qb.DocType("AI Invoice"), frappe.qb.DocType("Payment Capture")
	own = frappe.qb.from_(invoice).where(invoice.subscription == subscription)
	at_once = own.select(Min(invoice.fulfilled_on)).where(invoice.amount_paid > 0)
	in_parts = own.join(capture).on(capture.invoice == invoice.name).select(Min(capture.creation))
	in_parts = in_parts.where((capture.applied_amount > 0) & (capture.gateway != "credit"))
	queries = (at_once.where(invoice.covered_days == 0), in_parts.where(invoice.covered_days > 0))
	moments = (query.run()[0][0] for query in queries)
	return [getdate(moment) for moment in moments if moment]


def preview(subscription: AISubscription) -> dict:
	"""Return until when the customer can withdraw, and what is refunded then. Writes nothing."""
	until = _require(last_day(subscription))
	refunds = [
		{"amount": unused_days.can_give_back(subscription, unused), "currency": unused.currency}
		for unused in unused_days.of(subscription)
	]
	return {"subscription_id": subscription.name, "possible_until": until, "refunds": refunds}


def withdraw(name: str) -> dict:
	"""End the subscription now and refund its unused days, whatever its plan says. A second call changes nothing."""
	return in_transaction(_withdraw, name)


def _withdraw(name: str) -> dict:
	whole = lock_with_invoices(name)
	if whole.subscription.status == "Cancelled":
		return now.facts(whole.subscription)
	until = _require(last_day(whole.subscription))
	whole.record("contract_withdrawn", possible_until=until)
	return now.end_locked(whole, policy="Refund", mail="contract_withdrawn")


def _require(until: date | None) -> date:
	if not until:
		days = formatting.number(cint(payment_settings().withdrawal_days))
		message = _("A withdrawal is possible for {0} days after the first payment. You can cancel instead.")
		raise Conflict(message.format(days))
	return until
