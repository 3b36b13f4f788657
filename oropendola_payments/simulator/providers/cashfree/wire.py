"""Cashfree's limits on a new order, and its way of writing amounts as JSON numbers."""

import json
import re
from datetime import datetime, timedelta
from decimal import Decimal

from oropendola_payments.simulator.core.amounts import to_minor, to_text

ORDER_ID = re.compile(r"[A-Za-z0-9_-]{3,45}")
PHONE = re.compile(r"\d{10}|\+\d{10,15}")
OFFERED = frozenset({"cc", "dc", "ccc", "ppc", "nb", "upi", "app", "paylater", "cardlessemi", "banktransfer"})


def problem_of(told: dict, now: datetime) -> str | None:
	"""What a strict provider finds wrong with a new order, if anything."""
	customer, meta = told.get("customer_details") or {}, told.get("order_meta") or {}
	try:
		paise = to_minor(number_of(told.get("order_amount")), "INR")
		ends = datetime.fromisoformat(str(told.get("order_expiry_time")))
		is_soon = ends < now + timedelta(minutes=15)
	except (ValueError, TypeError):
		return "order_amount or order_expiry_time is invalid"
	tags, note = told.get("order_tags") or {}, told.get("order_note")
	offered = set((meta.get("payment_methods") or "upi").split(","))
	rules = {
		"order_id : is invalid": ORDER_ID.fullmatch(str(told.get("order_id"))),
		"order_amount : should be at least 1": paise >= 100,
		"order_currency : is not enabled": told.get("order_currency") == "INR",
		"order_expiry_time : is too soon": not is_soon,
		"customer_id : is invalid": re.fullmatch(r"[A-Za-z0-9_-]{3,50}", str(customer.get("customer_id"))),
		"customer_phone : is invalid": PHONE.fullmatch(str(customer.get("customer_phone"))),
		"order_meta.return_url : is invalid": 0 < len(meta.get("return_url") or "") <= 250,
		"order_meta.notify_url : is invalid": (meta.get("notify_url") or "https://").startswith("https://"),
		"order_meta.payment_methods : is invalid": offered <= OFFERED,
		"order_tags : are invalid": len(tags) <= 10 and all(1 <= len(tag) <= 255 for tag in tags.values()),
		"order_note : is invalid": note is None or 3 <= len(note) <= 200,
	}
	return next((problem for problem, is_fine in rules.items() if not is_fine), None)


def number(minor: int, currency: str) -> str:
	"""A mark that `written` turns into a JSON number with its decimals, such as 1499.00."""
	return f"#{to_text(minor, currency)}#"


def written(body) -> str:
	return re.sub(r'"#(\d+\.\d+)#"', r"\1", json.dumps(body, separators=(",", ":")))


def number_of(value):
	"""An amount must be a JSON number, not a text."""
	if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
		raise ValueError(f"{value!r} is not a number")
	return value
