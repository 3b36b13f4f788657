"""Actions that the Desk offers on a record. The server decides and sends them with the form.

For `onload` in hooks.py. Each action checks permissions again when it is used.
"""

from decimal import Decimal

import frappe
from frappe.model.document import Document
from frappe.utils import cint, flt

from oropendola_payments.ai_billing import credit_units, document_states
from oropendola_payments.ai_billing.doctype.ai_agent_proposal.ai_agent_proposal import AIAgentProposal
from oropendola_payments.ai_billing.doctype.ai_api_key.ai_api_key import AIAPIKey
from oropendola_payments.ai_billing.doctype.ai_billing_profile.ai_billing_profile import AIBillingProfile
from oropendola_payments.ai_billing.doctype.ai_coupon.ai_coupon import AICoupon
from oropendola_payments.ai_billing.doctype.ai_credit_grant.ai_credit_grant import AICreditGrant
from oropendola_payments.ai_billing.doctype.ai_credit_pack.ai_credit_pack import AICreditPack
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import OPEN, AIInvoice
from oropendola_payments.ai_billing.doctype.ai_payment_link.ai_payment_link import AIPaymentLink
from oropendola_payments.ai_billing.doctype.ai_plan_change.ai_plan_change import AIPlanChange
from oropendola_payments.ai_billing.doctype.ai_subscription.ai_subscription import AISubscription
from oropendola_payments.ai_billing.doctype.ai_tax_document.ai_tax_document import AITaxDocument
from oropendola_payments.ai_billing.doctype.ai_webhook_delivery.ai_webhook_delivery import AIWebhookDelivery
from oropendola_payments.ai_billing.doctype.ai_webhook_endpoint.ai_webhook_endpoint import AIWebhookEndpoint
from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import PaymentAttempt
from oropendola_payments.ai_billing.doctype.payment_capture.payment_capture import PaymentCapture
from oropendola_payments.ai_billing.doctype.payment_payout.payment_payout import PaymentPayout
from oropendola_payments.ai_billing.doctype.payment_payout_difference.payment_payout_difference import (
	PaymentPayoutDifference,
)
from oropendola_payments.ai_billing.doctype.payment_posting.payment_posting import PaymentPosting
from oropendola_payments.ai_billing.doctype.payment_refund.payment_refund import PaymentRefund
from oropendola_payments.ai_billing.formatting import money
from oropendola_payments.engine.documents import rendering
from oropendola_payments.engine.ending.preview import preview
from oropendola_payments.engine.ending.reasons import reasons
from oropendola_payments.engine.gateway.live_guard import is_confirmed, this_site
from oropendola_payments.engine.pauses.pause import LONGEST, SHORTEST, may_pause
from oropendola_payments.engine.refunds.record import CONTESTED, has_refunds
from oropendola_payments.engine.settlement.keep_credit import undecided
from oropendola_payments.engine.top_ups import packs
from oropendola_payments.engine.wallet.refunds import most_to_refund
from oropendola_payments.roles import is_manager


def invoice_loaded(invoice: AIInvoice, method: str | None = None) -> None:
	invoice.set_onload("actions", invoice_actions(invoice))


def subscription_loaded(subscription: AISubscription, method: str | None = None) -> None:
	subscription.set_onload("actions", subscription_actions(subscription))


def document_loaded(document: AITaxDocument, method: str | None = None) -> None:
	"""The preview, and whether a manager may correct the document."""
	document.set_onload("html", rendering.html_of(document, standalone=False))
	is_current = document.name == frappe.db.get_value("AI Invoice", document.invoice, "tax_document")
	document.set_onload("can_reissue", is_manager() and is_current)


def attempt_loaded(attempt: PaymentAttempt, method: str | None = None) -> None:
	attempt.set_onload("can_refresh", is_manager() and attempt.mode != "Manual")


def key_loaded(key: AIAPIKey, method: str | None = None) -> None:
	key.set_onload("can_revoke", is_manager() and (key.status != "Revoked" or bool(key.suspended)))


def posting_loaded(posting: PaymentPosting, method: str | None = None) -> None:
	posting.set_onload("can_act", is_manager() and posting.status == "Needs Attention")


def refund_loaded(refund: PaymentRefund, method: str | None = None) -> None:
	refund.set_onload("can_close", is_manager() and refund.can_be_closed())


def payout_loaded(payout: PaymentPayout, method: str | None = None) -> None:
	"""Whether a manager may compare it again or have it replaced, and its open differences."""
	payout.set_onload("can_check", is_manager())
	payout.set_onload("can_reopen", is_manager() and payout.status == "Balanced")
	fields = ["name", "kind", "subject", "difference", "currency"]
	filters = {"payout": payout.name, "status": "Open"}
	rows = frappe.get_all("Payment Payout Difference", filters, fields, order_by="opened_on, name", limit=20)
	payout.set_onload(
		"differences", [{**row, "difference": money(row.difference, row.currency)} for row in rows]
	)


def difference_loaded(difference: PaymentPayoutDifference, method: str | None = None) -> None:
	difference.set_onload("can_accept", is_manager() and difference.status == "Open")


def plan_change_loaded(change: AIPlanChange, method: str | None = None) -> None:
	change.set_onload("can_withdraw", is_manager() and change.is_open())


def proposal_loaded(proposal: AIAgentProposal, method: str | None = None) -> None:
	proposal.set_onload("can_approve", is_manager() and proposal.can_be_carried_out())
	proposal.set_onload("can_reject", is_manager() and proposal.can_be_decided())


def coupon_loaded(coupon: AICoupon, method: str | None = None) -> None:
	if not coupon.is_new():
		coupon.set_onload("use", coupon.use())


