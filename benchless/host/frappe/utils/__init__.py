"""Small helpers: mail addresses, texts, callbacks, paths. Dates and numbers come from `data`."""

# ruff: noqa: F401  (these names are here for others)

import re
import secrets
import traceback
from collections import deque
from collections.abc import Callable, Iterable
from email.utils import formataddr, parseaddr
from urllib.parse import urlparse

import frappe

from .._absent import _absent
from .data import *  # noqa: F403
from .data import cint, cstr, escape_html, strip_html
from .html_utils import sanitize_html

EMAIL_MATCH_PATTERN = re.compile(
	r"^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*@([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9]"
	r"([a-z0-9-]*[a-z0-9])?$",
	re.IGNORECASE,
)
PHONE_NUMBER_PATTERN = re.compile(r"([0-9 +_\-,.*#()]){1,20}$")
PERSON_NAME_PATTERN = re.compile(r"^[\w][\w\'\-]*( \w[\w\'\-]*)*$")


def get_fullname(user=None) -> str:
	user = user or frappe.session.user
	names = frappe.db.get_value("User", user, ["first_name", "last_name"], as_dict=True, cache=True)
	return " ".join(filter(None, [names.first_name, names.last_name])) if names else user


def get_email_address(user=None):
	return frappe.db.get_value("User", user or frappe.session.user, "email")


def get_formatted_email(user, mail=None) -> str:
	"""As `Jane Doe <jane@example.com>`."""
	name = get_fullname(user)
	mail = mail or get_email_address(user) or validate_email_address(user)
	return cstr(formataddr((name, mail))) if mail else ""


def extract_email_id(email: str) -> str:
	return parseaddr(email)[1]


def validate_email_address(email_str, throw=False) -> str:
	"""The valid addresses in the text, joined by commas; an invalid one is left out, or refused with `throw`."""
	found = []
	for part in (email_str or "").strip().split(","):
		address = extract_email_id(part.strip())
		looks_split = " " in part.strip() and "<" not in part
		if address and not looks_split and EMAIL_MATCH_PATTERN.match(address):
			found.append(address)
		elif throw and "undisclosed-recipient" not in part:
			message = frappe._("{0} is not a valid Email Address").format(escape_html(part.strip()))
			frappe.throw(message, frappe.InvalidEmailAddressError)
	return ", ".join(found)


def split_emails(txt) -> list[str]:
	return [mail.strip() for mail in re.split(r"[,\n]", cstr(txt)) if mail.strip()]


def validate_phone_number(phone_number, throw=False) -> bool:
	valid = bool(phone_number and PHONE_NUMBER_PATTERN.match(phone_number.strip()))
	if phone_number and not valid and throw:
		message = frappe._("{0} is not a valid Phone Number").format(phone_number)
		frappe.throw(message, frappe.InvalidPhoneNumberError)
	return valid


def validate_phone_number_with_country_code(phone_number: str, fieldname: str) -> None:
	from phonenumbers import NumberParseException, is_valid_number, parse

	if not phone_number:
		return
	try:
		if is_valid_number(parse(phone_number)):
			return
	except NumberParseException:
		pass
	message = frappe._("Phone Number {0} set in field {1} is not valid.")
	frappe.throw(
		message.format(frappe.bold(phone_number), frappe.bold(fieldname)), frappe.InvalidPhoneNumberError
	)


def validate_name(name, throw=False) -> str:
	name = (name or "").strip()
	if name and not PERSON_NAME_PATTERN.match(name):
		if throw:
			frappe.throw(frappe._("{0} is not a valid Name").format(name), frappe.InvalidNameError)
		return ""
	return name


def validate_url(txt: str, throw: bool = False, valid_schemes=None) -> bool:
	url = urlparse(txt)
	schemes = (valid_schemes,) if isinstance(valid_schemes, str) else valid_schemes
	valid = bool(url.netloc) and (not schemes or url.scheme in schemes)
	if not valid and throw:
		frappe.throw(frappe._("'{0}' is not a valid URL").format(frappe.bold(txt)))
	return valid


def random_string(length: int) -> str:
	return "".join(
		secrets.choice("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
		for _ in range(length)
	)


def get_traceback(with_context=False) -> str:
	"""The current exception as text. Unlike Frappe, never with the values of variables."""
	return traceback.format_exc()


def get_site_path(*path) -> str:
	return frappe.get_site_path(*path)


def get_site_name(hostname: str) -> str:
	return hostname.split(":", 1)[0]


def strip_html_tags(text: str) -> str:
	return strip_html(text)


def get_table_name(table_name: str, wrap_in_backticks: bool = False) -> str:
	name = table_name if table_name.startswith(("tab", "__")) else f"tab{table_name}"
	return f"`{name}`" if wrap_in_backticks else name


def create_batch(iterable: Iterable, size: int):
	items = list(iterable)
	for start in range(0, len(items), size):
		yield items[start : start + size]


def set_request(**kwargs) -> None:
	"""Pretend that this HTTP request is being answered."""
	from werkzeug.test import EnvironBuilder
	from werkzeug.wrappers import Request

	frappe.local.request = Request(EnvironBuilder(**kwargs).get_environ())


def get_test_client(use_cookies=True):
	from werkzeug.test import Client

	from frappe.app import application

	return Client(application, use_cookies=use_cookies)


def get_html_for_route(route) -> str:
	from frappe.website import serve

	set_request(method="GET", path=route)
	return frappe.safe_decode(serve.get_response().get_data())


class CallbackManager:
	"""Functions that wait for their moment, run in the order in which they were added."""

	__slots__ = ("_functions",)

	def __init__(self) -> None:
		self._functions = deque()

	def add(self, func: Callable) -> None:
		self._functions.append(func)

	__call__ = add

	def run(self):
		while self._functions:
			self._functions.popleft()()

	def reset(self):
		self._functions.clear()


__getattr__ = _absent("frappe.utils")
