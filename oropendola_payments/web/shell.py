"""The frame of every customer page: who looks, where to go next, and the values that the base template needs."""

import hashlib
import secrets
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote, urlsplit

import frappe
from frappe import _
from frappe.sessions import get_csrf_token
from frappe.utils import cint, strip_html

from oropendola_payments.ai_billing.doctype.payment_event.payment_event import acting_as
from oropendola_payments.exceptions import is_refusal, sentence_of
from oropendola_payments.web import policy

PUBLIC = Path(__file__).parent.parent / "public"
TRANSLATIONS = PUBLIC.parent / "translations"
BRAND = "Oropendola"
NOTE_SECONDS = 60


def open_page(context, title: str, here: str = "") -> frappe._dict:
	"""Fill in the frame; `here` is the entry of the menu that is lit. Gives the frame for what the page adds."""
	set_guest_language()
	nonce, note = secrets.token_urlsafe(16), _take_note()
	set_policy(policy.own_page(nonce))
	page = frappe._dict(
		title=title,
		here=here,
		nonce=nonce,
		lang=(frappe.local.lang or "en").replace("_", "-"),
		brand=brand(),
		user=user(),
		csrf_token=get_csrf_token() if user() else "",
		login=login_address(),
		can_sign_up=not cint(frappe.get_website_settings("disable_signup")),
		problem=note.problem,
		typed=note.typed,
		style=asset("css/payments.css"),
		icon=asset("icon.svg"),
		scripts=[asset("js/page.js")],
		refresh=None,
	)
	# Without a value, the templating engine would print the name of the variable.
	context.update({"page": page, "title": title, "no_cache": 1})
	return page


def set_guest_language():
	"""Frappe speaks the language of the user's profile; of a guest it asks nothing but `_lang`."""
	if user() or query_param("_lang"):
		return
	known = {"en", *(file.stem for file in TRANSLATIONS.glob("*.csv"))}
	wanted = (language.split("-")[0].lower() for language in frappe.local.request.accept_languages.values())
	frappe.local.lang = next((language for language in wanted if language in known), frappe.local.lang)


def set_policy(rules: dict):
	frappe.local.flags.payments_page_policy = rules


def current_policy() -> dict:
	return frappe.local.flags.payments_page_policy


def add_script(page, name: str):
	page.scripts.append(asset(f"js/{name}.js"))


def user() -> str | None:
	"""Who is logged in, or None for a guest."""
	return None if frappe.session.user == "Guest" else frappe.session.user


def brand() -> str:
	return frappe.get_cached_doc("Payment Settings").seller_name or BRAND


def require_login() -> str:
	"""The user; a guest goes to the log-in and comes back here."""
	if not user():
		redirect(login_address())
	return user()


def login_address(back: str | None = None) -> str:
	"""The log-in, which leads back to `back` or to the page that is open now."""
	request = frappe.local.request
	query = request.query_string.decode("ascii", "replace")
	here = f"{request.path}?{query}" if query and request.method == "GET" else request.path
	return f"/login?redirect-to={quote(back or here, safe='/')}"


def redirect(address: str):
	"""Leave for another page of this site, by GET."""
	frappe.local.flags.redirect_location = address
	error = frappe.Redirect()
	error.http_status_code = 303  # the default, 301, is remembered by browsers for ever
	raise error


def is_post() -> bool:
	return frappe.local.request.method == "POST"


def posted(name: str) -> str:
	return (frappe.local.request.form.get(name) or "").strip()


def query_param(name: str) -> str:
	"""A value of the address bar: only for finding a record that is then checked to be the user's."""
	return (frappe.local.request.args.get(name) or "").strip()[:140]


@contextmanager
def refusals_lead_to(address: str, **typed: str):
	"""For what a click does: a refusal undoes it and opens `address` again with the reason."""
	try:
		with acting_as("API"):
			yield
	except Exception as error:
		if not is_refusal(error):
			raise
		problem = sentence_of(error)
		frappe.db.rollback()
		frappe.clear_messages()
		refuse(problem, address, **typed)


def refuse(problem: str | None, address: str, **typed: str):
	"""Open the page again with the reason why the click did not work. By GET, so that going back asks nobody to send a form twice."""
	problem = strip_html(problem or _("Something went wrong. Please try again."))
	note = {"path": urlsplit(address).path, "problem": problem, "typed": typed}
	frappe.cache.set_value(_note_key(), note, expires_in_sec=NOTE_SECONDS)
	redirect(address)


def _take_note() -> frappe._dict:
	"""What the last click left for the page that is open now, once."""
	note = user() and not is_post() and frappe.cache.get_value(_note_key(), expires=True)
	if not note or note["path"] != frappe.local.request.path:
		return frappe._dict(problem=None, typed={})
	frappe.cache.delete_value(_note_key())
	return frappe._dict(note)


def _note_key() -> str:
	return f"oropendola_page_note:{frappe.session.user}"


def not_found(context, heading: str, text: str):
	context.http_status_code = 404
	context.update({"view": "missing", "missing": {"heading": heading, "text": text}})


def asset(path: str) -> str:
	"""The address of a file in `public`, which changes with its content: browsers keep it for a long time."""
	file = PUBLIC / path
	return f"/assets/oropendola_payments/{path}?v={_fingerprint(file, file.stat().st_mtime_ns)}"


@lru_cache(maxsize=64)
def _fingerprint(file: Path, _changed: int) -> str:
	return hashlib.sha256(file.read_bytes()).hexdigest()[:12]
