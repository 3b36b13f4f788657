"""Emails about cancelled and paused subscriptions. They are sent after the commit, by a worker."""

import frappe

from oropendola_payments.ai_billing import formatting
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.ai_subscription.ai_subscription import AISubscription
from oropendola_payments.engine.core import after_commit
from oropendola_payments.engine.core.transactions import safely
from oropendola_payments.engine.notifications import emails

THIS = "oropendola_payments.engine.notifications.subscription_mails"


def enqueue(key: str, subscription: str, **facts: str) -> None:
	"""Queue an email when the caller's transaction has committed. `facts` are texts for it, beside those of the subscription."""
	after_commit.enqueue_after_commit(
		f"{THIS}.send", queue=after_commit.MAILS, key=key, subscription=subscription, facts=facts
	)


def send(key: str, subscription: str, facts: dict[str, str] | None = None) -> None:
	doc = frappe.get_doc("AI Subscription", subscription)
	safely(lambda: emails.about_account(key, doc, lambda: {**_about(doc), **(facts or {})}))


def payment_withdrew_cancellation(invoice: AIInvoice) -> None:
	"""Tell the customer, if this payment withdrew a scheduled cancellation."""
	withdrawn = {"invoice": invoice.name, "event": "cancellation_withdrawn"}
	if invoice.subscription and frappe.db.exists("Payment Event", withdrawn):
		send("cancellation_undone", invoice.subscription)


def _about(doc: AISubscription) -> dict:
	return {
		"plan": doc.get_plan().plan_name,
		"end_date": formatting.day(doc.end_date),
		"ended_on": formatting.day(doc.ended_on),
		"withdrawn_at": formatting.moment_and_zone(doc.modified),
		"resumes_on": formatting.day(doc.pause_until),
	}
