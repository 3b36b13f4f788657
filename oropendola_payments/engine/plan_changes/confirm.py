"""Confirm a quote: exactly what the customer was shown happens, or nothing."""

from copy import deepcopy
from datetime import datetime, timedelta

from frappe import _
from frappe.utils import get_datetime, now_datetime

from oropendola_payments.ai_billing import records
from oropendola_payments.ai_billing.current import current
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import OPEN as OPEN_INVOICES
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.ai_plan.ai_plan import AIPlan
from oropendola_payments.ai_billing.doctype.ai_plan_change.ai_plan_change import AIPlanChange, line
from oropendola_payments.ai_billing.doctype.ai_plan_change_line.ai_plan_change_line import AIPlanChangeLine
from oropendola_payments.ai_billing.doctype.ai_subscription.ai_subscription import NOT_ENDING, AISubscription
from oropendola_payments.ai_billing.doctype.payment_event import payment_event
from oropendola_payments.engine.core.transactions import in_transaction, read
from oropendola_payments.engine.entitlements.fulfilment import fulfil
from oropendola_payments.engine.entitlements.paid_periods import paid_periods, periods_of
from oropendola_payments.engine.entitlements.room_for_plan import make_room
from oropendola_payments.engine.entitlements.scheduled_change import open_change
from oropendola_payments.engine.entitlements.subscription_lock import lock_with_invoices
from oropendola_payments.engine.plan_changes import token
from oropendola_payments.engine.plan_changes.closing import close_invoice
from oropendola_payments.engine.plan_changes.mails import tell
from oropendola_payments.engine.plan_changes.preview import (
	Offer,
	answer,
	make_offer,
	own_and_others,
	require_free,
	taken,
)
from oropendola_payments.engine.plan_changes.quote import PERIOD_END, Line
from oropendola_payments.engine.plan_changes.token import Terms
from oropendola_payments.engine.plan_changes.withdraw import is_paid
from oropendola_payments.engine.subscriptions import credit, invoicing
from oropendola_payments.engine.subscriptions.catalogue import get_plan
from oropendola_payments.exceptions import Conflict
from oropendola_payments.money import from_minor

PAYABLE_MINUTES = 60


class QuoteOutdated(Conflict):
	"""The price, the days or the credit changed, or the time is over. Nothing was changed; clients get the new quote."""

	error_code = "quote_outdated"

	def __init__(self, quote: dict) -> None:
		super().__init__(_("This price is no longer up to date. Please check the new one and confirm again."))
		self.quote = quote


def change(user: str, plan_id: str, quote: str, subscription_id: str | None = None) -> dict:
	"""Make the change that was quoted. Before a payment that it needs, only its invoice is created. A repeated call changes nothing."""
	plan, terms = get_plan(plan_id), token.read_terms(quote)
	chosen, others = own_and_others(user, subscription_id)
	if chosen.plan != plan.name:
		require_free(plan, others)
	made = in_transaction(_change, chosen.name, plan, quote, terms)
	if made["status"] in ("Applied", "Scheduled"):
		tell(made["plan_change"])
	return made


def _change(name: str, plan: AIPlan, quote: str, terms: Terms) -> dict:
	locked = lock_with_invoices(name)
	subscription, invoices = locked.subscription, locked.invoices
	done = _just_applied(subscription, plan)
	if done:
		return _answer(done, _named(done.invoice, invoices))
	found = open_change(name)
	offer = _confirmed_offer(subscription, plan, invoices, found, quote, terms)
	if found and found.fingerprint == token.fingerprint(offer.content()):
		return _answer(found, _named(found.invoice, invoices))
	_supersede(subscription, found, invoices)
	_require_free_future(subscription, offer)
	if offer.quote.timing == PERIOD_END:
		return _schedule(subscription, offer, invoices)
	return _sell(subscription, offer)


