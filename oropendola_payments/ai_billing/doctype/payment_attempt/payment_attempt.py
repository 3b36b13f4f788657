import secrets
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import frappe
from frappe.utils import get_datetime, get_system_timezone, now_datetime

from oropendola_payments.ai_billing import records
from oropendola_payments.ai_billing.daily.marks import figures_changed
from oropendola_payments.ai_billing.records import StatefulRecord, move_locked
from oropendola_payments.ai_billing.sealed import seal, unseal
from oropendola_payments.compat import add_index
from oropendola_payments.gateways.base import PaymentRef
from oropendola_payments.money import quantize

if TYPE_CHECKING:
	from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice

ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # no characters that look alike
REFERENCE_LENGTH = 20
# A gateway may capture the payment after it reported a failure, or take a debit that the bank decides about later.
LATE = {"Processing", "Authorized", "Paid"}
TRANSITIONS = {
	"Created": {"Processing", "Authorized", "Paid", "Failed", "Expired", "Cancelled"},
	"Processing": {"Authorized", "Paid", "Failed", "Expired", "Cancelled"},
	"Authorized": {"Paid", "Failed", "Expired", "Cancelled"},
	"Failed": LATE,
	"Expired": LATE,
	"Cancelled": LATE,
	"Paid": set(),
}
OPEN = ("Created", "Processing", "Authorized")
COUNTED = {"status", "error_code", "error_message", "gateway", "currency", "mode", "initiated_at"}


