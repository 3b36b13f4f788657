"""Record payouts: each once, with all its lines in one transaction, whatever crashes or runs at the same time."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import islice

import frappe
from frappe import _
from frappe.utils import getdate

from oropendola_payments.ai_billing import records
from oropendola_payments.ai_billing.doctype.payment_event.payment_event import append_to_site
from oropendola_payments.ai_billing.doctype.payment_payout.payment_payout import SUMS, PaymentPayout
from oropendola_payments.ai_billing.known_gateways import adapter_class
from oropendola_payments.engine.core import after_commit
from oropendola_payments.engine.core.transactions import in_transaction, lock, read
from oropendola_payments.engine.payouts.linking import Links
from oropendola_payments.engine.payouts.spool import Spool
from oropendola_payments.exceptions import BadRequest, ConcurrentChange, Conflict, NotFound
from oropendola_payments.gateways.payouts import Payout, PayoutLine
from oropendola_payments.money import from_minor, to_minor

PAYOUT = "Payment Payout"
BATCH = 500
SAFE_ID = re.compile(r"[A-Za-z0-9_.-]{1,90}", re.ASCII)
NEW, UNCHANGED, CORRECTED, DIFFERENT = "new", "unchanged", "corrected", "different"


def record_all(gateway: str, spool: Spool, source: str, mode: str) -> dict[str, str]:
	"""Record every payout of a spool. Return by its record what happened: new, unchanged, corrected or different."""
	return {
		name_of(gateway, payout.payout_id): record(gateway, payout, spool, source, mode)
		for payout in spool.payouts()
	}


def record(gateway: str, payout: Payout, spool: Spool, source: str, mode: str) -> str:
	"""Record one payout. One that is balanced is not changed any more; the caller makes a difference of another report."""
	outcome = in_transaction(_record_locked, gateway, payout, spool, {"source": source, "mode": mode})
	if outcome in (NEW, CORRECTED):
		tell(name_of(gateway, payout.payout_id))
	return outcome


def tell(payout: str) -> None:
	"""Have other apps told of a payout, if it is balanced. Each is told at least once: `tell_untold` repeats what was lost."""
	hook = "oropendola_payments.engine.notifications.hooks.payout_recorded"
	after_commit.enqueue_once(hook, f"payout-{payout}", payout=payout)


def tell_untold() -> None:
	"""Tell other apps of the balanced payouts of which a crash or an outage kept them from hearing."""
	table = frappe.qb.DocType(PAYOUT)
	untold = frappe.qb.from_(table).select(table.name).orderby(table.creation).orderby(table.name)
	for name in untold.where((table.status == "Balanced") & table.told_on.isnull()).run(pluck=True):
		tell(name)


def reopen(name: str, reason: str) -> dict:
	"""Let the next report of a balanced payout replace it, for one that the gateway corrected."""
	if not frappe.db.exists(PAYOUT, name):
		raise NotFound(_("There is no payout {0}.").format(name))
	if len(reason.strip()) < 3:
		raise BadRequest(_("Please say why the payout has to be recorded again."))
	return in_transaction(_reopen, name, reason.strip())


def _reopen(name: str, reason: str) -> dict:
	doc: PaymentPayout = lock(PAYOUT, name)
	if doc.status != "Balanced":
		raise Conflict(_("Payout {0} is open: the next report replaces it.").format(doc.gateway_payout_id))
	doc.mark_as_reopened()
	append_to_site(
		"payout_reopened", doc, from_status="Balanced", to_status=doc.status, note=reason, gateway=doc.gateway
	)
	return {"payout": name, "status": doc.status}


def name_of(gateway: str, payout_id: str) -> str:
	"""Return the name of a payout's record, which is unique as its id is."""
	is_safe = SAFE_ID.fullmatch(payout_id)
	return f"{gateway}-{payout_id if is_safe else hashlib.sha256(payout_id.encode()).hexdigest()[:40]}"


def _record_locked(gateway: str, payout: Payout, spool: Spool, origin: dict) -> str:
	name = name_of(gateway, payout.payout_id)
	rows = read(PAYOUT, "`name` = %s FOR UPDATE", (name,))
	if not rows:
		_fill(_add(name, gateway, payout, origin), payout, spool, spool.fingerprint(payout))
		return NEW
	is_other_currency = _is_other_currency(rows[0], payout)
	payout = _completed(payout, rows[0])
	content = spool.fingerprint(payout)
	if rows[0].content_hash == content:
		return UNCHANGED
	if rows[0].status == "Balanced" or is_other_currency:
		return DIFFERENT
	rows[0].remove_lines()
	_fill(rows[0], payout, spool, content, event="payout_corrected")
	return CORRECTED


