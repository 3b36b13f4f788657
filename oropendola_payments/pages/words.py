"""Amounts, dates and states as people read them, in their language."""

from decimal import Decimal

import frappe
from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time
from babel.numbers import format_currency, format_decimal
from frappe import _
from frappe.utils import cint, get_datetime, getdate

from oropendola_payments.ai_billing.periods import today
from oropendola_payments.gateways.money import quantize

# What a state means for the customer, and the tone in which it is shown.
INVOICE_STATES = {
	"Pending": ("To pay", "open"),
	"Processing": ("Under way", "wait"),
	"Partly Paid": ("Partly paid", "open"),
	"Paid": ("Paid", "good"),
	"Partly Refunded": ("Partly refunded", "plain"),
	"Refunded": ("Refunded", "plain"),
	"Failed": ("Not completed", "bad"),
	"Abandoned": ("Not completed", "bad"),
	"Cancelled": ("Cancelled", "plain"),
}
SUBSCRIPTION_STATES = {
	"Pending": ("Waiting for payment", "open"),
	"Trial": ("On trial", "wait"),
	"Active": ("Active", "good"),
	"Past Due": ("Payment overdue", "bad"),
	"Expired": ("Expired", "bad"),
	"Cancelled": ("Cancelled", "plain"),
}


def state(words: dict, status: str) -> dict:
	"""The word for a state and its tone."""
	word, tone = words.get(status, (status, "plain"))
	return {"word": _(word), "tone": tone}


def money(amount, currency: str, short: bool = False) -> str:
	"""The amount with its currency; `short` leaves zero cents away, as price lists do."""
	exact = quantize(amount or 0, currency)
	whole = short and exact == exact.to_integral_value()
	if not whole:
		return format_currency(exact, currency, locale=_locale(currency))
	return format_currency(Decimal(int(exact)), currency, "¤#,##,##0" if _is_rupee(currency) else "¤#,##0",
		locale=_locale(currency), currency_digits=False)  # fmt: skip


def number(value: int) -> str:
	return format_decimal(value, locale=_locale())


def day(value) -> str:
	return format_date(getdate(value), format="d MMM y", locale=_locale()) if value else ""


def moment(value) -> str:
	"""The day and the time of the site's clock."""
	if not value:
		return ""
	return f"{day(value)}, {format_time(get_datetime(value).time(), format='short', locale=_locale())}"


def clock(value) -> str:
	return format_time(get_datetime(value).time(), format="short", locale=_locale()) if value else ""


def days_left(end) -> int:
	return (getdate(end) - today()).days if end else 0


def interval(unit: str, count: int) -> str:
	"""How long a price lasts: "a month", "every 3 months"."""
	count = cint(count) or 1
	if count == 1:
		return {"Day": _("a day"), "Month": _("a month"), "Year": _("a year")}[unit]
	text = {"Day": _("every {0} days"), "Month": _("every {0} months"), "Year": _("every {0} years")}[unit]
	return text.format(number(count))


def quota(limit: int) -> str:
	"""What a plan or a subscription gives each day; 0 and -1 mean that nobody counts."""
	return _("{0} requests a day").format(number(limit)) if cint(limit) > 0 else _("Unlimited requests")


def methods(codes) -> list[str]:
	"""The ways to pay that a gateway takes, as its customers know them."""
	known = {
		"card": _("Cards"),
		"upi": _("UPI"),
		"netbanking": _("Net banking"),
		"wallet": _("Wallets"),
		"emi": _("Instalments"),
		"paylater": _("Pay later"),
		"bank": _("Bank account"),
		"paypal": _("PayPal"),
		"cardless_emi": _("Instalments"),
	}
	return list(dict.fromkeys(known[code] for code in codes if code in known))


def tax_note(settings) -> str:
	"""Whether the price list has the tax in it."""
	if not settings.tax_rate:
		return ""
	rate = format_decimal(Decimal(str(settings.tax_rate)), locale=_locale())
	label = settings.tax_label or _("tax")
	text = (
		_("Prices include {0}% {1}.")
		if settings.prices_include_tax
		else _("{0}% {1} is added at the checkout.")
	)
	return text.format(rate, label)


def tax_line(invoice) -> str:
	rate = format_decimal(Decimal(str(invoice.tax_rate or 0)), locale=_locale())
	return f"{invoice.tax_label or _('Tax')} ({rate}%)"


def _is_rupee(currency: str) -> bool:
	return (currency or "").upper() == "INR"


def _locale(currency: str = "") -> Locale:
	"""Rupees are grouped the Indian way in every language that does not say otherwise."""
	lang = (frappe.local.lang or "en").replace("-", "_")
	wanted = f"{lang}_IN" if "_" not in lang and (_is_rupee(currency) or lang == "hi") else lang
	for name in (wanted, lang, lang.split("_")[0]):
		try:
			return Locale.parse(name)
		except (UnknownLocaleError, ValueError):
			continue
	return Locale("en")