def _named(name: str | None, invoices: list[AIInvoice]) -> AIInvoice | None:
	return next((invoice for invoice in invoices if invoice.name == name), None)


def _just_applied(subscription: AISubscription, plan: AIPlan) -> AIPlanChange | None:
	"""Return the change that a first click made a moment ago, if this is the second one."""
	if subscription.plan != plan.name:
		return None
	recent = now_datetime() - timedelta(minutes=token.QUOTE_MINUTES)
	where = "`subscription` = %s AND `to_plan` = %s AND `status` = 'Applied' AND `applied_on` > %s ORDER BY `applied_on` DESC LIMIT 1"
	rows = read("AI Plan Change", where, (subscription.name, plan.name, recent))
	return rows[0] if rows else None


def _confirmed_offer(
	subscription: AISubscription,
	plan: AIPlan,
	invoices: list[AIInvoice],
	found: AIPlanChange | None,
	quote: str,
	terms: Terms,
) -> Offer:
	"""Return the offer that the customer saw, computed again. Raises QuoteOutdated if it is not the same any more."""
	periods = periods_of(subscription.name, invoices)
	if not terms.is_over():
		offer = make_offer(subscription, plan, periods, found, terms=terms)
		if token.is_signed(quote, offer.signed_content()):
			return offer
	raise QuoteOutdated(answer(make_offer(subscription, plan, periods, found, _known(terms.currency, plan))))


def _known(currency: str, plan: AIPlan) -> str | None:
	"""A token that is not ours may name any currency."""
	return currency if currency in plan.all_prices() else None


def _supersede(subscription: AISubscription, found: AIPlanChange | None, invoices: list[AIInvoice]) -> None:
	"""Replace an earlier change that is still open. Raises Conflict while it is being paid.

	A period that is paid for with its plan is still served with it, unless the new change is made: it may never be paid.
	"""
	if not found:
		return
	for invoice in invoices:
		if invoice.name == found.invoice:
			close_invoice(invoice, _("Another plan was chosen."))
			invoice.record("plan_change_superseded", found, found.status, "Superseded")
	if found.status == "Scheduled" and not is_paid(found, periods_of(subscription.name, invoices)):
		subscription.call_off_change()
	found.mark_as_superseded()


def _require_free_future(subscription: AISubscription, offer: Offer) -> None:
	"""Refuse a second scheduled change behind a period that was paid for with another plan: there is one next plan."""
	if offer.quote.timing != PERIOD_END:
		return
	if any(period.plan != subscription.plan for period in paid_periods(subscription.name)):
		raise Conflict(
			_("Your next period is already paid for. Please change the plan after it has started.")
		)


# At the end of the period -------------------------------------------------------------------------


def _schedule(subscription: AISubscription, offer: Offer, invoices: list[AIInvoice]) -> dict:
	if not make_room(subscription, offer.plan.name):
		raise taken(offer.plan)
	for invoice in invoices:
		if invoice.status in OPEN_INVOICES and invoice.purpose != "Upgrade":
			close_invoice(invoice, _("Another plan was chosen."))
	made = _new_change(subscription, offer, None)
	subscription.schedule_change(offer.plan.name, offer.quote.effective_on, **NOT_ENDING)
	payment_event.append_to_site(
		"plan_change_scheduled", made, from_plan=made.from_plan, to_plan=made.to_plan, on=made.effective_on
	)
	return _answer(made, None)


# Now ----------------------------------------------------------------------------------------------


