"""Numbers, dates, money and texts, as Frappe reads and writes them."""

import datetime
import html
import math
import re
from urllib.parse import quote, urljoin
from zoneinfo import ZoneInfo

from dateutil import parser
from dateutil.parser import ParserError
from dateutil.relativedelta import relativedelta

import frappe

from .._absent import _absent

DATE_FORMAT = "%Y-%m-%d"
TIME_FORMAT = "%H:%M:%S.%f"
DATETIME_FORMAT = f"{DATE_FORMAT} {TIME_FORMAT}"


def is_invalid_date_string(date_string: str) -> bool:
	return (
		not isinstance(date_string, str)
		or date_string.startswith(("0000-00-00", "0001-01-01"))
		or not date_string
	)


def getdate(string_date=None, parse_day_first: bool = False):
	"""The date of a text, a date or a datetime; today for nothing."""
	if not string_date:
		return now_datetime().date()
	if isinstance(string_date, datetime.datetime):
		return string_date.date()
	if isinstance(string_date, datetime.date):
		return string_date
	if is_invalid_date_string(string_date):
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
	if is_invalid_date_string(datetime_str):
		return None
	try:
		return datetime.datetime.strptime(datetime_str, DATETIME_FORMAT)
	except ValueError:
		return parser.parse(datetime_str)


def get_timedelta(time=None):
	if isinstance(time, datetime.timedelta):
		return time
	try:
		return to_timedelta(parser.parse(time or "0:0:0").time())
	except (ParserError, TypeError):
		return None


def to_timedelta(time_str):
	if isinstance(time_str, str):
		time_str = parser.parse(time_str).time()
	if isinstance(time_str, datetime.time):
		return datetime.datetime.combine(datetime.date.min, time_str) - datetime.datetime.min
	return time_str


def get_time(time_str) -> datetime.time:
	if isinstance(time_str, datetime.datetime):
		return time_str.time()
	if isinstance(time_str, datetime.timedelta):
		return (datetime.datetime.min + time_str).time()
	return time_str if isinstance(time_str, datetime.time) else parser.parse(time_str).time()


def get_system_timezone() -> str:
	if getattr(frappe.local, "db", None):
		return frappe.get_system_settings("time_zone") or "Asia/Kolkata"
	return "Asia/Kolkata"


def now_datetime() -> datetime.datetime:
	"""Now in the time zone of the site, without tzinfo."""
	return get_datetime_in_timezone(get_system_timezone()).replace(tzinfo=None)


def get_datetime_in_timezone(time_zone) -> datetime.datetime:
	return datetime.datetime.now(datetime.timezone.utc).astimezone(ZoneInfo(time_zone))


def convert_utc_to_timezone(utc_timestamp, time_zone):
	return utc_timestamp.replace(tzinfo=datetime.timezone.utc).astimezone(ZoneInfo(time_zone))


def now() -> str:
	frozen = frappe.flags.current_date
	if frozen:
		return f"{getdate(frozen)} {now_datetime().strftime(TIME_FORMAT)}"
	return now_datetime().strftime(DATETIME_FORMAT)


def nowdate() -> str:
	return now_datetime().strftime(DATE_FORMAT)


def today() -> str:
	return nowdate()


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
	"""The date moved by so much; text in gives text out."""
	if date is None:
		date = now_datetime()
	as_datetime = as_datetime or bool(hours)
	if isinstance(date, str):
		as_string, as_datetime = True, as_datetime or " " in date
		try:
			date = parser.parse(date)
		except ParserError:
			frappe.throw(frappe._("Please select a valid date filter"), title=frappe._("Invalid Date"))
	moved = date + relativedelta(
		years=years, months=months, weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds
	)
	return moved.strftime(DATETIME_FORMAT if as_datetime else DATE_FORMAT) if as_string else moved


def add_days(date, days):
	return add_to_date(date, days=days)


def add_months(date, months):
	return add_to_date(date, months=months)


def add_years(date, years):
	return add_to_date(date, years=years)


def date_diff(string_ed_date, string_st_date) -> int:
	return days_diff(string_ed_date, string_st_date)


def days_diff(string_ed_date, string_st_date) -> int:
	return (getdate(string_ed_date) - getdate(string_st_date)).days


def time_diff(string_ed_date, string_st_date) -> datetime.timedelta:
	return get_datetime(string_ed_date) - get_datetime(string_st_date)


def time_diff_in_seconds(string_ed_date, string_st_date) -> float:
	return time_diff(string_ed_date, string_st_date).total_seconds()


