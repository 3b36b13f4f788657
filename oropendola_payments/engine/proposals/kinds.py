"""What can be proposed: how it is checked, what it says to the person who decides, and how it is carried out."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import frappe
from frappe import _

from oropendola_payments.ai_billing.doctype.ai_agent_proposal.ai_agent_proposal import AIAgentProposal
from oropendola_payments.ai_billing.formatting import exact_money, money
from oropendola_payments.engine.ending import at_period_end, now
from oropendola_payments.engine.inbound import inbox
from oropendola_payments.engine.refunds import create
from oropendola_payments.engine.refunds.record import CONTESTED, has_refunds
from oropendola_payments.exceptions import Conflict, NotFound, Unprocessable
from oropendola_payments.money import quantize, to_decimal


@dataclass(frozen=True)
class Kind:
	"""`carry_out` runs the same code as the Desk's button. It may run twice for one proposal, and must not act twice."""

	check: Callable[..., dict[str, Any]]
	carry_out: Callable[[AIAgentProposal], dict[str, str]]


def _refund(invoice: str, amount: Decimal | None = None) -> dict[str, Any]:
	doc = _existing("AI Invoice", invoice)
	left = _refundable(invoice)
	wanted = left if amount is None else amount
	if not 0 < wanted <= left:
		message = _("Of invoice {0}, {1} can be refunded. Please propose no more than that.")
		raise Unprocessable(message.format(invoice, money(left, doc.currency)))
	if quantize(wanted, doc.currency) != wanted:  # the sentence below would round what approving refunds
		message = _("{0} has too many decimal places for {1}.")
		raise Unprocessable(message.format(exact_money(wanted, doc.currency), doc.currency))
	summary = _("Refund {0} of invoice {1} to {2}.")
	return {
		"invoice": invoice,
		"subscription": doc.subscription,
		"user": doc.user,
		"amount": wanted,
		"currency": doc.currency,
		"summary": summary.format(money(wanted, doc.currency), invoice, doc.user),
		"open_key": f"refund {invoice}",
	}


def _refundable(invoice: str) -> Decimal:
	names = frappe.get_all("Payment Capture", {"invoice": invoice}, pluck="name")
	captures = [frappe.get_doc("Payment Capture", name) for name in names]
	free = [c for c in captures if c.dispute_state not in CONTESTED and has_refunds(c.gateway)]
	return sum((capture.refundable() for capture in free), Decimal(0))


def _make_refund(proposal: AIAgentProposal) -> dict[str, str]:
	amount = to_decimal(proposal.amount)
	# Customers read the reason, in the email and on the credit note. Who proposed and approved it says the proposal.
	made = create.create_refund(proposal.invoice or "", amount, "", f"proposal {proposal.name}")
	return {
		"outcome": _("Refund {0} is {1}.").format(made["refund"], made["status"]),
		"refund": made["refund"],
	}


def _cancellation(subscription: str, wait_for_period_end: bool = True) -> dict[str, Any]:
	doc = _existing("AI Subscription", subscription)
	if doc.status == "Cancelled":
		raise Conflict(_("Subscription {0} is cancelled already.").format(subscription))
	summary = (
		_("Cancel subscription {0} of {1} at the end of its period.")
		if wait_for_period_end
		else _("Cancel subscription {0} of {1} now. Its API keys stop working at once.")
	)
	return {
		"subscription": subscription,
		"user": doc.user,
		"at_period_end": int(wait_for_period_end),
		"summary": summary.format(subscription, doc.user),
		"open_key": f"cancellation {subscription}",
	}


def _cancel(proposal: AIAgentProposal) -> dict[str, str]:
	end = at_period_end.cancel if proposal.at_period_end else now.end
	ended = end(proposal.subscription or "")
	return {"outcome": _("Subscription {0} is {1}.").format(proposal.subscription, ended["status"])}


def _replay(message: str) -> dict[str, Any]:
	doc = _existing("Payment Webhook Log", message)
	summary = _("Process message {0} of {1} again.")
	return {
		"message": message,
		"summary": summary.format(message, doc.gateway),
		"open_key": f"replay {message}",
	}


def _process_again(proposal: AIAgentProposal) -> dict[str, str]:
	message = proposal.message or ""
	return {"outcome": _("Message {0}: {1}").format(message, inbox.replay([message])[message])}


def _existing(doctype: str, name: str) -> Any:
	if not frappe.db.exists(doctype, name):
		raise NotFound(_("There is no {0} {1}.").format(doctype, name))
	return frappe.get_doc(doctype, name)


KINDS = {
	"Refund": Kind(_refund, _make_refund),
	"Cancellation": Kind(_cancellation, _cancel),
	"Replay": Kind(_replay, _process_again),
}
