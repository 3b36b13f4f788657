"""Plan a posting for each payout. It is posted again when the reason against it is gone, or when the payout was corrected."""

import frappe
from frappe.query_builder import DocType
from frappe.utils import get_datetime

from oropendola_payments.ai_billing.current import payment_settings
from oropendola_payments.ai_billing.doctype.payment_payout.payment_payout import PaymentPayout
from oropendola_payments.ai_billing.doctype.payment_posting.payment_posting import PaymentPosting, new_posting
from oropendola_payments.engine.core.transactions import in_transaction, lock, read
from oropendola_payments.exceptions import ConcurrentChange

PAYOUT, POSTING, DIFFERENCE = "Payment Payout", "Payment Posting", "Payment Payout Difference"
CORRECTED = "The payout was corrected after this was closed. Please compare it with what you booked."


def key_of(payout: str) -> str:
	return f"payout:{payout}"


def posting_of(payout: str) -> str | None:
	return frappe.db.get_value(POSTING, {"source_key": key_of(payout)})


def plan(payout: str) -> None:
	"""Insert the posting of a payout, or let it be posted again if there is a reason to."""
	in_transaction(_plan_locked, payout)


def plan_missing() -> None:
	"""Plan what a crash, downtime or a switch left unplanned, and what was corrected or explained since."""
	for payout in sorted(_without_posting() | _changed() | _explained()):
		plan(payout)


def _plan_locked(name: str) -> None:
	rows: list[PaymentPosting] = read(POSTING, "`source_key` = %s FOR UPDATE", (key_of(name),))
	payout: PaymentPayout = lock(PAYOUT, name)
	if rows:
		_again(rows[0], payout)
	elif _is_since_booking(payout) and any(payout.sums().values()):
		_new(payout)


def _new(payout: PaymentPayout) -> None:
	try:
		new_posting(None, "Payout", key_of(payout.name), payout=payout.name, **_values(payout))
	except frappe.DuplicateEntryError as error:
		raise ConcurrentChange(str(error)) from error


def _again(posting: PaymentPosting, payout: PaymentPayout) -> None:
	has_changed = (posting.source_version or "") != (payout.content_hash or "")
	if posting.status == "Needs Attention":
		if has_changed or posting.name in _explained_postings(payout.name):
			posting.mark_as_changed(**_values(payout))
	elif not has_changed or payout.status != "Balanced":
		return  # what was booked stays until there is a better report
	elif posting.status == "Done":
		posting.mark_as_changed(**_values(payout))
	elif posting.status == "Closed":
		posting.mark_as_needing_attention(CORRECTED, **_values(payout))
	else:
		posting.write(**_values(payout))


def _values(payout: PaymentPayout) -> dict:
	return {
		"amount": payout.amount,
		"currency": payout.currency,
		"source_version": payout.content_hash,
	}


def _is_since_booking(payout: PaymentPayout) -> bool:
	since = payment_settings().post_since
	return bool(since) and get_datetime(payout.creation) >= get_datetime(since)


# What is missing ----------------------------------------------------------------------------------


def _without_posting() -> set[str]:
	payout, posting = DocType(PAYOUT), DocType(POSTING)
	query = frappe.qb.from_(payout).left_join(posting).on(posting.payout == payout.name)
	query = query.where(payout.creation >= payment_settings().post_since).where(posting.name.isnull())
	return set(query.select(payout.name).run(pluck=True))


def _changed() -> set[str]:
	"""Return the payouts of which another report was recorded since their posting was planned."""
	payout, posting = DocType(PAYOUT), DocType(POSTING)
	query = frappe.qb.from_(payout).join(posting).on(posting.payout == payout.name)
	query = query.where(payout.content_hash != posting.source_version)
	return set(query.select(payout.name).run(pluck=True))


def _explained() -> set[str]:
	rows = frappe.get_all(POSTING, {"kind": "Payout", "status": "Needs Attention"}, pluck="payout")
	return {payout for payout in rows if _explained_postings(payout)}


def _explained_postings(payout: str) -> list[str]:
	"""Return the posting of a payout if the last of its differences was closed since the posting was refused."""
	if frappe.db.exists(DIFFERENCE, {"payout": payout, "status": "Open"}):
		return []
	difference, posting = DocType(DIFFERENCE), DocType(POSTING)
	query = frappe.qb.from_(posting).join(difference).on(difference.payout == posting.payout)
	query = query.where(posting.payout == payout).where(posting.status == "Needs Attention")
	query = query.where(difference.closed_on >= posting.modified)
	return query.select(posting.name).distinct().run(pluck=True)
