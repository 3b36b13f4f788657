"""Desk actions for managers."""

from decimal import Decimal

import frappe
from frappe import _

from oropendola_payments.api import contract, endpoint, require_manager, require_staff
from oropendola_payments.api.answers import credits as credit_answers
from oropendola_payments.api.answers import managers as answers
from oropendola_payments.api.answers import subscriptions
from oropendola_payments.api.arguments import Currency
from oropendola_payments.engine.checkout import gateway_choice as explain
from oropendola_payments.engine.ending import at_period_end as at_end
from oropendola_payments.engine.ending import now
from oropendola_payments.engine.ending.reasons import checked_note, reason_of
from oropendola_payments.engine.frontends import secret
from oropendola_payments.engine.gateway import live_guard
from oropendola_payments.engine.gateway.simulated import mock_marks_of
from oropendola_payments.engine.inbound import inbox
from oropendola_payments.engine.inbound.status_query import refresh
from oropendola_payments.engine.keys import manage
from oropendola_payments.engine.pauses import pause, resume
from oropendola_payments.engine.plan_changes import withdraw
from oropendola_payments.engine.refunds import create
from oropendola_payments.engine.settlement import keep_credit, manual_payment, reviews
from oropendola_payments.engine.subscriptions import retries
from oropendola_payments.engine.tax import data_sets
from oropendola_payments.engine.tax import profile as billing_profile
from oropendola_payments.engine.wallet import corrections
from oropendola_payments.exceptions import BadRequest, NotFound

MAX_REPLAYS = 100


@endpoint(methods=("POST",), source="Desk", answer=answers.ManualPayment)
def record_manual_payment(
	invoice_id: str, amount: Decimal, reference: str, paid_on: str | None = None, note: str | None = None
) -> dict:
	"""Record a bank transfer or cash payment."""
	require_manager()
	return manual_payment.record_payment(invoice_id, amount, reference, paid_on, note)


@endpoint(methods=("POST",), source="Desk", answer=answers.AskedGateway, errors=contract.GATEWAY)
def ask_gateway(attempt: str) -> dict:
	"""Refresh the status of an attempt from its gateway."""
	require_manager()
	if not frappe.db.exists("Payment Attempt", attempt):
		raise NotFound(_("There is no payment {0}.").format(attempt))
	refresh(attempt)
	status = frappe.db.get_value("Payment Attempt", attempt, "status")
	return {"attempt": attempt, "status": status, **mock_marks_of(attempt)}


@endpoint(
	methods=("POST",), source="Desk", answer=answers.Replayed, errors=("malformed_notice", *contract.GATEWAY)
)
def replay_messages(names: str) -> dict:
	"""Process stored messages again. `names` is a JSON list or one name."""
	require_manager()
	message_names = frappe.parse_json(names) if names.startswith("[") else [names]
	if (
		not isinstance(message_names, list)
		or len(message_names) > MAX_REPLAYS
		or not all(isinstance(n, str) for n in message_names)
	):
		raise BadRequest(_("Please send no more than {0} message names.").format(MAX_REPLAYS))
	return {"results": inbox.replay(message_names)}


@endpoint(methods=("POST",), source="Desk", answer=answers.ConfirmedSite)
def confirm_live_site() -> dict:
	"""Confirm that this site, and not a copy of it, may use Live gateways."""
	require_manager()
	live_guard.confirm()
	return {"confirmed_site": live_guard.this_site()}


@endpoint(methods=("POST",), source="Desk", answer=answers.FrontendSecret)
def rotate_frontend_secret() -> dict:
	"""Create the secret with which frontends verify a return, and return it, only this time."""
	require_manager()
	return {"secret": secret.rotate()}


@endpoint(methods=("POST",), source="Desk", answer=answers.ClosedRefund)
def close_refund(refund: str, note: str) -> dict:
	"""Close a refund with an unknown outcome as not made. The note says what the gateway's dashboard shows."""
	require_manager()
	return create.close_manually(refund, note)


@endpoint(methods=("GET", "POST"), source="Desk", answer=answers.ExplainedGateways)
def explain_gateways(currency: Currency, amount: Decimal | None = None, method: str | None = None) -> dict:
	"""Return for each gateway why it is recommended for such a payment, or why not."""
	require_staff()
	return explain.explain(currency, amount, method)


@endpoint(methods=("POST",), source="Desk", answer=answers.AllowedRetry)
def allow_retry(invoice_id: str, reason: str) -> dict:
	"""Allow one more payment attempt of an invoice that has none left."""
	require_manager()
	return retries.allow_retry(invoice_id, reason)


