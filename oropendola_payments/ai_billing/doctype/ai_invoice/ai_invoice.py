from decimal import Decimal
from typing import Any

import frappe
from frappe import _
from frappe.utils import cint, get_datetime, now_datetime

from oropendola_payments.ai_billing import document_states, invoice_price, outbox, receipt, top_up
from oropendola_payments.ai_billing.current import payment_settings
from oropendola_payments.ai_billing.doctype.ai_invoice import totals
from oropendola_payments.ai_billing.doctype.payment_event import payment_event
from oropendola_payments.ai_billing.paid_in_parts import PaidInParts
from oropendola_payments.ai_billing.records import move_locked
from oropendola_payments.compat import add_index
from oropendola_payments.exceptions import Conflict, NotAllowed

# Paid never goes back to Failed, Abandoned or Pending, whatever a gateway reports.
TRANSITIONS = {
	"Pending": {"Processing", "Paid", "Cancelled"},
	"Processing": {"Paid", "Partly Paid", "Failed", "Abandoned", "Pending"},
	"Failed": {"Pending", "Processing", "Paid", "Cancelled"},
	"Abandoned": {"Pending", "Processing", "Paid", "Cancelled"},
	"Partly Paid": {"Processing", "Paid", "Partly Refunded", "Refunded", "Closed"},
	"Paid": {"Partly Refunded", "Refunded"},
	"Partly Refunded": {"Refunded"},
	# A late payment is recorded, then the double-payment policy decides.
	"Cancelled": {"Paid"},
	"Refunded": set(),
	# The rest is not owed any more. What was paid stays, or goes back by the double-payment policy.
	"Closed": {"Refunded"},
}
OPEN = ("Pending", "Processing", "Failed", "Abandoned", "Partly Paid")
SETTLED = ("Paid", "Partly Refunded", "Refunded")
EXTERNAL = "External"
NUMBERS = ("Int", "Check", "Currency")


