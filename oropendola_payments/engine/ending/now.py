"""End a subscription now: its keys and open invoices too. The plan says what happens to the paid days that are left."""

from oropendola_payments.ai_billing import formatting
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.ai_subscription.ai_subscription import AISubscription
from oropendola_payments.engine.core import after_commit
from oropendola_payments.engine.core.transactions import in_transaction
from oropendola_payments.engine.ending import unused_days
from oropendola_payments.engine.entitlements.scheduled_change import open_change
from oropendola_payments.engine.entitlements.subscription_lock import Locked, lock_with_invoices
from oropendola_payments.engine.notifications import subscription_mails
from oropendola_payments.engine.settlement import unfinished

SEND_REFUNDS = "oropendola_payments.engine.refunds.process.process_invoice"


def end(name: str, reason: str = "", note: str | None = None) -> dict:
	"""End a subscription now and give back its unused days as its plan says. A second call changes nothing."""
	return in_transaction(_end, name, reason, note)


def end_without_return(name: str) -> dict:
	"""End a subscription of a customer who is gone: no email, and nothing is given back. The caller commits."""
	return end_locked(lock_with_invoices(name), mail=None)


def _end(name: str, reason: str, note: str | None) -> dict:
	whole = lock_with_invoices(name)
	return end_locked(whole, reason, note, unused_days.policy_of(whole.subscription))


def end_locked(
	whole: Locked,
	reason: str = "",
	note: str | None = None,
	policy: str = unused_days.NOTHING,
	mail: str | None = "subscription_cancelled",
) -> dict:
	"""End a locked subscription. The caller commits."""
	subscription = whole.subscription
	if subscription.status == "Cancelled":
		return facts(subscription)
	before = subscription.status
	_close_open_invoices(whole)
	_withdraw_plan_change(whole)
	returned = _give_back(whole, policy)
	whole.record("subscription_cancelled", from_status=before, to_status="Cancelled", reason=reason)
	reason, note = reason or subscription.cancel_reason or "", note or subscription.cancel_note
	subscription.cancel(cancel_reason=reason, cancel_note=note)
	if mail and before != "Pending":
		subscription_mails.enqueue(mail, subscription.name, **_texts(returned))
	return {**facts(subscription), **({"given_back": returned} if returned else {})}


def facts(subscription: AISubscription) -> dict:
	return {
		"subscription_id": subscription.name,
		"status": subscription.status,
		"cancel_at_period_end": False,
		"ends_on": subscription.ended_on,
	}


def _give_back(whole: Locked, policy: str) -> list[dict]:
	if policy == unused_days.NOTHING:
		return []
	found = []
	for unused in unused_days.of(whole.subscription):
		amount = unused_days.give_back(whole, unused, policy)
		if amount:
			found.append({"as": policy.lower(), "amount": amount, "currency": unused.currency})
	if found and policy == "Refund":
		for invoice in whole.invoices:
			_send_refunds(invoice)
	return found


def _texts(returned: list[dict]) -> dict[str, str]:
	"""Return the amounts for the email: what is refunded, and what is kept as credit."""
	texts: dict[str, list[str]] = {}
	for part in returned:
		texts.setdefault(part["as"], []).append(formatting.money(part["amount"], part["currency"]))
	return {what: ", ".join(amounts) for what, amounts in texts.items()}


def _close_open_invoices(whole: Locked) -> None:
	"""Cancel open invoices, and close those paid in part, whose rest is not owed. A payment in progress goes on."""
	for invoice in whole.open_invoices():
		if invoice.can_move_to("Cancelled"):
			invoice.mark_as_cancelled()
		elif invoice.status == "Partly Paid":
			unfinished.close(invoice, unfinished.ENDED_REASON)
			_send_refunds(invoice)


def _withdraw_plan_change(whole: Locked) -> None:
	"""Withdraw an open change of plan. One whose payment is in progress lapses by itself, with the money by the double-payment policy."""
	change = open_change(whole.subscription.name)
	if not change or any(invoice.name == change.invoice for invoice in whole.open_invoices()):
		return
	if change.status == "Scheduled":
		whole.subscription.call_off_change()
	whole.record(
		"plan_change_withdrawn", from_status=change.status, to_status="Withdrawn", plan_change=change.name
	)
	change.mark_as_withdrawn()


def _send_refunds(invoice: AIInvoice) -> None:
	after_commit.enqueue_after_commit(SEND_REFUNDS, invoice=invoice.name)
