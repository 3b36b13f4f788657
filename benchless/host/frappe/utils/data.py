"""Numbers, dates, money and texts, as Frappe reads and writes them."""

import datetime
import html
import math
import re
from urllib.parse import urljoin
from zoneinfo import ZoneInfo

from babel import dates
from dateutil import parser
from dateutil.parser import ParserError
from dateutil.relativedelta import relativedelta

import frappe

from .._absent import _absent

DATE_FORMAT = "%Y-%m-%d"
TIME_FORMAT = "%H:%M:%S.%f"
DATETIME_FORMAT = f"{DATE_FORMAT} {TIME_FORMAT}"


def _is_no_date(text) -> bool:
	return not isinstance(text, str) or text.startswith(("0000-00-00", "0001-01-01"))


def getdate(string_date=None, parse_day_first: bool = False):
	"""The date of a text, a date or a datetime; today for nothing."""
	if not string_date:
		return now_datetime().date()
	if isinstance(string_date, datetime.datetime):
		return string_date.date()
	if isinstance(string_date, datetime.date):
		return string_date
	if _is_no_date(string_date):
		return None
	try:
		return parser.parse(string_date, dayfirst=parse_day_first).date()
	except ParserError:
		message = frappe._("{} is not a valid date string.").format(frappe.bold(string_date))
		frappe.throw(message, title=frappe._("Invalid Date"))


def get_datetime(datetime_str=None):
	"""The datetime of a text or a date; now for None."""
	if datetime_str is None:
		return now_datetime()
	if isinstance(datetime_str, datetime.datetime | datetime.timedelta):
		return datetime_str
	if isinstance(datetime_str, datetime.date):
		return datetime.datetime.combine(datetime_str, datetime.time())
	if not datetime_str or _is_no_date(datetime_str):
		return None
	try:
		return datetime.datetime.fromisoformat(datetime_str)
	except ValueError:
		return parser.parse(datetime_str)


def to_timedelta(time_str):
	if isinstance(time_str, str):
		time_str = parser.parse(time_str).time()
	if isinstance(time_str, datetime.time):
		return datetime.datetime.combine(datetime.date.min, time_str) - datetime.datetime.min
	return time_str


def get_system_timezone() -> str:
	if getattr(frappe.local, "db", None):
		return frappe.get_system_settings("time_zone") or "Asia/Kolkata"
	return "Asia/Kolkata"


def now_datetime() -> datetime.datetime:
	"""Now in the time zone of the site, without tzinfo."""
	return datetime.datetime.now(ZoneInfo(get_system_timezone())).replace(tzinfo=None)


def now() -> str:
	return now_datetime().strftime(DATETIME_FORMAT)


def nowdate() -> str:
	return now_datetime().strftime(DATE_FORMAT)


today = nowdate


def nowtime() -> str:
	return now_datetime().strftime(TIME_FORMAT)


def add_to_date(
	date,
	years=0,
	months=0,
	weeks=0,
	days=0,
	hours=0,
	minutes=0,
	seconds=0,
	as_string=False,
	as_datetime=False,
):
	"""The date plus an interval; text for text."""
	if date is None:
		date = now_datetime()
	as_datetime = as_datetime or bool(hours)
	if isinstance(date, str):
		as_string, as_datetime = True, as_datetime or " " in date
		date = parser.parse(date)
	small = {"hours": hours, "minutes": minutes, "seconds": seconds}
	moved = date + relativedelta(years=years, months=months, weeks=weeks, days=days, **small)
	return moved.strftime(DATETIME_FORMAT if as_datetime else DATE_FORMAT) if as_string else moved


def add_days(date, days):
	return add_to_date(date, days=days)


def add_months(date, months):
	return add_to_date(date, months=months)


def get_last_day(dt) -> datetime.date:
	return getdate(dt) + relativedelta(day=31)


def _date_format() -> str:
	return (frappe.get_system_settings("date_format") or "yyyy-mm-dd").replace("mm", "MM")


def format_date(string_date=None, format_string: str | None = None, parse_day_first: bool = False) -> str:
	if not string_date:
		return ""
	pattern = (format_string or _date_format()).replace("mm", "MM").replace("Y", "y")
	return dates.format_date(getdate(string_date, parse_day_first), pattern, locale=_locale())


formatdate = format_date


def _locale() -> str:
	return (getattr(frappe.local, "lang", None) or "en").replace("-", "_")


