"""Small helpers: mail addresses, texts, callbacks. Dates and numbers come from `data`."""

# ruff: noqa: F401  (these names are here for others)

import re
from collections import deque
from collections.abc import Callable
from email.utils import parseaddr

import frappe

from .._absent import _absent
from .data import *  # noqa: F403
from .data import cstr, escape_html
from .html_utils import sanitize_html

_WORD = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
_HOST = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"
_EMAIL = re.compile(rf"^{_WORD}(\.{_WORD})*@({_HOST}\.)+{_HOST}$", re.IGNORECASE)
_PHONE = re.compile(r"([0-9 +_\-,.*#()]){1,20}$")


def get_fullname(user=None) -> str:
	user = user or frappe.session.user
	names = frappe.db.get_value("User", user, ["first_name", "last_name"], as_dict=True, cache=True)
	return " ".join(filter(None, [names.first_name, names.last_name])) if names else user


def validate_email_address(email_str, throw=False) -> str:
	"""The valid addresses in the text, joined by commas; an invalid one is left out, or refused with `throw`."""
	found = []
	for part in (email_str or "").strip().split(","):
		address = parseaddr(part.strip())[1]
		looks_split = " " in part.strip() and "<" not in part
		if address and not looks_split and _EMAIL.match(address):
			found.append(address)
		elif throw:
			message = frappe._("{0} is not a valid Email Address").format(escape_html(part.strip()))
			frappe.throw(message, frappe.InvalidEmailAddressError)
	return ", ".join(found)


def split_emails(txt) -> list[str]:
	return [mail.strip() for mail in re.split(r"[,\n]", cstr(txt)) if mail.strip()]


def validate_phone_number(phone_number, throw=False) -> bool:
	valid = bool(phone_number and _PHONE.match(phone_number.strip()))
	if phone_number and not valid and throw:
		message = frappe._("{0} is not a valid Phone Number").format(phone_number)
		frappe.throw(message, frappe.InvalidPhoneNumberError)
	return valid


def get_site_path(*path) -> str:
	return frappe.get_site_path(*path)


def get_site_name(hostname: str) -> str:
	return hostname.split(":", 1)[0]


class CallbackManager:
	"""Callbacks, run in the order in which they were added."""

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


_absent("frappe.utils")