def _completed(payout: Payout, doc: PaymentPayout) -> Payout:
	"""A report with what an earlier one said and this one does not: a file without the transfer's amount must not decide it."""
	known = to_minor(doc.amount, doc.currency, _exponent(doc)) if doc.amount_is_reported else None
	return replace(
		payout,
		minor=known if payout.minor is None else payout.minor,
		paid_on=payout.paid_on or (getdate(doc.paid_on) if doc.paid_on else None),
		bank_reference=payout.bank_reference or doc.bank_reference,
	)


def _is_other_currency(doc: PaymentPayout, payout: Payout) -> bool:
	"""Whether the amount that was reported is in another currency than these lines. Without lines its currency was a guess."""
	is_other = bool(payout.currency and doc.line_count and payout.currency != doc.currency)
	return is_other and bool(doc.amount_is_reported) and payout.minor is None


def _exponent(doc: PaymentPayout) -> int | None:
	return adapter_class(doc.gateway).exponents.get(doc.currency)


def _add(name: str, gateway: str, payout: Payout, origin: dict) -> PaymentPayout:
	doc = records.new(PAYOUT)
	doc.name = name
	doc.update({"gateway": gateway, "gateway_payout_id": payout.payout_id, **origin})
	doc.update({"currency": payout.currency or frappe.db.get_default("currency") or "INR"})
	doc.update({"status": "Needs Attention"})
	try:
		doc.add()
	except frappe.DuplicateEntryError as error:
		raise ConcurrentChange(str(error)) from error  # another import was faster: look at what it recorded
	return doc


def _fill(
	doc: PaymentPayout, payout: Payout, spool: Spool, content: str, event: str = "payout_recorded"
) -> None:
	"""Add the lines and their sums; the caller holds the lock of the payout, or has inserted it."""
	doc.update({"currency": payout.currency or doc.currency})
	exponent = _exponent(doc)
	sums, count = dict.fromkeys(SUMS, 0), 0
	for batch in _batches(spool.lines(payout.payout_id)):
		links = Links(doc.gateway, [line for _key, line in batch])
		doc.add_lines(_row(doc, key, line, links) for key, line in batch)
		for _key, line in batch:
			sums[line.kind.value] += line.minor
		count += len(batch)
	total = sum(sums.values())
	amount = total if payout.minor is None else payout.minor

	def money(minor: int) -> Decimal:
		return from_minor(minor, doc.currency, exponent)

	doc.write(
		**{SUMS[kind]: money(minor) for kind, minor in sums.items()},
		currency=doc.currency,
		amount=money(amount),
		shortfall=money(amount - total),
		amount_is_reported=int(payout.minor is not None),
		paid_on=payout.paid_on,
		bank_reference=payout.bank_reference,
		line_count=count,
		content_hash=content,
		checked_on=None,
	)
	if amount == total and count:
		doc.mark_as_balanced()
	append_to_site(
		event, doc, gateway=doc.gateway, payout=doc.gateway_payout_id, amount=str(doc.amount), currency=doc.currency,
		lines=count, balanced=amount == total, source=doc.source,
	)  # fmt: skip


def _row(doc: PaymentPayout, key: str, line: PayoutLine, links: Links) -> dict:
	exponents = adapter_class(doc.gateway).exponents
	own_currency = line.own_currency or doc.currency
	own_minor = line.minor if line.own_minor is None else line.own_minor
	return {
		"name": f"{doc.name}-{hashlib.sha256(key.encode()).hexdigest()[:16]}",
		"kind": line.kind.value,
		"amount": from_minor(line.minor, doc.currency, exponents.get(doc.currency)),
		"currency": doc.currency,
		"day": line.day,
		**links.of(line),
		"fee_stated": int(line.fee_stated),
		"gateway_row": line.row[:140],
		"payment_id": line.payment_id,
		"reference": line.reference,
		"refund_id": line.refund_id,
		"refund_key": line.refund_key,
		"own_amount": from_minor(own_minor, own_currency, exponents.get(own_currency)),
		"own_currency": own_currency,
		"note": line.note,
	}


def _batches(
	lines: Iterator[tuple[str, PayoutLine]],
) -> Iterator[list[tuple[str, PayoutLine]]]:
	while batch := list(islice(lines, BATCH)):
		yield batch
