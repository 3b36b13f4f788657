"""Page frame of every customer page: user, redirects, form errors and the values of the base template."""

import hashlib
import secrets
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import NoReturn
from urllib.parse import quote, urlsplit

import frappe
from frappe import _
from frappe.sessions import get_csrf_token
from frappe.utils import cint, strip_html

from oropendola_payments.ai_billing import contact
from oropendola_payments.ai_billing.current import payment_settings
from oropendola_payments.ai_billing.doctype.payment_event.payment_event import acting_as
from oropendola_payments.exceptions import is_refusal, sentence_of
from oropendola_payments.web import policy

PUBLIC = Path(__file__).parent.parent / "public"
TRANSLATIONS = PUBLIC.parent / "translations"
BRAND = "Oropendola"
NOTE_SECONDS = 60
# How often a page that waits for a payment is loaded again where no script asks for it. No customer waits longer to see the outcome.
LOOK_AGAIN_SECONDS = 2


def open_page(context, title: str, here: str = "") -> frappe._dict:
	"""Fill in the page frame and return it. `here` is the current menu entry."""
	set_guest_language()
	nonce, note = secrets.token_urlsafe(16), _take_note()
	set_policy(policy.own_page(nonce))
	page = frappe._dict(
		title=title,
		here=here,
		nonce=nonce,
		lang=(frappe.local.lang or "en").replace("_", "-"),
		brand=brand(),
		contact=contact.ways(),
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
	# Without a value, the template would print the name of the variable.
	context.update({"page": page, "title": title, "no_cache": 1})
	return page


def set_guest_language():
	"""Set a guest's language by the Accept-Language header, because Frappe uses only `_lang` for guests."""
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
	"""Return the logged-in user, or None for a guest."""
	return None if frappe.session.user == "Guest" else frappe.session.user


def brand() -> str:
	return payment_settings().seller_name or BRAND


def require_login() -> str:
	"""Return the user, or redirect a guest to the login, which returns to this page."""
	name = user()
	if not name:
		redirect(login_address())
	return name


def login_address(back: str | None = None) -> str:
	"""Return the login URL, with a redirect to `back` or the current page."""
	request = frappe.local.request
	query = request.query_string.decode("ascii", "replace")
	here = f"{request.path}?{query}" if query and request.method == "GET" else request.path
	return f"/login?redirect-to={quote(back or here, safe='/')}"


def redirect(address: str) -> NoReturn:
	"""Redirect to another page of this site, by GET."""
	frappe.local.flags.redirect_location = address
	error = frappe.Redirect()
	error.http_status_code = 303  # browsers cache the default, 301, for ever
	raise error


def is_post() -> bool:
	return frappe.local.request.method == "POST"


def posted(name: str) -> str:
	return (frappe.local.request.form.get(name) or "").strip()


def query_param(name: str) -> str:
	"""Return a query parameter. Check ownership of any record that it names."""
	return (frappe.local.request.args.get(name) or "").strip()[:140]


@contextmanager
def refusals_lead_to(address: str, **typed: str):
	"""Run a form action. If it is refused, roll back and redirect to `address` with the reason."""
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
	"""Redirect to the page with an error message. By GET, so that the browser never offers to submit the form twice."""
	problem = strip_html(problem or _("Something went wrong. Please try again."))
	note = {"path": urlsplit(address).path, "problem": problem, "typed": typed}
	frappe.cache.set_value(_note_key(), note, expires_in_sec=NOTE_SECONDS)
	redirect(address)


def _take_note() -> frappe._dict:
	"""Return and delete the error message that the last form left for this page."""
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
	"""Return the URL of a file in `public`. It changes with the content, because browsers cache it for a long time."""
	file = PUBLIC / path
	return f"/assets/oropendola_payments/{path}?v={_fingerprint(file, file.stat().st_mtime_ns)}"


@lru_cache(maxsize=64)
def _fingerprint(file: Path, _changed: int) -> str:
	return hashlib.sha256(file.read_bytes()).hexdigest()[:12]
