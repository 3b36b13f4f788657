"""Identifies the user of a request: session cookie, log-in, API key, or a hook of an app."""

import base64
import binascii
import datetime
from urllib.parse import quote

from werkzeug.wrappers import Response

import frappe
from frappe import _
from frappe._absent import _absent
from frappe.sessions import Session, clear_sessions, delete_session, get_expiry_in_seconds
from frappe.translate import get_language
from frappe.utils import cint, now_datetime
from frappe.utils.password import check_password, get_decrypted_password

UNSAFE_HTTP_METHODS = frozenset(("POST", "PUT", "DELETE", "PATCH"))
MAX_PASSWORD_SIZE = 512


class HTTPRequest:
	"""Sets up address, cookies, session and CSRF check for the current request."""

	def __init__(self):
		forwarded = frappe.get_request_header("X-Forwarded-For")
		# A header of this name, as on a bench, and not the WSGI variable.
		address = forwarded or frappe.get_request_header("REMOTE_ADDR") or "127.0.0.1"
		frappe.local.request_ip = address.split(",", 1)[0].strip()
		frappe.local.cookie_manager = CookieManager()
		frappe.local.lang = get_language()
		frappe.local.login_manager = LoginManager()
		self.validate_csrf_token()
		frappe.local.cookie_manager.init_cookies()

	def validate_csrf_token(self):
		if frappe.request.method not in UNSAFE_HTTP_METHODS or frappe.conf.ignore_csrf:
			return
		saved = frappe.session.data.csrf_token
		sent = frappe.get_request_header("X-Frappe-CSRF-Token") or frappe.form_dict.pop("csrf_token", None)
		if saved and sent != saved:
			frappe.flags.disable_traceback = True
			frappe.throw(_("Invalid Request"), frappe.CSRFTokenError)


class LoginManager:
	"""Logs a user in or out, or takes up the session of the cookie."""

	def __init__(self):
		self.user = self.info = self.full_name = self.user_type = None
		if frappe.form_dict.get("cmd") == "login" or frappe.request.path == "/api/method/login":
			self.login()
			self.run_trigger("on_session_creation")
		else:
			self.make_session(resume=True)
			self.get_user_info()
			self.set_user_info(resume=True)

	def login(self):
		self.authenticate()
		frappe.form_dict.pop("pwd", None)
		self.post_login()

	def post_login(self):
		self.run_trigger("on_login")
		self.get_user_info()
		self.make_session()
		self.set_user_info()

	def authenticate(self):
		user, pwd = (str(frappe.form_dict.get(name) or "") for name in ("usr", "pwd"))
		if not (user and pwd):
			self.fail(_("Incomplete login details"))
		if len(pwd) > MAX_PASSWORD_SIZE:
			self.fail(_("Password size exceeded the maximum allowed size"))
		keys = [frappe.cache.make_key(f"login_failed::{who}") for who in (frappe.local.request_ip, user)]
		_refuse_locked(keys)
		if not self._is_right(user, pwd):
			_count_failures(keys)
			self.fail("Invalid login credentials")
		frappe.cache.delete(*keys)
		self.user = user

	def _is_right(self, user: str, pwd: str) -> bool:
		try:
			check_password(user, pwd)
		except frappe.AuthenticationError:
			return False
		return bool(user == "Administrator" or frappe.db.get_value("User", user, "enabled"))

	def fail(self, message, user=None):
		frappe.local.response["message"] = message
		frappe.db.commit()
		raise frappe.AuthenticationError

	def get_user_info(self):
		fields = ["user_type", "first_name", "last_name", "user_image"]
		self.info = frappe.get_cached_value("User", self.user, fields, as_dict=1)
		self.user_type = self.info.user_type
		self.full_name = " ".join(filter(None, [self.info.first_name, self.info.last_name]))

	def make_session(self, resume=False):
		options = {"full_name": self.full_name, "user_type": self.user_type}
		frappe.local.session_obj = Session(user=self.user, resume=resume, **options)
		self.user = frappe.local.session_obj.user

	def set_user_info(self, resume=False):
		from frappe.website._pages import home_page

		is_customer = self.user_type == "Website User"
		if not resume:
			frappe.response["message"] = "No App" if is_customer else "Logged In"
			frappe.response["home_page"] = f"/{home_page()}" if is_customer else "/app"
			frappe.response["full_name"] = self.full_name
		cookies = {"system_user": "no" if is_customer else "yes", "full_name": self.full_name}
		cookies |= {"user_id": self.user, "user_image": self.info.user_image}
		frappe.local.cookie_manager.init_cookies()
		for name, value in cookies.items():
			frappe.local.cookie_manager.set_cookie(name, value)

	def run_trigger(self, event="on_login"):
		for method in frappe.get_hooks(event):
			frappe.call(frappe.get_attr(method), login_manager=self)

	def login_as(self, user):
		self.user = user
		self.post_login()

	def logout(self, arg="", user=None):
		user = user or frappe.session.user
		self.run_trigger("on_logout")
		if user != frappe.session.user:
			return clear_sessions(user)
		delete_session(frappe.session.sid)
		clear_cookies()
		if getattr(frappe.local, "request", None):
			self.login_as("Guest")


