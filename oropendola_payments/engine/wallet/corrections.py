"""Corrections by a manager, each with a reason: give credits, or change what remains of a grant."""

from decimal import Decimal

import frappe
from frappe import _

from oropendola_payments.ai_billing import credit_units
from oropendola_payments.ai_billing.doctype.ai_credit_grant.ai_credit_grant import AICreditGrant
from oropendola_payments.ai_billing.doctype.ai_credit_pack.ai_credit_pack import MOST_CREDITS, MOST_DAYS
from oropendola_payments.ai_billing.doctype.payment_event import payment_event
from oropendola_payments.engine.core.transactions import in_transaction, lock
from oropendola_payments.engine.wallet import entries, grants, overdrafts
from oropendola_payments.engine.wallet.entries import Line, Why
from oropendola_payments.engine.wallet.grants import GRANT
from oropendola_payments.exceptions import BadRequest, Conflict, NotFound, Unprocessable


def give(user: str, credits: Decimal, valid_days: int, reason: str, key: str | None = None) -> dict:
	"""Give a customer credits that cost nothing, once for each `key`."""
	reason, units = _checked(reason), credit_units.thousandths(credits)
	if not 0 < credits <= MOST_CREDITS:
		raise BadRequest(_("Please enter between 0.001 and {0} credits.").format(MOST_CREDITS))
	if not 0 <= valid_days <= MOST_DAYS:
		message = _("Credits can be valid for up to {0} days. 0 means that they do not expire.")
		raise BadRequest(message.format(MOST_DAYS))
	if not frappe.db.exists("User", user) or user == "Guest":
		raise NotFound(_("There is no customer {0}.").format(user))
	name = entries.hidden(f"gift:{user}:{key}") if key else None
	if name and frappe.db.exists(GRANT, name):
		return _answer(_given(name, units))
	try:
		return _answer(in_transaction(_give, user, units, valid_days, reason, name))
	except frappe.DuplicateEntryError:  # the same request was faster
		return _answer(_given(str(name), units))


def correct(grant: str, credits: Decimal, reason: str, key: str | None = None) -> dict:
	"""Add credits to what remains of a grant, or take some if below 0, once for each `key`.

	It never exceeds what was granted and not refunded.
	"""
	reason, units = _checked(reason), credit_units.thousandths(credits)
	if not units:
		raise BadRequest(
			_("Please enter how many credits to add, or a negative number to take credits away.")
		)
	known = frappe.db.get_value(GRANT, grant, ["user", "invoice"], as_dict=True)
	if not known:
		raise NotFound(_("There is no grant {0}.").format(grant))
	reference = entries.hidden(f"correction:{key}") if key else None
	return _answer(in_transaction(_correct, known, grant, units, reason, reference))


def _checked(reason: str) -> str:
	if not reason.strip():
		raise BadRequest(_("Please enter a reason."))
	return reason.strip()


def _given(name: str, units: int) -> AICreditGrant:
	"""Return what the same request gave before."""
	grant: AICreditGrant = frappe.get_doc(GRANT, name)
	_require_same(int(grant.granted), units)
	return grant


def _require_same(before: int, units: int) -> None:
	if before != units:
		raise Conflict(
			_("This idempotency key was already used with other parameters. Please use a new one.")
		)


def _give(user: str, units: int, days: int, reason: str, name: str | None) -> AICreditGrant:
	grant = grants.add(user, "Gift", units, days, note=reason, name=name)
	given = credit_units.in_credits(units)
	payment_event.append_to_site("credits_given", grant, note=reason, credits=given)
	return grant


def _correct(known: frappe._dict, name: str, units: int, reason: str, reference: str | None) -> AICreditGrant:
	invoice = lock("AI Invoice", known.invoice) if known.invoice else None
	overdrafts.lock_wallet(known.user)
	grant: AICreditGrant = lock(GRANT, name)
	before = _corrected(name, reference)
	if before is not None:
		_require_same(before, units)
		return grant
	after, kept = grant.remaining + units, grant.granted + entries.net(name, ("Refunded", "Restored"))
	# What an older version left too much may be taken in steps.
	if after < 0 or (units > 0 and after > kept):
		message = _(
			"{0} credits remain. A correction cannot leave less than 0, or more than the {1} that were granted and not taken back."
		)
		raise Unprocessable(message.format(credit_units.text(grant.remaining), credit_units.text(kept)))
	entries.add(Why(grant.user, "Corrected", reference=reference, note=reason), [Line(grant.name, units)])
	grant.write(remaining=after)
	if units > 0 and not grant.is_over():
		overdrafts.pay(grant, units)
	record = invoice.record if invoice else payment_event.append_to_site
	record("credits_corrected", grant, note=reason, credits=credit_units.in_credits(units))
	return grant


def _corrected(grant: str, reference: str | None) -> int | None:
	"""Return by how much the same request corrected it before."""
	made = {"credit_grant": grant, "kind": "Corrected", "reference": reference}
	return frappe.db.get_value(entries.ENTRY, made, "units") if reference else None


def _answer(grant: AICreditGrant) -> dict:
	return {"grant": grant.name, "remaining": credit_units.in_credits(int(grant.remaining))}
