"""Labels of payment methods, the same on receipts, pages and in emails."""

from collections.abc import Iterable

from frappe import _

LABELS = {
	"card": "Card",
	"upi": "UPI",
	"netbanking": "Net banking",
	"wallet": "Wallet",
	"emi": "Instalments",
	"paylater": "Pay later",
	"paypal": "PayPal",
	"bank": "Bank account",
}


def label(method: str | None) -> str:
	"""Return the label of a method in the current language; an empty string if it has none."""
	known = LABELS.get(method or "")
	return _(known) if known else ""


def labels(methods: Iterable[str]) -> list[str]:
	return list(dict.fromkeys(filter(None, map(label, methods))))