class PaymentAttempt(StatefulRecord):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		amount: DF.Currency
		check_count: DF.Int
		checkout_data: DF.LongText | None
		completed_at: DF.Datetime | None
		currency: DF.Link
		error_code: DF.Data | None
		error_message: DF.SmallText | None
		expires_at: DF.Datetime | None
		flow: DF.Data | None
		gateway: DF.Data
		gateway_order_id: DF.Data | None
		gateway_payment_id: DF.Data | None
		idempotency_key: DF.Data | None
		in_transit: DF.Check
		initiated_at: DF.Datetime | None
		invoice: DF.Link
		is_part: DF.Check
		last_check_at: DF.Datetime | None
		mode: DF.Literal["Simulator", "Test", "Live", "Manual"]
		next_check_at: DF.Datetime | None
		paid_before: DF.Currency
		payment_link: DF.Link | None
		payment_method: DF.Literal[
			"", "card", "upi", "netbanking", "wallet", "emi", "paylater", "paypal", "bank", "manual", "other"
		]
		phone_check: DF.Literal["", "Needed", "Confirmed"]
		request_data: DF.LongText | None
		request_fingerprint: DF.Data | None
		requested_method: DF.Data | None
		response_data: DF.LongText | None
		return_origin: DF.Data | None
		return_url: DF.SmallText | None
		status: DF.Literal["Created", "Processing", "Authorized", "Paid", "Failed", "Expired", "Cancelled"]
		user: DF.Link
	# end: auto-generated types

	transitions = TRANSITIONS
	first_status = "Created"
	system_fields = (
		"invoice",
		"user",
		"payment_link",
		"return_origin",
		"return_url",
		"gateway",
		"mode",
		"flow",
		"amount",
		"currency",
		"payment_method",
		"requested_method",
		"is_part",
		"in_transit",
		"paid_before",
		"phone_check",
		"gateway_order_id",
		"gateway_payment_id",
		"error_code",
		"error_message",
		"initiated_at",
		"completed_at",
		"expires_at",
		"next_check_at",
		"last_check_at",
		"check_count",
		"request_data",
		"response_data",
		"checkout_data",
		"idempotency_key",
		"request_fingerprint",
	)

	def is_open(self) -> bool:
		return self.status in OPEN

	def is_seen_by_guests(self) -> bool:
		"""Return whether whoever has the signed address sees the outcome: the payer of a link, or the visitor of a frontend."""
		return bool(self.payment_link or self.return_origin)

	def payment_ref(self) -> PaymentRef:
		"""Return the identifiers by which the gateway finds this attempt."""
		return PaymentRef(
			reference=self.name,
			amount=quantize(self.amount, self.currency),
			currency=self.currency,
			order_id=self.gateway_order_id or None,
			payment_id=self.gateway_payment_id or None,
			data=self.checkout().get("data") or {},
			created_at=self._initiated_at(),
		)

	def _initiated_at(self) -> datetime | None:
		"""Return the start time with its time zone, because gateways use absolute times."""
		zone = ZoneInfo(get_system_timezone())
		return get_datetime(self.initiated_at).replace(tzinfo=zone) if self.initiated_at else None

	def checkout(self) -> dict:
		"""Return the gateway's answer to the create call; nothing if it cannot be read any more. Status queries need it rarely."""
		return unseal(self.checkout_data) or {}

	@staticmethod
	def seal(checkout: dict) -> str:
		"""Return the checkout data encrypted, because session ids and client secrets work like credentials for a while."""
		return seal(checkout)

	def add(self) -> None:
		super().add()
		figures_changed([self.initiated_at])

	def _update_row(self, values: dict, only_if: dict | None = None) -> bool:
		begun = self.initiated_at
		changed = super()._update_row(values, only_if)
		if changed and COUNTED & values.keys():
			figures_changed([begun, self.initiated_at])
		return changed

	def mark_as_processing(self, **values: Any) -> bool:
		return self._move_to("Processing", **values)

	def mark_as_opened(self, **values: Any) -> bool:
		"""Move from Created to Processing. Return False, and change nothing, if the row is not Created any more."""
		return self._update_row({"status": "Processing", **values}, only_if={"status": "Created"})

	def mark_as_authorized(self, **values: Any) -> bool:
		return self._move_to("Authorized", **values)

	def mark_as_paid(self, **values: Any) -> bool:
		moved = self._end("Paid", **values)
		if moved and self.payment_link:
			frappe.db.set_value("AI Payment Link", self.payment_link, "paid_with", self.name)
		return moved

	def mark_as_failed(self, **values: Any) -> bool:
		return self._end("Failed", **values)

	def mark_as_expired(self, **values: Any) -> bool:
		return self._end("Expired", **values)

	@staticmethod
	def expire_many(attempts: list["PaymentAttempt"], reason: str, next_checks: dict) -> None:
		"""As `mark_as_expired` for many locked attempts, with one SQL statement for each of their statuses."""
		moment = now_datetime()
		for status in OPEN:
			group = [attempt for attempt in attempts if attempt.status == status]
			values = {
				attempt.name: {
					"completed_at": moment,
					"error_code": "expired",
					"error_message": reason,
					"next_check_at": next_checks[attempt.name],
				}
				for attempt in group
			}
			move_locked(group, "Expired", values)
		figures_changed(attempt.initiated_at for attempt in attempts)

	def mark_as_cancelled(self, **values: Any) -> bool:
		return self._end("Cancelled", **values)

	def _end(self, status: str, **values: Any) -> bool:
		return self._move_to(status, completed_at=now_datetime(), in_transit=0, **values)


def new_attempt(invoice: "AIInvoice", **values: Any) -> PaymentAttempt:
	"""Return a new attempt to pay this invoice, not inserted yet. `values` are further fields."""
	attempt = records.new("Payment Attempt")
	attempt.name = new_reference()
	attempt.update(
		{
			"invoice": invoice.name,
			"user": invoice.user,
			"currency": invoice.currency,
			"status": "Created",
			"initiated_at": now_datetime(),
			"check_count": 0,
			**values,
		}
	)
	return attempt


def has_open_attempt(invoice: str) -> bool:
	"""Return whether somebody has started a payment of this invoice whose outcome is not known."""
	return bool(frappe.db.exists("Payment Attempt", {"invoice": invoice, "status": ("in", OPEN)}))


def new_reference() -> str:
	"""Return a new reference for the gateway. It is random, so that it reveals nothing and cannot be guessed."""
	return "".join(secrets.choice(ALPHABET) for _i in range(REFERENCE_LENGTH))


def is_reference(text: str) -> bool:
	"""Return whether this has the form of `new_reference`, to tell a foreign reference from one of ours that is missing."""
	return len(text) == REFERENCE_LENGTH and set(text) <= set(ALPHABET)


def on_doctype_update() -> None:
	frappe.db.add_unique("Payment Attempt", ["gateway", "gateway_payment_id"], "one_payment_one_attempt")
	add_index("Payment Attempt", ["status", "next_check_at"])
