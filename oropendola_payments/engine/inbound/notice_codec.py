"""Convert notices to JSON and back, for the inbox."""

from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any

import frappe

from oropendola_payments.gateways.base import (
	DisputeEvent,
	Notice,
	Outcome,
	PaymentEvent,
	RefundEvent,
	RefundOutcome,
)

KINDS: dict[str, Any] = {"payment": PaymentEvent, "refund": RefundEvent, "dispute": DisputeEvent}


def pack_notice(notice: Notice) -> dict:
	kinds = {cls: kind for kind, cls in KINDS.items()}
	packed = {k: v for k, v in asdict(notice).items() if k not in ("events", "reply")}
	packed["events"] = [{"kind": kinds[type(event)], **_plain(asdict(event))} for event in notice.events]
	return packed


def _plain(values: dict) -> dict:
	def text(value: Any) -> Any:
		if isinstance(value, Decimal):
			return str(value)
		if isinstance(value, datetime):
			return value.isoformat()
		return value.value if isinstance(value, Outcome | RefundOutcome) else value

	return {key: text(value) for key, value in values.items()}


def unpack_notice(text: str) -> Notice:
	packed = frappe.parse_json(text)
	events = tuple(_event(dict(values)) for values in packed.pop("events"))
	return Notice(events=events, **packed)


def _event(values: dict) -> PaymentEvent | RefundEvent | DisputeEvent:
	kind = KINDS[values.pop("kind")]
	if values.get("amount") is not None:
		values["amount"] = Decimal(values["amount"])
	if values.get("occurred_at"):
		values["occurred_at"] = datetime.fromisoformat(values["occurred_at"])
	if kind is PaymentEvent:
		values["outcome"] = Outcome(values["outcome"])
	if kind is RefundEvent:
		values["outcome"] = RefundOutcome(values["outcome"])
	return kind(**values)