@endpoint(methods=("POST",), source="Desk", answer=subscriptions.Cancelled, errors=contract.GATEWAY)
def cancel_subscription(
	subscription_id: str, at_period_end: bool = True, reason: str | None = None, note: str | None = None
) -> dict:
	"""Cancel a customer's subscription at the end of its period, or now. Its plan says what happens to the unused days."""
	require_manager()
	known, text = reason_of(reason), checked_note(note)
	if at_period_end:
		return at_end.cancel(subscription_id, known, text)
	return now.end(subscription_id, known, text)


@endpoint(methods=("POST",), source="Desk", answer=subscriptions.Cancelled)
def undo_cancel(subscription_id: str) -> dict:
	"""Withdraw a scheduled cancellation for the customer."""
	require_manager()
	return at_end.undo(subscription_id)


@endpoint(methods=("POST",), source="Desk", answer=subscriptions.Paused)
def pause_subscription(subscription_id: str, days: int | None = None) -> dict:
	"""Pause a subscription for the customer."""
	require_manager()
	return pause.pause(subscription_id, days)


@endpoint(methods=("POST",), source="Desk", answer=subscriptions.Resumed)
def resume_subscription(subscription_id: str) -> dict:
	"""Resume a paused subscription, also before the shortest pause is over."""
	require_manager()
	return resume.resume(subscription_id, at_any_time=True)


@endpoint(methods=("POST",), source="Desk", answer=credit_answers.ChangedGrant)
def give_credits(
	user: str, credits: Decimal, reason: str, valid_days: int = 365, idempotency_key: str | None = None
) -> dict:
	"""Give a customer credits that cost nothing. With 0 days they do not expire."""
	require_manager()
	return corrections.give(user, credits, valid_days, reason, idempotency_key)


@endpoint(methods=("POST",), source="Desk", answer=credit_answers.ChangedGrant)
def correct_credits(grant: str, credits: Decimal, reason: str, idempotency_key: str | None = None) -> dict:
	"""Add credits to what remains of a grant, or take some if below 0."""
	require_manager()
	return corrections.correct(grant, credits, reason, idempotency_key)


@endpoint(methods=("POST",), source="Desk", answer=subscriptions.RevokedApiKey)
def revoke_api_key(key_id: str) -> dict:
	"""End one API key of a customer now."""
	require_manager()
	return manage.revoke_by_manager(key_id)


@endpoint(methods=("POST",), source="Desk", answer=answers.InvoiceNamed)
def finish_review(invoice_id: str, note: str) -> dict:
	"""Finish the review of an invoice. The note says what was found."""
	require_manager()
	return reviews.finish_review(invoice_id, note)


@endpoint(methods=("POST",), source="Desk", answer=answers.KeptAsCredit)
def keep_as_credit(invoice_id: str) -> dict:
	"""Keep what was paid too much for an invoice, and waits for a decision, as credit for the customer's next invoice."""
	require_manager()
	return keep_credit.keep(invoice_id)


@endpoint(methods=("POST",), source="Desk", answer=subscriptions.WithdrawnPlanChange)
def withdraw_plan_change(plan_change: str) -> dict:
	"""Cancel a change of plan that is scheduled or not paid yet."""
	require_manager()
	subscription = frappe.db.get_value("AI Plan Change", plan_change, "subscription")
	if not subscription:
		raise NotFound(_("There is no change of plan {0}.").format(plan_change))
	return withdraw.withdraw_of(subscription)


@endpoint(methods=("POST",), source="Desk", answer=answers.TaxIdChecked, errors=("invalid_tax_id",))
def confirm_tax_id(profile: str, reference: str | None = None) -> dict:
	"""Record that the authority confirmed the tax ID of a billing profile. The reference says how it was checked."""
	require_manager()
	return billing_profile.record_check(profile, True, reference)


@endpoint(methods=("POST",), source="Desk", answer=answers.TaxIdChecked)
def reject_tax_id(profile: str, reference: str | None = None) -> dict:
	"""Record that the authority does not know the tax ID of a billing profile. It no longer counts for tax."""
	require_manager()
	return billing_profile.record_check(profile, False, reference)


@endpoint(methods=("POST",), source="Desk", answer=answers.LoadedTaxRules)
def load_tax_rules(data_set: str) -> dict:
	"""Add the tax rules of a data set that do not exist yet."""
	require_manager()
	return data_sets.load(data_set)
