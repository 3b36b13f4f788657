"""The UPI link of an unpaid invoice: what a payment app needs to pay the seller directly, outside of all gateways."""

import re
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from oropendola_payments.ai_billing.current import payment_settings
from oropendola_payments.money import money_text

if TYPE_CHECKING:
	from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice

CURRENCY = "INR"
UPI_ID = re.compile(r"[A-Za-z0-9._-]{2,256}@[A-Za-z][A-Za-z0-9]{1,63}")


def is_upi_id(text: str) -> bool:
	return bool(UPI_ID.fullmatch(text))


def link_of(invoice: "AIInvoice") -> str | None:
	"""Return the link for what is still due, or None: UPI moves rupees only, and only to a seller who has a UPI ID."""
	settings = payment_settings()
	if not settings.upi_id or invoice.currency != CURRENCY:
		return None
	values = {
		"pa": settings.upi_id,
		"pn": settings.seller_name or settings.upi_id,
		"am": money_text(invoice.outstanding(), CURRENCY),
		"cu": CURRENCY,
		"tn": invoice.name,
	}
	return "upi://pay?" + urlencode(values, quote_via=quote, safe="@")
