"""A subscription locked together with its invoices, for changes that move its dates or end it."""

from dataclasses import dataclass
from typing import Any

import frappe
from frappe import _
from frappe.utils import get_datetime

from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import OPEN, AIInvoice
from oropendola_payments.ai_billing.doctype.ai_subscription.ai_subscription import AISubscription
from oropendola_payments.ai_billing.doctype.payment_event import payment_event
from oropendola_payments.compat import locks_ranges
from oropendola_payments.engine.core.transactions import lock, read
from oropendola_payments.exceptions import ConcurrentChange


@dataclass(frozen=True)
class Locked:
	subscription: AISubscription
	invoices: list[AIInvoice]

	def open_invoices(self) -> list[AIInvoice]:
		return [invoice for invoice in self.invoices if invoice.status in OPEN]

	def record(self, event: str, **details: Any) -> None:
		"""Append an event to the chain of the current invoice; a subscription without one uses the chain of the site."""
		current = self.subscription.current_invoice
		invoice = next((invoice for invoice in self.invoices if invoice.name == current), None)
		if invoice:
			invoice.record(event, self.subscription, **details)
		else:
			payment_event.append_to_site(event, self.subscription, **details)


def lock_with_invoices(name: str) -> Locked:
	"""Lock all invoices of a subscription, then itself: the order of a settlement. Read nothing before."""
	invoices = _lock_invoices(name)
	subscription = lock("AI Subscription", name)
	return Locked(subscription, invoices if locks_ranges() else _lock_invoices(name))


def require_fresh(subscription: AISubscription) -> None:
	"""Raise ConcurrentChange, and the transaction is tried again, if it sees what was before another change of the locked subscription.

	MariaDB's snapshot may be older than the lock, which a payment takes late. The paid periods, which are read plainly, would miss
	a period or a change of plan that was just paid. Call it before anything is written to the subscription.
	"""
	seen = frappe.db.get_value("AI Subscription", subscription.name, "modified")
	if not seen or get_datetime(seen) != get_datetime(subscription.modified):
		raise ConcurrentChange(_("The subscription was just changed. Please try again."))


def _lock_invoices(name: str) -> list[AIInvoice]:
	return read("AI Invoice", "`subscription` = %s ORDER BY `name` FOR UPDATE", (name,))