def credit_pack_loaded(pack: AICreditPack, method: str | None = None) -> None:
	pack.set_onload("charged_by_request", packs.charged_by_request(pack))


def credit_grant_loaded(grant: AICreditGrant, method: str | None = None) -> None:
	grant.set_onload(
		"credits",
		{
			name: credit_units.text(cint(grant.get(name)))
			for name in ("granted", "remaining", "owed", "overdrawn")
		},
	)
	grant.set_onload("can_correct", is_manager())


def webhook_log_loaded(row: Document, method: str | None = None) -> None:
	row.set_onload("can_replay", is_manager())


def webhook_endpoint_loaded(endpoint: AIWebhookEndpoint, method: str | None = None) -> None:
	endpoint.set_onload("actions", webhook_actions(endpoint))


def webhook_actions(endpoint: AIWebhookEndpoint) -> dict:
	"""Return the allowed actions. Empty unless the user is a manager."""
	if not is_manager():
		return {}
	active = endpoint.status == "Active"
	lost = {"endpoint": endpoint.name, "status": "Given Up"}
	actions = {
		"test": active,
		"resend": active and bool(frappe.db.exists("AI Webhook Delivery", lost)),
		"disable": active,
		"enable": not active,
		"rotate": True,
		"remove": not endpoint.user,
	}
	return {name: True for name, allowed in actions.items() if allowed}


def webhook_delivery_loaded(delivery: AIWebhookDelivery, method: str | None = None) -> None:
	status = frappe.db.get_value("AI Webhook Endpoint", delivery.endpoint, "status")
	delivery.set_onload("can_resend", is_manager() and status == "Active")


def profile_loaded(profile: AIBillingProfile, method: str | None = None) -> None:
	profile.set_onload("can_check_tax_id", is_manager() and bool(profile.tax_id))


def settings_loaded(settings: Document, method: str | None = None) -> None:
	settings.set_onload("can_rotate_secret", is_manager())
	settings.set_onload("live_site", {"this_site": this_site(), "confirmed": is_confirmed()})


def invoice_actions(invoice: AIInvoice) -> dict:
	"""Return the allowed actions by name, with the default values of their dialogs. Empty unless the user is a manager."""
	if not is_manager():
		return {}
	actions = {
		"pay": flt(invoice.outstanding()) if invoice.status in OPEN else None,
		"refund": _refundable(invoice),
		"keep": _undecided(invoice),
		"refresh": _attempt_to_refresh(invoice.name),
		"link": _link_channels(invoice),
		"allow_retry": invoice.is_exhausted(),
		"fulfil": invoice.status == "Paid" and not invoice.fulfilled_on,
		"stop_reminders": frappe.db.count(
			"AI Payment Reminder", {"invoice": invoice.name, "status": "Planned"}
		),
		"review": cint(invoice.needs_review) and invoice.review_reason,
		"issue_document": invoice.document_state in document_states.OPEN,
	}
	return {name: value for name, value in actions.items() if value}


def link_loaded(link: AIPaymentLink, method: str | None = None) -> None:
	link.set_onload("can_revoke", is_manager() and link.is_usable())


def _link_channels(invoice: AIInvoice) -> list[str] | None:
	"""Return how a payment link can be given away, if there is something to pay."""
	if not invoice.is_payable():
		return None
	return ["Copy"] if invoice.is_external() else ["Copy", "Email", "SMS"]


def subscription_actions(subscription: AISubscription) -> dict:
	"""Return the allowed actions by name, with what their dialogs show. Empty unless the user is a manager."""
	if not is_manager():
		return {}
	is_paused = subscription.status == "Paused"
	actions = {
		"cancel": _cancellation(subscription) if subscription.status != "Cancelled" else None,
		"undo_cancel": cint(subscription.cancel_at_period_end) == 1,
		"pause": not is_paused and may_pause(subscription) and {"shortest": SHORTEST, "longest": LONGEST},
		"resume": is_paused,
	}
	return {name: value for name, value in actions.items() if value}


def _cancellation(subscription: AISubscription) -> dict:
	found = preview(subscription.name)
	waits = found["at_period_end"]
	return {
		"ends_on": waits and str(waits["ends_on"]),
		"cost": [
			{**part, "unused": _shown(part, "unused_amount"), "back": _shown(part, "given_back")}
			for part in found["now"]
		],
		"reasons": reasons(),
	}


def _shown(part: dict, field: str) -> str:
	return money(part[field], part["currency"])


def _refundable(invoice: AIInvoice) -> float:
	"""Return what can still be refunded, over all captures of the invoice."""
	parts = (
		capture.refundable()
		for capture in _captures(invoice)
		if capture.dispute_state not in CONTESTED and has_refunds(capture.gateway)
	)
	left = sum(parts, Decimal(0))
	return flt(min(left, most_to_refund(invoice, left)))


def _undecided(invoice: AIInvoice) -> str:
	"""Return, as people write them, the amounts that a manager may keep as credit."""
	waiting = undecided(_captures(invoice))
	return ", ".join(money(capture.surplus_left(), capture.currency) for capture in waiting)


def _captures(invoice: AIInvoice) -> list[PaymentCapture]:
	names = frappe.get_all("Payment Capture", {"invoice": invoice.name}, pluck="name", order_by="creation")
	return [frappe.get_doc("Payment Capture", name) for name in names]


def _attempt_to_refresh(invoice: str) -> str | None:
	"""Return the latest attempt at a gateway. A manual payment has none."""
	filters = {"invoice": invoice, "mode": ("!=", "Manual")}
	return frappe.db.get_value("Payment Attempt", filters, "name", order_by="creation desc")