def cast_fieldtype(fieldtype, value, show_warning=True):
	"""The value as its field type; note that an empty Date or Datetime becomes now."""
	if fieldtype in ("Currency", "Float", "Percent"):
		return flt(value)
	if fieldtype in ("Int", "Check"):
		return cint(value)
	if fieldtype in (
		"Data",
		"Text",
		"Small Text",
		"Long Text",
		"Text Editor",
		"Select",
		"Link",
		"Dynamic Link",
	):
		return cstr(value)
	casts = {"Date": getdate, "Datetime": get_datetime, "Time": to_timedelta}
	return casts[fieldtype](value) if fieldtype in casts else value


def flt(s, precision: int | None = None, rounding_method: str | None = None) -> float:
	"""A float, rounded if `precision` is given; 0 for what is not a number."""
	if s is None:
		return 0.0
	try:
		number = float(s.replace(",", "") if isinstance(s, str) else s)
	except (TypeError, ValueError):
		return 0.0
	return number if precision is None else rounded(number, precision, rounding_method)


def cint(s, default: int = 0) -> int:
	if s is None:
		return default
	try:
		return int(float(s))
	except Exception:
		return default


def cstr(s, encoding="utf-8") -> str:
	if isinstance(s, bytes):
		return str(s, encoding)
	return "" if s is None else s if isinstance(s, str) else str(s)


def sbool(x):
	"""True or False for text that means it, anything else unchanged."""
	words = {"true": True, "1": True, "false": False, "0": False}
	return words.get(x.lower(), x) if isinstance(x, str) else x


def rounded(num, precision=0, rounding_method=None):
	"""Frappe's default: halves go up, except without decimals, where they go to the even number."""
	if rounding_method or frappe.get_system_settings("rounding_method") != "Banker's Rounding (legacy)":
		raise NotImplementedError("benchless knows only Banker's Rounding (legacy); use a bench")
	scaled = round(num * 10**precision, 8)
	floor = math.floor(scaled)
	if scaled - floor != 0.5:
		result = round(scaled)
	else:
		result = floor if not precision and floor % 2 == 0 else floor + 1
	return result / 10**precision if precision else result


_NUMBER_FORMATS = {"#,###.##": 3, "#,##,###.##": 2}


def fmt_money(
	amount, precision: int | None = None, currency: str | None = None, format: str | None = None
) -> str:
	"""The amount as people write it, with the sign of its currency."""
	number_format = format or frappe.get_system_settings("number_format") or "#,###.##"
	if number_format not in _NUMBER_FORMATS:
		raise NotImplementedError(f"benchless has no number format {number_format}; use a bench")
	precision = 2 if precision is None else precision
	whole, _dot, decimals = f"{abs(round(flt(amount), precision)):.{precision}f}".partition(".")
	text = _group(whole, _NUMBER_FORMATS[number_format]) + (f".{decimals}" if decimals else "")
	number = ("-" if flt(amount) < 0 and float(f"{whole}.{decimals}") else "") + text
	if not currency:
		return number
	symbol = frappe.db.get_value("Currency", currency, "symbol", cache=True) or currency
	return f"{symbol} {number}"


def _group(whole: str, size: int) -> str:
	groups, rest = [whole[-3:]], whole[:-3]
	while rest:
		groups.insert(0, rest[-size:])
		rest = rest[:-size]
	return ",".join(groups)


def strip_html(text: str) -> str:
	return re.sub(r"<[^>]*>", "", text)


def escape_html(text: str) -> str:
	return html.escape(text, quote=True) if isinstance(text, str) else text


def get_url(uri: str | None = None, full_address: bool = False) -> str:
	"""The address of the site, or of a path on it: from the configuration, else from the request."""
	if uri and uri.startswith(("http://", "https://")):
		return uri
	conf = frappe.local.conf
	host = conf.host_name or conf.hostname or _host_of_request() or f"http://{frappe.local.site}"
	if not host.startswith(("http://", "https://")):
		host = f"http://{host}"
	return urljoin(host, uri) if uri else host


def _host_of_request() -> str | None:
	request = getattr(frappe.local, "request", None)
	if not request or not request.host:
		return None
	scheme = "https" if frappe.get_request_header("X-Forwarded-Proto", "") == "https" else "http"
	return f"{scheme}://{request.host}"


_absent("frappe.utils.data")
