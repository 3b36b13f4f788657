"""Messages for users: refusals, translations, message pages; and the Error Log for admins."""

import inspect
import json

from ._site import local
from .exceptions import ValidationError
from .types import _dict


def _(msg: str, lang: str | None = None, context: str | None = None) -> str:
	"""The text in the current language, or as it is."""
	from frappe.translate import get_all_translations

	translations = get_all_translations(lang or getattr(local, "lang", "en"))
	if not translations:
		return msg
	key = str(msg).strip()
	return translations.get(f"{key}:{context}") or translations.get(key) or msg


def msgprint(
	msg: str,
	title: str | None = None,
	raise_exception: bool | type[Exception] = False,
	*,
	indicator: str | None = None,
	alert: bool = False,
) -> None:
	"""Add a message to the response, and raise it if `raise_exception` is set."""
	if not local.flags.mute_messages:
		out = _dict(message=msg, title=title or _("Message", context="Default title of the message dialog"))
		if raise_exception:
			out.raise_exception = 1
		if indicator or raise_exception:
			out.indicator = indicator or "red"
		if alert:
			out.alert = 1
		local.message_log.append(out)
	if raise_exception:
		is_class = inspect.isclass(raise_exception) and issubclass(raise_exception, Exception)
		raise (raise_exception if is_class else ValidationError)(msg)


def throw(msg: str, exc: type[Exception] = ValidationError, title: str | None = None) -> None:
	"""Refuse with a message."""
	msgprint(msg, raise_exception=exc, title=title, indicator="red")


def clear_messages():
	local.message_log = []


def clear_last_message():
	local.message_log = local.message_log[:-1]


def errprint(msg: str) -> None:
	local.error_log.append({"exc": str(msg)})


def log_error(title=None, message=None, reference_doctype=None, reference_name=None, *, defer_insert=False):
	"""A new Error Log: the title is one line, the message the text or by default the traceback."""
	from frappe import get_doc, get_traceback

	if message and "\n" in (title or ""):
		message, title = title, message
	entry = get_doc(doctype="Error Log", method=title or "Error", error=message or get_traceback())
	entry.update({"reference_doctype": reference_doctype, "reference_name": reference_name})
	return _insert_later(entry) if defer_insert else entry.insert(ignore_permissions=True)


def _insert_later(entry) -> None:
	"""Store the entry even though the transaction it tells about fails."""

	def insert():
		entry.insert(ignore_permissions=True)
		local.db.commit()

	local.db.after_commit.add(insert)
	local.db.after_rollback.add(insert)


def respond_as_web_page(
	title, html, success=None, http_status_code=None, context=None, indicator_color=None, primary_action="/"
):
	"""Answer with a page that shows this message."""
	context = {**(context or {}), "primary_action": primary_action, "indicator_color": indicator_color}
	local.message_title, local.message = title, html
	local.response.update(type="page", route="message", context=context)
	if http_status_code:
		local.response["http_status_code"] = http_status_code


def bold(text) -> str:
	return f"<strong>{text}</strong>"


def as_json(obj, indent=1, separators=None, ensure_ascii=True) -> str:
	from frappe.utils.response import json_handler

	options = {"indent": indent, "separators": separators or (",", ": "), "ensure_ascii": ensure_ascii}
	try:
		return json.dumps(obj, sort_keys=True, default=json_handler, **options)
	except TypeError:  # keys of mixed types cannot be sorted
		return json.dumps(obj, default=json_handler, **options)


def parse_json(val):
	"""JSON text as a value; anything else as it is."""
	if isinstance(val, str):
		val = json.loads(val)
	return _dict(val) if isinstance(val, dict) else val
