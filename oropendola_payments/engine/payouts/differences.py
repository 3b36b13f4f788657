"""Differences: open those that are found, close those that are gone, accept those that a manager explained."""

import frappe
from frappe import _
from frappe.utils import now_datetime

from oropendola_payments.ai_billing import records
from oropendola_payments.ai_billing.doctype.payment_event.payment_event import append_to_site
from oropendola_payments.ai_billing.doctype.payment_payout_difference.payment_payout_difference import (
	PaymentPayoutDifference,
)
from oropendola_payments.engine.core.transactions import in_transaction, lock, read
from oropendola_payments.engine.payouts import findings
from oropendola_payments.engine.payouts.findings import Finding
from oropendola_payments.engine.settlement import disputes
from oropendola_payments.exceptions import BadRequest, ConcurrentChange, Conflict, NotFound

DIFFERENCE = "Payment Payout Difference"
SHORT = {
	"Does Not Add Up": "sum",
	"Unknown": "unknown",
	"Fee Missing": "fee",
	"Other Amount": "amount",
	"Other Refund Amount": "refunded",
	"Dispute Not Recorded": "dispute",
	"Not Paid Out": "open",
	"Refund Not In Payout": "refund",
	"Reported Differently": "report",
}
AMOUNTS = ("expected", "found")
DISPUTE = "Dispute Not Recorded"


def update(kind: str, record: str) -> str | None:
	"""Bring the difference of this kind and record up to date. Return its name while it is open."""
	return in_transaction(_update, kind, record)


def recheck(name: str) -> None:
	"""Bring one difference up to date."""
	kind = frappe.db.get_value(DIFFERENCE, name, "kind")
	if kind:
		update(kind, name.split("-", 1)[1])


def resolve(kind: str, record: str) -> None:
	"""Close a difference of which it is known that it is gone."""
	in_transaction(_resolve, f"{SHORT[kind]}-{record}")


def accept(name: str, reason: str) -> dict:
	"""Accept a difference that a manager can explain. It opens again when its amounts change."""
	if not frappe.db.exists(DIFFERENCE, name):
		raise NotFound(_("There is no difference {0}.").format(name))
	if len(reason.strip()) < 3:
		raise BadRequest(_("Please say why the difference is right as it is."))
	return in_transaction(_accept, name, reason.strip())


def _update(kind: str, record: str) -> str | None:
	name = f"{SHORT[kind]}-{record}"
	rows = read(DIFFERENCE, "`name` = %s FOR UPDATE", (name,))
	finding = findings.find(kind, record)
	if kind == DISPUTE:
		disputes.follow_payouts(record, is_taken_back=bool(finding and finding.found < 0))
	if not finding:
		if rows and rows[0].status != "Resolved":
			rows[0].mark_as_resolved()
		return None
	if not rows:
		return _open(name, kind, finding)
	if rows[0].status == "Resolved" or _has_changed(rows[0], finding):
		_note(rows[0], finding)
	return name if rows[0].status == "Open" else None


def _open(name: str, kind: str, finding: Finding) -> str:
	doc = records.new(DIFFERENCE)
	doc.name = name
	doc.update({"kind": kind, "opened_on": now_datetime(), **finding.columns()})
	doc.update({"status": "Open"})
	try:
		doc.add()
	except frappe.DuplicateEntryError as error:
		raise ConcurrentChange(str(error)) from error
	return name


def _note(doc: PaymentPayoutDifference, finding: Finding) -> None:
	"""Write the new amounts, and open it again if it was closed."""
	if doc.status == "Open":
		doc.write(**finding.columns())
	else:
		doc.mark_as_open(**finding.columns())


def _has_changed(doc: PaymentPayoutDifference, finding: Finding) -> bool:
	columns = finding.columns()
	return any(findings.decimal(doc.get(name)) != columns[name] for name in AMOUNTS)


def _resolve(name: str) -> None:
	rows = read(DIFFERENCE, "`name` = %s FOR UPDATE", (name,))
	if rows and rows[0].status != "Resolved":
		rows[0].mark_as_resolved()


def _accept(name: str, reason: str) -> dict:
	doc = lock(DIFFERENCE, name)
	if doc.status != "Open":
		raise Conflict(_("The difference {0} is not open any more.").format(name))
	doc.mark_as_accepted(reason)
	append_to_site(
		"payout_difference_accepted",
		doc,
		note=reason,
		kind=doc.kind,
		difference=str(doc.difference),
		currency=doc.currency,
	)
	return {"difference": name, "status": doc.status}