def get_first_day(dt, d_years: int = 0, d_months: int = 0, as_str: bool = False):
	first = getdate(dt).replace(day=1) + relativedelta(years=d_years, months=d_months)
	return str(first) if as_str else first


def get_last_day(dt) -> datetime.date:
	return get_first_day(dt, 0, 1) + datetime.timedelta(-1)


def get_datetime_str(datetime_obj) -> str:
	return get_datetime(datetime_obj).strftime(DATETIME_FORMAT)


def get_date_str(date_obj) -> str:
	return getdate(date_obj).strftime(DATE_FORMAT)


def get_user_date_format() -> str:
	return frappe.get_system_settings("date_format") or "yyyy-mm-dd"


def get_user_time_format() -> str:
	return frappe.get_system_settings("time_format") or "HH:mm:ss"


def format_date(string_date=None, format_string: str | None = None, parse_day_first: bool = False) -> str:
	from babel.dates import format_date

	if not string_date:
		return ""
	pattern = (format_string or get_user_date_format()).replace("mm", "MM").replace("Y", "y")
	return format_date(getdate(string_date, parse_day_first), pattern, locale=_locale())


def format_time(time_string=None, format_string: str | None = None) -> str:
	from babel.dates import format_time

	if time_string is None or time_string == "":
		return ""
	return format_time(get_time(time_string), format_string or get_user_time_format(), locale=_locale())


def format_datetime(datetime_string, format_string: str | None = None) -> str:
	from babel.dates import format_datetime

	if not datetime_string:
		return ""
	pattern = format_string or f"{get_user_date_format().replace('mm', 'MM')} {get_user_time_format()}"
	return format_datetime(get_datetime(datetime_string), pattern, locale=_locale())


def _locale() -> str:
	return (getattr(frappe.local, "lang", None) or "en").replace("-", "_")


formatdate = format_date


def format_timedelta(o) -> str:
	"""As `1:02:03.500000`, the way Frappe puts a Time into JSON."""
	if isinstance(o, str):
		return o
	hours, rest = divmod(o.total_seconds(), 3600)
	minutes, seconds = divmod(rest, 60)
	text = f"{int(hours):01}:{int(minutes):02}:{seconds:09.6f}"
	return text.removesuffix(".000000")


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
	if fieldtype == "Date":
		return getdate(value)
	if fieldtype == "Datetime":
		return get_datetime(value)
	return to_timedelta(value) if fieldtype == "Time" else value


def flt(s, precision: int | None = None, rounding_method: str | None = None) -> float:
	"""A float, rounded when asked to; 0 for what is no number."""
	try:
		number = float(s.replace(",", "") if isinstance(s, str) else s)
		return number if precision is None else rounded(number, precision, rounding_method)
	except frappe.InvalidRoundingMethod:
		raise
	except Exception:
		return 0.0


def cint(s, default: int = 0) -> int:
	try:
		return int(float(s))
	except Exception:
		return default


def cstr(s, encoding="utf-8") -> str:
	return frappe.as_unicode(s, encoding)


def sbool(x):
	"""True or False for the words that mean it, anything else as it is."""
	try:
		word = x.lower()
	except AttributeError:
		return x
	return {"true": True, "1": True, "false": False, "0": False}.get(word, x)


def rounded(num, precision=0, rounding_method=None):
	method = rounding_method or frappe.get_system_settings("rounding_method") or "Banker's Rounding (legacy)"
	rounders = {
		"Banker's Rounding (legacy)": _legacy_rounding,
		"Banker's Rounding": _half_even,
		"Commercial Rounding": _half_up,
	}
	if method not in rounders:
		frappe.throw(frappe._("Unknown Rounding Method: {}").format(method), exc=frappe.InvalidRoundingMethod)
	return rounders[method](num, cint(precision))


def _legacy_rounding(num, precision):
	# Frappe's own oddity: halves go up, except without decimals, where they go to the even number.
	scaled = round(num * 10**precision, 8)
	floor = math.floor(scaled)
	if scaled - floor == 0.5:
		result = floor if not precision and floor % 2 == 0 else floor + 1
	else:
		result = round(scaled)
	return result / 10**precision if precision else result


def _half_even(num, precision):
	scaled = round(num * 10**precision, 12)
	return round(scaled) / 10**precision


def _half_up(num, precision):
	if not num:
		return 0.0
	return round(num + math.copysign(2.0 ** (math.log(abs(num), 2) - 52.0), num), precision)