def _refuse_locked(keys: list) -> None:
	allowed = cint(frappe.get_system_settings("allow_consecutive_login_attempts"))
	if allowed and any(cint(frappe.cache.get(key)) > allowed for key in keys):
		message = _("Your account has been locked and will resume after {0} seconds").format(_lock_seconds())
		frappe.throw(message, frappe.SecurityException)


def _count_failures(keys: list) -> None:
	for key in keys:
		if frappe.cache.incrby(key, 1) == 1:
			frappe.cache.expire(key, _lock_seconds())


def _lock_seconds() -> int:
	return cint(frappe.get_system_settings("allow_login_after_fail")) or 300


class CookieManager:
	"""Collects the cookies of the answer."""

	def __init__(self):
		self.cookies, self.to_delete = {}, []

	def init_cookies(self):
		if frappe.local.session.get("sid"):
			self.set_cookie("sid", frappe.session.sid, max_age=get_expiry_in_seconds(), httponly=True)

	def set_cookie(
		self, key, value, expires=None, secure=False, httponly=False, samesite="Lax", max_age=None
	):
		options = {"expires": expires, "httponly": httponly, "samesite": samesite, "max_age": max_age}
		request = getattr(frappe.local, "request", None)
		secure = secure or bool(request and request.scheme == "https")
		self.cookies[key] = {"value": quote((value or "").encode()), "secure": secure, **options}

	def delete_cookie(self, to_delete):
		self.to_delete.extend(to_delete if isinstance(to_delete, list | tuple) else [to_delete])

	def flush_cookies(self, response: Response):
		for key, options in self.cookies.items():
			response.set_cookie(key, **options)
		yesterday = datetime.datetime.now() - datetime.timedelta(days=1)
		for key in set(self.to_delete):
			response.set_cookie(key, "", expires=yesterday)


def clear_cookies():
	frappe.session.sid = ""
	frappe.local.cookie_manager.delete_cookie(["full_name", "user_id", "sid", "user_image", "system_user"])


def validate_auth():
	"""Set the user that an Authorization header or a hook authenticates; refuse an invalid header."""
	header = frappe.get_request_header("Authorization", "").split(" ")
	if len(header) == 2:
		validate_oauth(header)
		validate_auth_via_api_keys(header)
	for hook in frappe.get_hooks("auth_hooks"):
		frappe.get_attr(hook)()
	if len(header) == 2 and frappe.session.user in ("", "Guest"):
		raise frappe.AuthenticationError


def validate_oauth(authorization_header):
	"""A bearer token that an OAuth client was given logs its user in. Nothing here hands out tokens."""
	kind, token = authorization_header
	known = kind.lower() == "bearer" and frappe.db.get_value(
		"OAuth Bearer Token", token, ["user", "client", "scopes", "status", "expiration_time"], as_dict=True
	)
	if not known or known.status == "Revoked" or known.expiration_time <= now_datetime():
		return
	granted = frappe.db.get_value("OAuth Client", known.client, "scopes") or ""
	if set((known.scopes or "").split(" ")) <= set(granted.split(" ")):
		_log_in_for_this_call(known.user)


def validate_auth_via_api_keys(authorization_header):
	kind, token = authorization_header
	try:
		if kind.lower() == "basic":
			token = base64.b64decode(token).decode()
		if kind.lower() in ("basic", "token"):
			api_key, api_secret = token.split(":")
			validate_api_key_secret(api_key, api_secret)
	except binascii.Error:
		message = _("Failed to decode token, please provide a valid base64-encoded token.")
		frappe.throw(message, frappe.InvalidAuthorizationToken)
	except (AttributeError, TypeError, ValueError):
		pass


def validate_api_key_secret(api_key, api_secret):
	user = frappe.db.get_value("User", {"api_key": api_key}, "name")
	if not user or api_secret != get_decrypted_password("User", user, fieldname="api_secret"):
		raise frappe.AuthenticationError
	if frappe.local.login_manager.user in ("", "Guest"):
		_log_in_for_this_call(user)


def _log_in_for_this_call(user: str):
	arguments = frappe.local.form_dict
	frappe.set_user(user)
	frappe.local.form_dict = arguments


_absent("frappe.auth")
