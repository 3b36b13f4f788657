"""Find our captures and refunds behind lines of payouts, a batch at a time."""

from collections.abc import Iterable, Sequence

import frappe

from oropendola_payments.ai_billing.doctype.payment_payout_line.payment_payout_line import PaymentPayoutLine
from oropendola_payments.engine.core.transactions import lock, read
from oropendola_payments.gateways.payouts import LineKind, PayoutLine

ROW = "row"
LINKED_TO = {"Capture": "capture", "Refund": "refund", "Dispute": "capture"}


class Links:
	"""Our records behind some lines of one gateway, with a query for each way to find them."""

	def __init__(self, gateway: str, lines: Sequence[PayoutLine | PaymentPayoutLine]):
		self.gateway = gateway
		fields = ["name", "gateway_payment_id", "attempt"]
		captures = self._found("Payment Capture", "gateway_payment_id", lines, "payment_id", fields)
		captures += self._found("Payment Capture", "gateway_payment_id", lines, ROW, fields)
		by_attempt = self._found("Payment Capture", "attempt", lines, "reference", fields)
		fields = ["name", "gateway_refund_id", "capture"]
		refunds = self._found("Payment Refund", "gateway_refund_id", lines, "refund_id", fields)
		refunds += self._found("Payment Refund", "name", lines, "refund_key", fields)
		# The database compares without case, gateways do not.
		self.captures = {row.gateway_payment_id: row.name for row in captures}
		self.by_attempt = _only_ones((row.attempt, row.name) for row in by_attempt)
		self.refunds = {row.gateway_refund_id: row for row in refunds if row.gateway_refund_id}
		self.refunds_by_key = {row.name: row for row in refunds}

	def _found(
		self, doctype: str, column: str, lines: Iterable, name: str, fields: list[str]
	) -> list[frappe._dict]:
		values = {value for line in lines if (value := _value(line, name))}
		if not values:
			return []
		return frappe.get_all(doctype, {"gateway": self.gateway, column: ("in", sorted(values))}, fields)

	def of(self, line: PayoutLine | PaymentPayoutLine) -> dict:
		"""The columns that link a line: capture, refund, and whether the record is found that the line is about."""
		refund = self.refunds.get(line.refund_id or "") or self.refunds_by_key.get(line.refund_key or "")
		capture = self.captures.get(line.payment_id or "") or self.by_attempt.get(line.reference or "")
		if not capture and line.kind == "Capture":
			capture = self.captures.get(_value(line, ROW) or "")
		if refund and not capture:
			capture = refund.capture
		found = {"capture": capture or None, "refund": refund.name if refund else None}
		kind = LineKind(line.kind).value
		return {**found, "is_linked": int(kind not in LINKED_TO or bool(found[LINKED_TO[kind]]))}


def relink(name: str, payout: str) -> None:
	"""Look again for the record behind a line. If it is there by now, the payout is due to be compared with it."""
	doc = lock("Payment Payout", payout)  # before its lines, as an import does
	rows = read("Payment Payout Line", "`name` = %s FOR UPDATE", (name,))
	if not rows or rows[0].is_linked:
		return
	links = Links(rows[0].gateway, rows).of(rows[0])
	if links["is_linked"]:
		rows[0].write(**links)
		doc.mark_as_due()


def _value(line: PayoutLine | PaymentPayoutLine, name: str) -> str | None:
	"""A value of a line on its way, or of one that was recorded, where the row has another name."""
	if name == ROW and isinstance(line, PaymentPayoutLine):
		return line.gateway_row
	return getattr(line, name)


def _only_ones(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
	"""The captures of attempts that have one: of two captures a reference alone does not say which is meant."""
	found: dict[str, set[str]] = {}
	for attempt, capture in pairs:
		found.setdefault(attempt, set()).add(capture)
	return {attempt: names.pop() for attempt, names in found.items() if len(names) == 1}