class AIInvoice(PaidInParts):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		from oropendola_payments.ai_billing.doctype.ai_invoice_part.ai_invoice_part import AIInvoicePart
		from oropendola_payments.ai_billing.doctype.ai_invoice_tax.ai_invoice_tax import AIInvoiceTax

		amount_credited: DF.Currency
		amount_paid: DF.Currency
		amount_refunded: DF.Currency
		billing_interval: DF.Literal["", "Day", "Month", "Year"]
		buyer_snapshot: DF.Code | None
		coupon: DF.Link | None
		coupon_redemption: DF.Link | None
		covered_days: DF.Int
		credit_days: DF.Int
		credit_pack: DF.Link | None
		credit_plans: DF.SmallText | None
		credit_units: DF.Int
		currency: DF.Link
		description: DF.SmallText | None
		discount_amount: DF.Currency
		document_problem: DF.SmallText | None
		document_state: DF.Literal[
			"", "Due", "Held", "Issued", "Credit Due", "Not Needed", "Before Numbering"
		]
		due_date: DF.Date | None
		event_count: DF.Int
		expires_at: DF.Datetime | None
		external_doctype: DF.Data | None
		external_name: DF.Data | None
		extra_retries: DF.Int
		failure_reason: DF.SmallText | None
		fulfilled_on: DF.Datetime | None
		instalment_plan: DF.Link | None
		interval_count: DF.Int
		last_event_hash: DF.Data | None
		last_retry_date: DF.Datetime | None
		naming_series: DF.Literal["INV-.YYYY.-.#####", "REQ-.YYYY.-.#####"]
		needs_review: DF.Check
		net_amount: DF.Currency
		outstanding_amount: DF.Currency
		paid_date: DF.Datetime | None
		part_payments: DF.Check
		part_service: DF.Literal["Full", "Covered Days"]
		parts: DF.Table[AIInvoicePart]
		paused_days: DF.Int
		payment_gateway: DF.Data | None
		payment_gateway_response: DF.LongText | None
		period_days: DF.Int
		period_end: DF.Date | None
		period_start: DF.Date | None
		place_of_supply: DF.Data | None
		plan: DF.Link | None
		previous_plan: DF.Data | None
		price_includes_tax: DF.Check
		processing_since: DF.Datetime | None
		purpose: DF.Literal["New", "Renewal", "Upgrade", "Top-up", "Other", "External"]
		requested_gateway: DF.Data | None
		retry_allowed_on: DF.Datetime | None
		retry_count: DF.Int
		return_path: DF.SmallText | None
		review_reason: DF.SmallText | None
		seller_snapshot: DF.Code | None
		status: DF.Literal[
			"Pending",
			"Processing",
			"Partly Paid",
			"Paid",
			"Partly Refunded",
			"Refunded",
			"Failed",
			"Abandoned",
			"Cancelled",
			"Closed",
		]
		subscription: DF.Link | None
		tax_amount: DF.Currency
		tax_document: DF.Link | None
		tax_label: DF.Data | None
		tax_note: DF.SmallText | None
		tax_rate: DF.Percent
		tax_registration: DF.Link | None
		tax_rule: DF.SmallText | None
		tax_treatment: DF.Data | None
		taxes: DF.Table[AIInvoiceTax]
		tolerance_days: DF.Int
		total_amount: DF.Currency
		transaction_id: DF.Data | None
		user: DF.Link
	# end: auto-generated types

	transitions = TRANSITIONS
	system_fields = (
		"amount_paid",
		"amount_refunded",
		"amount_credited",
		"outstanding_amount",
		"total_amount",
		"paid_date",
		"previous_plan",
		"coupon",
		"discount_amount",
		"coupon_redemption",
		"expires_at",
		"period_start",
		"period_end",
		"paused_days",
		"payment_gateway",
		"transaction_id",
		"payment_gateway_response",
		"failure_reason",
		"retry_count",
		"extra_retries",
		"last_retry_date",
		"retry_allowed_on",
		"processing_since",
		"fulfilled_on",
		"needs_review",
		"review_reason",
		"event_count",
		"last_event_hash",
		"instalment_plan",
		"tolerance_days",
		"period_days",
		"covered_days",
		"tax_document",
		"document_state",
		"document_problem",
		"external_doctype",
		"external_name",
		"requested_gateway",
		"return_path",
	)

	# Form ---------------------------------------------------------------------------------------

	def receipt(self) -> dict:
		"""Return the data of the print format."""
		return receipt.facts(self)

	def before_insert(self) -> None:
		"""Reset all system fields, whatever was entered."""
		self.update(
			{
				name: 0 if self.meta.get_field(name).fieldtype in NUMBERS else None
				for name in self.system_fields
			}
		)
		self.parts = []
		top_up.fill_in(self)

	def validate(self) -> None:
		super().validate()
		self.validate_parts()
		if self.is_new():
			totals.set_totals(self)

	def after_insert(self) -> None:
		self.record(
			"invoice_created", self, to_status=self.status, total=self.total_amount, currency=self.currency
		)
		if not self.flags.writes_more:  # the next `write` takes the event along
			self.flush_events()

	def on_trash(self) -> None:
		frappe.throw(
			_("Invoices are kept as evidence and cannot be deleted. Please cancel this one instead."),
			NotAllowed,
		)

	# Money --------------------------------------------------------------------------------------

	def outstanding(self) -> Decimal:
		"""Return what the customer still owes; nothing once the invoice was paid or closed, also when money was given back."""
		if self.status in (*SETTLED, "Closed"):
			return Decimal(0)
		return max(Decimal(0), self.total() - self.counted())

	# Moves --------------------------------------------------------------------------------------

	def mark_as_processing(self, **values: Any) -> bool:
		return self._move_to("Processing", processing_since=now_datetime(), failure_reason=None, **values)

	def mark_as_paid(self, **values: Any) -> bool:
		values.setdefault("amount_paid", self.total_amount)
		values.setdefault("document_state", document_states.after_payment(self))
		return self._move_to(
			"Paid",
			paid_date=now_datetime(),
			outstanding_amount=0,
			failure_reason=None,
			processing_since=None,
			**values,
		)

	def mark_as_failed(self, reason: str, **values: Any) -> bool:
		return self._move_to("Failed", failure_reason=reason, processing_since=None, **values)

	def mark_as_abandoned(self, reason: str) -> bool:
		return self._move_to("Abandoned", failure_reason=reason, processing_since=None)

	@staticmethod
	def abandon_many(invoices: list["AIInvoice"], reason: str) -> None:
		"""As `mark_as_abandoned` for many locked invoices, with three SQL statements in all."""
		values, events = {}, []
		for invoice in invoices:
			invoice.record("invoice_abandoned", invoice, invoice.status, "Abandoned", reason=reason)
			rows, tail = payment_event.link_to_invoice(invoice, invoice._queued_events())
			values[invoice.name] = {"failure_reason": reason, "processing_since": None, **tail}
			events += rows
			outbox.announce_audited(rows, invoice.user, invoice.subscription)
			invoice._queued_events().clear()
		move_locked(invoices, "Abandoned", values)
		if events:
			payment_event.insert(events)

	def mark_as_pending(self) -> bool:
		"""For an attempt that was cancelled before any money could move."""
		return self._move_to("Pending", failure_reason=None, processing_since=None)

	def mark_as_cancelled(self) -> bool:
		invoice_price.release_coupon(self, "The invoice was cancelled.")
		return self._move_to("Cancelled", processing_since=None)

	def mark_as_partly_refunded(self, amount_refunded: Decimal) -> bool:
		return self._move_to(
			"Partly Refunded",
			amount_refunded=amount_refunded,
			outstanding_amount=0,
			**document_states.after_refund(self, amount_refunded),
		)

	def mark_as_refunded(self, amount_refunded: Decimal) -> bool:
		return self._move_to(
			"Refunded",
			amount_refunded=amount_refunded,
			outstanding_amount=0,
			**document_states.after_refund(self, amount_refunded),
		)

	def can_retry(self) -> bool:
		return self.status in ("Failed", "Abandoned") and self.retries_remaining() > 0

	def retries_remaining(self) -> int:
		allowed = cint(payment_settings().max_retries) + cint(self.extra_retries)
		return max(0, allowed - cint(self.retry_count))

	def is_external(self) -> bool:
		"""Return whether it lets somebody pay a document of another app, which has its own books, taxes and mails."""
		return self.purpose == EXTERNAL

	def is_expired(self) -> bool:
		"""Return whether the time in which it can be paid is over. Most invoices have no such time."""
		return bool(self.get("expires_at")) and get_datetime(self.expires_at) <= now_datetime()

	def is_exhausted(self) -> bool:
		"""Return whether nothing was paid and no retry is left. The customer then gets a new invoice instead of this one."""
		return self.status in ("Failed", "Abandoned") and not self.retries_remaining() and not self.paid()

	def is_payable(self) -> bool:
		return self.status in OPEN and bool(self.outstanding()) and not self.is_exhausted()

	def require_retry(self) -> None:
		"""Raise Conflict, with the reason, if this invoice cannot be retried."""
		if self.status in SETTLED:
			frappe.throw(_("Invoice {0} is already paid.").format(self.name), Conflict)
		if self.status not in ("Failed", "Abandoned"):
			message = _("Invoice {0} is {1}. Only a failed or abandoned payment can be tried again.")
			frappe.throw(message.format(self.name, _(self.status)), Conflict)
		if not self.can_retry():
			message = _(
				"Invoice {0} has had too many payment attempts. Please request a new invoice on the billing page, or contact us."
			)
			frappe.throw(message.format(self.name), Conflict)

	def increment_retry(self) -> None:
		"""Count the retry and open the invoice for another attempt."""
		self.require_retry()
		self._move_to(
			"Pending",
			retry_count=cint(self.retry_count) + 1,
			last_retry_date=now_datetime(),
			failure_reason=None,
		)

	def allow_retry(self, reason: str) -> None:
		"""Allow one more retry of an exhausted invoice, and keep the reason."""
		if not self.is_exhausted():
			message = _("Invoice {0} is {1} and needs no permission for another payment attempt.")
			frappe.throw(message.format(self.name, _(self.status)), Conflict)
		self.record("retry_allowed", self, note=reason)
		self.write(extra_retries=cint(self.extra_retries) + 1, retry_allowed_on=now_datetime())

	def flag_for_review(self, reason: str) -> None:
		"""Flag the invoice for review and add the reason to earlier ones."""
		reasons = [line for line in (self.review_reason or "").splitlines() if line]
		if reason not in reasons:
			self.record("review_needed", self, reason=reason)
			self.write(needs_review=1, review_reason="\n".join([*reasons, reason]))


def on_doctype_update() -> None:
	# The Desk lists the invoices of a status in this order.
	add_index("AI Invoice", ["status", "creation"])
	add_index("AI Invoice", ["credit_pack", "status"])
