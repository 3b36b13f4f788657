"""Amounts, dates and quotas as people read them, in their language: the same on pages, receipts and in mails."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import frappe
from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time
from babel.numbers import format_currency, format_decimal
from frappe import _
from frappe.utils import cint, flt, get_datetime, getdate

from oropendola_payments.money import Amount, quantize, to_decimal

if TYPE_CHECKING:
	from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice


def money(amount: Amount, currency: str, short: bool = False) -> str:
	"""The amount with its currency; `short` leaves zero cents away, as price lists do."""
	exact = quantize(amount or 0, currency)
	whole = short and exact == exact.to_integral_value()
	if not whole:
		return format_currency(exact, currency, locale=_locale(currency))
	return format_currency(Decimal(int(exact)), currency, "¤#,##,##0" if _is_rupee(currency) else "¤#,##0",
		locale=_locale(currency), currency_digits=False)  # fmt: skip


def exact_money(amount: Amount, currency: str) -> str:
	"""An amount as a gateway reported it: nothing is rounded away, and no currency code is refused."""
	code = (currency or "").upper()
	return format_currency(to_decimal(amount or 0), code, locale=_locale(code), decimal_quantization=False)


def number(value: int) -> str:
	return format_decimal(value, locale=_locale())


def percent(rate: Amount) -> str:
	return f"{format_decimal(Decimal(str(flt(rate))), locale=_locale())}%"


def day(value: str | date | None) -> str:
	return format_date(getdate(value), format="d MMM y", locale=_locale()) if value else ""


def days(first: str | date | None, last: str | date | None) -> str:
	"""A period, both days included."""
	return _("{0} to {1}").format(day(first), day(last)) if first and last else ""


def moment(value: str | datetime | None) -> str:
	"""The day and the time of the site's clock."""
	if not value:
		return ""
	return f"{day(value)}, {format_time(get_datetime(value).time(), format='short', locale=_locale())}"


def clock(value: str | datetime | None) -> str:
	return format_time(get_datetime(value).time(), format="short", locale=_locale()) if value else ""


def quota(limit: int) -> str:
	"""What a plan or a subscription gives each day; 0 and -1 mean that nobody counts."""
	return _("{0} requests a day").format(number(limit)) if cint(limit) > 0 else _("Unlimited requests")


def tax_line(invoice: "AIInvoice") -> str:
	label = invoice.tax_label or _("Tax")
	return f"{label} ({percent(invoice.tax_rate)})" if flt(invoice.tax_rate) else label


@contextmanager
def in_language(language: str | None) -> Iterator[None]:
	"""Texts, dates and amounts of somebody else than the one who asks: a worker speaks for a customer."""
	before = frappe.local.lang
	frappe.local.lang = language or before
	try:
		yield
	finally:
		frappe.local.lang = before


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


def translated(text: str | None) -> str | None:
	"""A stored sentence in the reader's language. Ours are kept in English; a gateway's words have no translation and stay."""
	return _(text) if text else text