number_format_info = {
	"#,###.##": (".", ",", 2),
	"#.###,##": (",", ".", 2),
	"# ###.##": (".", " ", 2),
	"# ###,##": (",", " ", 2),
	"#'###.##": (".", "'", 2),
	"#,##,###.##": (".", ",", 2),
	"#,###.###": (".", ",", 3),
	"#.###": ("", ".", 0),
	"#,###": ("", ",", 0),
	"#.########": (".", "", 8),
}


def get_number_format_info(format: str) -> tuple[str, str, int]:
	return number_format_info.get(format) or (".", ",", 2)


def fmt_money(
	amount, precision: int | None = None, currency: str | None = None, format: str | None = None
) -> str:
	"""The amount as people write it, with the sign of its currency."""
	number_format = format or frappe.db.get_default("number_format") or "#,###.##"
	point, comma, digits = get_number_format_info(number_format)
	if precision is None:
		precision = cint(frappe.db.get_default("currency_precision")) or digits
	text = f"{abs(round(flt(amount), precision)):.{precision}f}"
	whole, _dot, decimals = text.partition(".")
	grouped = _group(whole, comma, 2 if number_format == "#,##,###.##" else 3)
	minus = "-" if flt(amount) < 0 and flt(text) else ""
	number = minus + grouped + (point + decimals if decimals and point else "")
	return f"{_currency_symbol(currency)} {number}" if currency else number


def _group(whole: str, comma: str, size: int) -> str:
	groups, rest = [whole[-3:]], whole[:-3]
	while rest:
		groups.insert(0, rest[-size:])
		rest = rest[:-size]
	return comma.join(groups)


def _currency_symbol(currency: str) -> str:
	return frappe.db.get_value("Currency", currency, "symbol", cache=True) or currency


def strip_html(text: str) -> str:
	return re.sub(r"<[^>]*>", "", text)


def escape_html(text: str) -> str:
	return html.escape(text, quote=True) if isinstance(text, str) else text


def get_url(uri: str | None = None, full_address: bool = False) -> str:
	"""The address of the site, or of a path on it: from the configuration, else from the request."""
	if uri and uri.startswith(("http://", "https://")):
		return uri
	conf = frappe.local.conf
	host = conf.host_name or conf.hostname or get_host_name_from_request() or f"http://{frappe.local.site}"
	if not host.startswith(("http://", "https://")):
		host = f"http://{host}"
	port = conf.http_port or conf.webserver_port
	if port and not re.search(r":\d+$", host):
		host = f"{host}:{port}"
	return urljoin(host, uri) if uri else host


def get_host_name_from_request() -> str | None:
	request = getattr(frappe.local, "request", None)
	if not request or not request.host:
		return None
	scheme = "https" if frappe.get_request_header("X-Forwarded-Proto", "") == "https" else "http"
	return f"{scheme}://{request.host}"


def get_url_to_form(doctype: str, name: str) -> str:
	return get_url(uri=get_absolute_url(doctype, name))


def get_absolute_url(doctype: str, name: str) -> str:
	return f"/app/{quoted(doctype.lower().replace(' ', '-'))}/{quoted(name)}"


def get_link_to_form(doctype: str, name: str, label: str | None = None) -> str:
	return f'<a href="{get_url_to_form(doctype, name)}">{label or name}</a>'


def quoted(url: str) -> str:
	return quote(str(url).encode(), safe=b"~@#$&()*!+=:;,.?/'")


def compare(val1, condition: str, val2, fieldtype: str | None = None) -> bool:
	"""Whether `val1 condition val2` holds, with the words of a filter."""
	if fieldtype:
		val1, val2 = cast_fieldtype(fieldtype, val1, False), cast_fieldtype(fieldtype, val2, False)
	tests = {
		"^": lambda: (val1 or "").startswith(val2),
		"in": lambda: val1 in (val2.split(",") if isinstance(val2, str) else val2),
		"not in": lambda: val1 not in (val2.split(",") if isinstance(val2, str) else val2),
		"=": lambda: val1 == val2,
		"!=": lambda: val1 != val2,
		">": lambda: val1 > val2,
		"<": lambda: val1 < val2,
		">=": lambda: val1 >= val2,
		"<=": lambda: val1 <= val2,
		"not None": lambda: val1 is not None,
		"None": lambda: val1 is None,
		"is": lambda: bool(val1) is (val2 == "set"),
	}
	return condition in tests and tests[condition]()


def unique(seq) -> list:
	return list(dict.fromkeys(seq))


def sha256_hash(input) -> str:
	import hashlib

	return hashlib.sha256(input.encode() if isinstance(input, str) else input).hexdigest()


__getattr__ = _absent("frappe.utils.data")
