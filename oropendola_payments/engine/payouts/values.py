"""Amounts and dates as reports write them. What can be read in two ways is refused, never guessed."""

import re
from datetime import date, datetime, timezone
from decimal import Decimal, InvalidOperation

from frappe import _

CURRENCY_MARKS = re.compile(r"[A-Z]{3}|Rs\.?|[₹$€£¥]")
SPACES = re.compile(r"[\s\u00a0\u202f'’]")
MINUS = str.maketrans("−–", "--")
GROUPED = re.compile(r"\d{1,3}(,\d{2,3})*,\d{3}")  # 1,234,567 and 12,34,567
ONE_GROUP = re.compile(r"[-+]?[1-9]\d{0,2}([.,])\d{3}")
# With so many decimals in the currency, a mark before three digits may stand before decimals or part thousands.
AMBIGUOUS = {",": 3, ".": 0}
MONTHS = {
	name: number
	for number, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), start=1)  # noqa: SIM905
}
NUMERIC_DATE = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})")
NAMED_DATE = re.compile(r"(\d{1,2})[-/ .]?([A-Za-z]{3})[a-z]*[-/ .,]*(\d{4})")
EARLIEST, LATEST = date(2000, 1, 1), date(2100, 1, 1)


class Unreadable(ValueError):
	"""A value of a report that cannot be read, with a sentence that says why."""


def read_amount(text: str, exponent: int, mark: str = "Automatic", minor_units: bool = False) -> int | None:
	"""Return minor units, rounded half up where the report gives more decimals than the currency has. None for an empty cell."""
	plain = _plain(text)
	if not plain or plain == "-":
		return None
	exponent = 0 if minor_units else exponent
	is_negative = plain.startswith("(") and plain.endswith(")")
	digits = plain.strip("()")
	if digits[-1:] == "-":
		digits = f"-{digits[:-1]}"
	try:
		number = Decimal(_with_point(digits, exponent, mark))
	except InvalidOperation:
		raise Unreadable(_("“{0}” is not an amount.").format(text[:40])) from None
	if not number.is_finite() or abs(number) >= 10**15:
		raise Unreadable(_("“{0}” is not an amount.").format(text[:40]))
	minor = int((abs(number.scaleb(exponent)) + Decimal("0.5")) // 1)
	return -minor if is_negative or number < 0 else minor


def _plain(text: str) -> str:
	return SPACES.sub("", CURRENCY_MARKS.sub("", text.strip().translate(MINUS)))


def _with_point(digits: str, exponent: int, mark: str) -> str:
	"""The number with a point before its decimals and nothing between its thousands."""
	if not re.fullmatch(r"[-+]?[\d.,]*\d[\d.,]*", digits):
		raise InvalidOperation
	decimals = {"Comma": ",", "Point": "."}.get(mark) or _decimal_mark(digits, exponent)
	whole, point, rest = digits.partition(decimals) if decimals else (digits, "", "")
	thousands = "." if decimals == "," else ","
	plain = whole.lstrip("-+").replace(thousands, ",")
	if (plain and not plain.isdecimal() and not GROUPED.fullmatch(plain)) or not (rest or "0").isdecimal():
		raise InvalidOperation
	return (
		f"{'-' if whole.startswith('-') else ''}{plain.replace(',', '') or '0'}{'.' if point else ''}{rest}"
	)


def _decimal_mark(digits: str, exponent: int) -> str:
	"""The mark before the decimals; nothing if there are none. Refused where it cannot be known."""
	comma, point = digits.rfind(","), digits.rfind(".")
	if comma >= 0 and point >= 0:
		return "." if point > comma else ","
	if digits.count(".") > 1 or digits.count(",") > 1:
		return "," if point >= 0 else "."  # several of them part thousands
	thousands = ONE_GROUP.fullmatch(digits)
	if thousands and exponent == AMBIGUOUS[thousands[1]]:
		message = _("“{0}” can be read in two ways. Please set the decimal mark in the mapping.")
		raise Unreadable(message.format(digits))
	return "," if comma >= 0 and not thousands else "."


def read_date(text: str, order: str = "Automatic") -> date | None:
	"""Return the day. None for an empty cell."""
	text = text.strip().strip("'")
	if not text:
		return None
	day = _iso(text) or _seconds(text) or _named(text) or _numeric(text, order)
	if day is None or not EARLIEST <= day < LATEST:
		raise Unreadable(_("“{0}” is not a date.").format(text[:40]))
	return day


def _iso(text: str) -> date | None:
	try:
		return date.fromisoformat(text[:10]) if re.match(r"\d{4}-\d{2}-\d{2}", text) else None
	except ValueError:
		return None


def _seconds(text: str) -> date | None:
	return datetime.fromtimestamp(int(text), timezone.utc).date() if re.fullmatch(r"\d{9,10}", text) else None


def _named(text: str) -> date | None:
	match = NAMED_DATE.match(text)
	month = match and MONTHS.get(match[2].lower())
	return _day(int(match[3]), month, int(match[1])) if match and month else None


def _numeric(text: str, order: str) -> date | None:
	match = NUMERIC_DATE.match(text)
	if not match:
		return None
	first, second, year = (int(part) for part in match.groups())
	if order == "Automatic" and first <= 12 and second <= 12 and first != second:
		message = _("“{0}” can be read in two ways. Please say in the mapping whether the day comes first.")
		raise Unreadable(message.format(text[:40]))
	month_first = order == "Month first" or (order == "Automatic" and second > 12)
	return _day(year, first, second) if month_first else _day(year, second, first)


def _day(year: int, month: int, day: int) -> date | None:
	try:
		return date(year, month, day)
	except ValueError:
		return None
