"""Format amounts, dates and quotas in the reader's language, for pages, receipts and emails."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import frappe
from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time, get_timezone_gmt
from babel.numbers import format_currency, format_decimal
from frappe import _
from frappe.utils import cint, flt, get_datetime, get_system_timezone, getdate

from oropendola_payments.money import Amount, quantize, to_decimal

if TYPE_CHECKING:
	from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice


def money(amount: Amount, currency: str, short: bool = False) -> str:
	"""Return the amount with its currency. `short` omits zero cents, as in price lists."""
	exact = quantize(amount or 0, currency)
	whole = short and exact == exact.to_integral_value()
	if not whole:
		return format_currency(exact, currency, locale=_locale(currency))
	return format_currency(Decimal(int(exact)), currency, "¤#,##,##0" if _is_rupee(currency) else "¤#,##0",
		locale=_locale(currency), currency_digits=False)  # fmt: skip


def exact_money(amount: Amount, currency: str) -> str:
	"""Return an amount as a gateway reported it, without rounding and with any currency code."""
	code = (currency or "").upper()
	return format_currency(to_decimal(amount or 0), code, locale=_locale(code), decimal_quantization=False)


def number(value: int) -> str:
	return format_decimal(value, locale=_locale())


def percent(rate: Amount) -> str:
	return f"{format_decimal(Decimal(str(flt(rate))), locale=_locale())}%"


def day(value: str | date | None) -> str:
	return format_date(getdate(value), format="d MMM y", locale=_locale()) if value else ""


def days(first: str | date | None, last: str | date | None) -> str:
	"""Return a period as text, both days included."""
	return _("{0} to {1}").format(day(first), day(last)) if first and last else ""


def moment(value: str | datetime | None) -> str:
	"""Return day and time in the site's time zone."""
	if not value:
		return ""
	return f"{day(value)}, {format_time(get_datetime(value).time(), format='short', locale=_locale())}"


def moment_and_zone(value: str | datetime | None) -> str:
	"""Return day and time with the zone, for emails: their readers may live in another one."""
	if not value:
		return ""
	there = get_datetime(value).replace(tzinfo=ZoneInfo(get_system_timezone()))
	return f"{moment(value)} ({get_timezone_gmt(there, locale=_locale())})"


def clock(value: str | datetime | None) -> str:
	return format_time(get_datetime(value).time(), format="short", locale=_locale()) if value else ""


def quota(limit: int) -> str:
	"""Return the daily quota as text. 0 and -1 mean unlimited."""
	return _("{0} requests a day").format(number(limit)) if cint(limit) > 0 else _("Unlimited requests")


def country_name(code: str, fallback: str) -> str:
	"""Return the name of a country in the reader's language."""
	return _locale().territories.get((code or "").upper()) or fallback


def tax_text(label: str, rate: Amount) -> str:
	return f"{label} ({percent(rate)})" if flt(rate) else label


def tax_line(invoice: "AIInvoice") -> str:
	label = invoice.tax_label or _("Tax")
	return tax_text(label, invoice.tax_rate)


@contextmanager
def in_language(language: str | None) -> Iterator[None]:
	"""Format and translate in this language instead of the session's, for emails that a worker sends to a customer."""
	before = frappe.local.lang
	frappe.local.lang = language or before
	try:
		yield
	finally:
		frappe.local.lang = before


def _is_rupee(currency: str) -> bool:
	return (currency or "").upper() == "INR"


def _locale(currency: str = "") -> Locale:
	"""Return the locale. Rupees use Indian digit grouping, unless the language has a region of its own."""
	lang = (frappe.local.lang or "en").replace("-", "_")
	wanted = f"{lang}_IN" if "_" not in lang and (_is_rupee(currency) or lang == "hi") else lang
	for name in (wanted, lang, lang.split("_")[0]):
		try:
			return Locale.parse(name)
		except (UnknownLocaleError, ValueError):
			continue
	return Locale("en")


def is_language(code: str) -> bool:
	try:
		return bool(Locale.parse(code.replace("-", "_")))
	except (UnknownLocaleError, ValueError):
		return False


def translated(text: str | None) -> str | None:
	"""Translate a stored text. Ours are stored in English; texts of gateways have no translation and stay as they are."""
	return _(text) if text else text