def _sell(subscription: AISubscription, offer: Offer) -> dict:
	"""Create the invoice. What needs no payment is granted at once, by the same door as a payment."""
	amounts = deepcopy(offer.quote.amounts)  # the record changes the rows that it is given
	invoice = invoicing.new_invoice(
		subscription, offer.plan, "Upgrade", offer.quote.currency, amounts, writes_more=True
	)
	expires_at = _expiry(offer)
	made = _new_change(subscription, offer, invoice, expires_at)
	invoice.record("plan_change_confirmed", made, from_plan=made.from_plan, to_plan=made.to_plan)
	names = (current("AI Plan", made.from_plan).plan_name, offer.plan.plan_name)
	invoice.write(expires_at=expires_at, due_date=expires_at.date(), description=" → ".join(names))
	if not invoice.outstanding():
		invoice.mark_as_paid(amount_paid=0)
		if not fulfil(invoice):
			raise Conflict(_("The plan cannot be changed at the moment. Please reload the page."))
		made.reload()
	elif offer.credit:
		credit.apply_credit(invoice.name)
		invoice.reload()
		made.reload()
	return _answer(made, invoice)


def _expiry(offer: Offer) -> datetime:
	"""Return until when the invoice can be paid: to the end of the day, for an hour at least, and not beyond the paid period."""
	now = now_datetime()
	midnight = get_datetime(now.date() + timedelta(days=1))
	until = max(midnight, now + timedelta(minutes=PAYABLE_MINUTES))
	ends = [line.ends_on for line in offer.quote.lines if line.before and line.ends_on]
	return min(until, get_datetime(max(ends))) if ends else until


def _new_change(
	subscription: AISubscription,
	offer: Offer,
	invoice: AIInvoice | None,
	expires_at: datetime | None = None,
) -> AIPlanChange:
	quote = offer.quote
	made = records.new("AI Plan Change")
	made.update(
		{
			"subscription": subscription.name,
			"user": subscription.user,
			"invoice": invoice.name if invoice else None,
			"expires_at": expires_at,
			"from_plan": subscription.plan,
			"to_plan": offer.plan.name,
			"timing": quote.timing,
			"effective_on": quote.effective_on,
			"ends_on": quote.ends_on,
			"restarts": int(quote.restarts),
			"currency": quote.currency,
			"credit_amount": from_minor(quote.credit(), quote.currency),
			"price_amount": from_minor(quote.charge(), quote.currency),
			"prices_include_tax": int(quote.with_tax),
			"due_amount": quote.due,
			"waived_amount": quote.waived,
			"fingerprint": token.fingerprint(offer.content()),
		}
	)
	made.set("lines", [_line(row, offer, invoice) for row in quote.lines])
	made.add()
	return made


def _line(row: Line, offer: Offer, invoice: AIInvoice | None) -> AIPlanChangeLine:
	currency = offer.quote.currency
	values = {
		"period_invoice": row.before.invoice if row.before else invoice and invoice.name,
		"starts_on": row.starts_on,
		"ends_on": row.ends_on,
		"days": row.days,
		"days_left": row.days_left,
		"currency": currency,
		"credit": from_minor(row.credit, currency),
		"charge": from_minor(row.charge, currency),
	}
	if row.before:
		values |= {
			"plan_before": row.before.plan,
			"full_before": from_minor(row.before.full, currency),
			"full_tax_before": from_minor(row.before.tax, currency),
			"tax_rate_before": row.before.tax_rate,
		}
	if row.after:
		values |= {
			"plan_after": offer.plan.name,
			"full_after": row.after["net_amount"],
			"full_tax_after": row.after.get("tax_amount") or 0,
			"tax_rate_after": row.after.get("tax_rate") or 0,
		}
	return line(**values)


def _answer(made: AIPlanChange, invoice: AIInvoice | None) -> dict:
	answer = {
		"plan_change": made.name,
		"status": made.status,
		"subscription_id": made.subscription,
		"plan": made.to_plan,
		"timing": made.timing,
		"effective_on": made.effective_on,
		"ends_on": made.ends_on,
		"due_now": invoice.outstanding() if invoice else from_minor(0, made.currency),
		"currency": made.currency,
	}
	if invoice:
		answer |= {
			"invoice_id": invoice.name,
			"invoice_status": invoice.status,
			"expires_at": made.expires_at,
		}
	return answer
