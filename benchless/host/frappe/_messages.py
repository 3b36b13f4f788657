"""What the site says to people: messages, refusals, translations, mails."""

import inspect
import json

from ._site import local
from .exceptions import Redirect, ValidationError
from .types import _dict


def _(msg: str, lang: str | None = None, context: str | None = None) -> str:
	"""The text in the current language, or as it is."""
	from frappe.translate import get_all_translations

	if not hasattr(local, "lang"):
		local.lang = lang or "en"
	translations = get_all_translations(lang or local.lang)
	if not translations:
		return msg
	key = str(msg).strip()
	return translations.get(f"{key}:{context}") or translations.get(key) or msg


class _LazyTranslate(str):
	"""Text that is translated when it is used, not when the module is imported."""

	__slots__ = ("_context", "_lang")

	def __str__(self) -> str:
		return _(str.__str__(self), self._lang, self._context)

	__repr__ = __str__

	def __format__(self, spec: str) -> str:
		return format(str(self), spec)


def _lt(msg: str, lang: str | None = None, context: str | None = None):
	text = _LazyTranslate(msg)
	text._lang, text._context = lang, context
	return text


def msgprint(
	msg: str,
	title: str | None = None,
	raise_exception: bool | type[Exception] = False,
	as_table: bool = False,
	as_list: bool = False,
	indicator: str | None = None,
	alert: bool = False,
	primary_action: str | None = None,
	is_minimizable: bool = False,
	wide: bool = False,
	*,
	realtime=False,
) -> None:
	"""Put a message into the answer, then raise it when asked to."""
	if not local.flags.mute_messages:
		options = {
			"as_table": as_table,
			"as_list": as_list,
			"indicator": indicator,
			"alert": alert,
			"wide": wide,
		}
		options |= {"primary_action": primary_action, "is_minimizable": is_minimizable}
		out = _dict(
			{key: 1 if value is True else value for key, value in options.items() if value}, message=msg
		)
		out.title = title or _("Message", context="Default title of the message dialog")
		if raise_exception:
			out.raise_exception = 1
			out.setdefault("indicator", "red")
		if realtime:
			publish_realtime(event="msgprint", message=out)
		else:
			local.message_log.append(out)
	if raise_exception:
		is_class = inspect.isclass(raise_exception) and issubclass(raise_exception, Exception)
		raise (raise_exception if is_class else ValidationError)(msg)


def throw(
	msg: str,
	exc: type[Exception] = ValidationError,
	title: str | None = None,
	is_minimizable: bool = False,
	wide: bool = False,
	as_list: bool = False,
	primary_action=None,
) -> None:
	"""Refuse with a message."""
	msgprint(
		msg,
		raise_exception=exc,
		title=title,
		indicator="red",
		is_minimizable=is_minimizable,
		wide=wide,
		as_list=as_list,
		primary_action=primary_action,
	)


def clear_messages():
	local.message_log = []


def get_message_log() -> list[dict]:
	return list(local.message_log)


def clear_last_message():
	local.message_log = local.message_log[:-1]


def errprint(msg: str) -> None:
	local.error_log.append({"exc": str(msg)})


def log(msg: str) -> None:
	local.debug_log.append(str(msg))


def publish_realtime(
	event: str | None = None,
	message: dict | None = None,
	room: str | None = None,
	user: str | None = None,
	doctype: str | None = None,
	docname: str | None = None,
	task_id: str | None = None,
	after_commit: bool = False,
):
	"""Remember the event in `frappe.local._realtime_log`; there is no socket to send it to."""
	local._realtime_log.append(
		_dict(event=event, message=message, room=room, user=user, doctype=doctype, docname=docname)
	)


def publish_progress(percent, title=None, doctype=None, docname=None, description=None, task_id=None):
	publish_realtime(
		"progress", {"percent": percent, "title": title, "description": description}, doctype=doctype
	)


def log_error(title=None, message=None, reference_doctype=None, reference_name=None, *, defer_insert=False):
	from frappe.utils.error import log_error

	return log_error(title, message, reference_doctype, reference_name, defer_insert=defer_insert)


def sendmail(
	recipients=None,
	sender="",
	subject="No Subject",
	message="No Message",
	as_markdown=False,
	delayed=True,
	reference_doctype=None,
	reference_name=None,
	unsubscribe_method=None,
	unsubscribe_params=None,
	unsubscribe_message=None,
	add_unsubscribe_link=1,
	attachments=None,
	content=None,
	doctype=None,
	name=None,
	reply_to=None,
	queue_separately=False,
	cc=None,
	bcc=None,
	message_id=None,
	in_reply_to=None,
	send_after=None,
	expose_recipients=None,
	send_priority=1,
	communication=None,
	retry=1,
	now=None,
	read_receipt=None,
	is_notification=False,
	inline_images=None,
	template=None,
	args=None,
	header=None,
	print_letterhead=False,
	with_container=False,
	email_read_tracker_url=None,
):
	"""Put a mail into the outbox, which is the table of Email Queue; nothing leaves this machine."""
	from frappe.email._outbox import queue_mail

	if as_markdown:
		raise NotImplementedError("benchless has no frappe.sendmail(as_markdown=True); use a bench")
	text = None
	if template:
		from frappe.utils.jinja import get_email_from_template

		message, text = get_email_from_template(template, args)
	return queue_mail(
		recipients=recipients,
		sender=sender,
		subject=subject,
		html=content or message,
		text=text,
		attachments=attachments,
		reply_to=reply_to,
		cc=cc,
		bcc=bcc,
		reference_doctype=doctype or reference_doctype,
		reference_name=name or reference_name,
		send_after=send_after,
		priority=send_priority,
	)


def respond_as_web_page(
	title,
	html,
	success=None,
	http_status_code=None,
	context=None,
	indicator_color=None,
	primary_action="/",
	primary_label=None,
	fullpage=False,
	width=None,
	template="message",
):
	"""Answer with a page that shows this message."""
	is_error = http_status_code and http_status_code > 300
	context = context or {}
	context["indicator_color"] = indicator_color or ("green" if success else "red" if is_error else "blue")
	context.update(primary_action=primary_action, primary_label=primary_label)
	context.update(error_code=http_status_code, fullpage=fullpage)
	if width:
		context["card_width"] = width
	local.no_cache, local.message_title, local.message = 1, title, html
	local.response.update(type="page", route=template, context=context)
	if http_status_code:
		local.response["http_status_code"] = http_status_code


def redirect(url):
	"""Leave for another page."""
	local.flags.redirect_location = url
	raise Redirect


def bold(text) -> str:
	return f"<strong>{text}</strong>"


def as_json(obj, indent=1, separators=None, ensure_ascii=True) -> str:
	from frappe.utils.response import json_handler

	separators = separators or (",", ": ")
	options = {
		"indent": indent,
		"separators": separators,
		"ensure_ascii": ensure_ascii,
		"default": json_handler,
	}
	try:
		return json.dumps(obj, sort_keys=True, **options)
	except TypeError:  # keys of mixed types cannot be sorted
		return json.dumps(obj, **options)


def parse_json(val):
	"""JSON text as a value; anything else as it is."""
	if isinstance(val, str):
		val = json.loads(val)
	return _dict(val) if isinstance(val, dict) else val
