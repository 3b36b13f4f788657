"""Values as people read them."""

import datetime

import frappe
from frappe.model.meta import get_field_currency, get_field_precision
from frappe.utils import cint, cstr, flt, fmt_money, format_datetime, format_time, formatdate

_TYPES = [
	(datetime.datetime, "Datetime"),
	(datetime.date, "Date"),
	(datetime.timedelta, "Time"),
	(int, "Int"),
	(float, "Float"),
]


def format_value(value, df=None, doc=None, currency=None, translated=False, format=None):
	"""The value as the form of its field shows it; the field is guessed when it is not given."""
	if isinstance(df, str):
		df = {"fieldtype": df}
	if not df:
		df = {"fieldtype": next((name for kind, name in _TYPES if isinstance(value, kind)), "Data")}
	df = frappe._dict(df)
	if value is None:
		value = ""
	elif translated:
		value = frappe._(value)
	if value == 0 and df.print_hide_if_no_value and df.fieldtype in ("Int", "Float", "Currency", "Percent"):
		return ""
	formatter = _FORMATTERS.get(df.fieldtype)
	return formatter(value, df, doc, currency, format) if formatter else value


def _currency(value, df, doc, currency, format):
	currency = currency or get_field_currency(df, doc) or frappe.db.get_default("currency")
	return fmt_money(value, precision=get_field_precision(df, doc), currency=currency, format=format)


def _float(value, df, doc, currency, format):
	is_whole = not df.options and not cint(cstr(value).partition(".")[2])
	precision = 0 if is_whole else get_field_precision(df, doc)
	return fmt_money(value, precision=precision, currency=currency or get_field_currency(df, doc))


def _text(value, df, doc, currency, format):
	has_blocks = any(tag in value for tag in ("<br", "<div", "<p"))
	return value if has_blocks else value.replace("\n", "<br>")


_FORMATTERS = {
	"Date": lambda value, *_rest: formatdate(value),
	"Datetime": lambda value, *_rest: format_datetime(value),
	"Time": lambda value, *_rest: format_time(value),
	"Percent": lambda value, *_rest: f"{flt(value, 2)}%",
	"Currency": _currency,
	"Float": _float,
	"Text": _text,
	"Small Text": _text,
}
