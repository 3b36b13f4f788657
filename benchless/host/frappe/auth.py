"""Finds out who asks: session cookie, log-in, API key, or a hook of an app."""

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
from frappe.utils import cint, get_datetime
from frappe.utils.password import check_password, get_decrypted_password
from frappe.website.utils import get_home_page

SAFE_HTTP_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))
UNSAFE_HTTP_METHODS = frozenset(("POST", "PUT", "DELETE", "PATCH"))
MAX_PASSWORD_SIZE = 512


class HTTPRequest:
	"""Sets up address, cookies, session and CSRF check for the current request."""

	def __init__(self):
		self.set_request_ip()
		self.set_cookies()
		self.set_lang()
		self.set_session()
		self.validate_csrf_token()
		frappe.local.cookie_manager.init_cookies()

	def set_request_ip(self):
		forwarded = frappe.get_request_header("X-Forwarded-For")
		if forwarded:
			frappe.local.request_ip = forwarded.split(",", 1)[0].strip()
		else:
			# A header of this name, as on a bench, and not the WSGI variable.
			frappe.local.request_ip = frappe.get_request_header("REMOTE_ADDR") or "127.0.0.1"

	def set_cookies(self):
		frappe.local.cookie_manager = CookieManager()

	def set_lang(self):
		frappe.local.lang = get_language()

	def set_session(self):
		frappe.local.login_manager = LoginManager()

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
		self.user = None
		self.info = None
		self.full_name = None
		self.user_type = None
		self.resume = not _is_login_request()
		if self.resume:
			self.make_session(resume=True)
			self.get_user_info()
			self.set_user_info(resume=True)
		else:
			self.login()
			self.run_trigger("on_session_creation")

	def login(self):
		self.authenticate()
		frappe.form_dict.pop("pwd", None)
		self.post_login()

	def post_login(self):
		self.run_trigger("on_login")
		self.get_user_info()
		self.make_session()
		self.set_user_info()

	def authenticate(self, user: str | None = None, pwd: str | None = None):
		if not (user and pwd):
			user, pwd = frappe.form_dict.get("usr"), frappe.form_dict.get("pwd")
		if not (user and pwd):
			self.fail(_("Incomplete login details"), user=user)
		user, pwd = str(user), str(pwd)
		if len(pwd) > MAX_PASSWORD_SIZE:
			self.fail(_("Password size exceeded the maximum allowed size"), user=user)
		trackers = [get_login_attempt_tracker(key) for key in (frappe.local.request_ip, user)]
		problem = self._problem_with(user, pwd)
		for tracker in trackers:
			tracker.add_failure_attempt() if problem else tracker.add_success_attempt()
		if problem:
			self.fail(problem, user=user)
		self.user = user

	def _problem_with(self, user: str, pwd: str) -> str | None:
		enabled = frappe.db.get_value("User", user, "enabled")
		if enabled is None:
			return "Invalid login credentials"
		try:
			check_password(user, pwd, delete_tracker_cache=False)
		except frappe.AuthenticationError:
			return "Invalid login credentials"
		if not enabled and user != "Administrator":
			return "User disabled or missing"

	def check_password(self, user, pwd):
		"""Give the user's name when the password is right."""
		try:
			return check_password(user, pwd)
		except frappe.AuthenticationError:
			self.fail("Incorrect password", user=user)

	def fail(self, message, user=None):
		frappe.local.response["message"] = message
		frappe.db.commit()
		raise frappe.AuthenticationError

	def get_user_info(self):
		fields = ["user_type", "first_name", "last_name", "user_image"]
		self.info = frappe.get_cached_value("User", self.user, fields, as_dict=1)
		self.user_type = self.info.user_type

	def make_session(self, resume=False):
		frappe.local.session_obj = Session(
			user=self.user, resume=resume, full_name=self.full_name, user_type=self.user_type
		)
		self.user = frappe.local.session_obj.user
		frappe.local.session = frappe.local.session_obj.data

	def set_user_info(self, resume=False):
		self.full_name = " ".join(filter(None, [self.info.first_name, self.info.last_name]))
		is_website_user = self.info.user_type == "Website User"
		if not resume:
			frappe.response["message"] = "No App" if is_website_user else "Logged In"
			frappe.response["home_page"] = "/" + get_home_page() if is_website_user else "/app"
			frappe.response["full_name"] = self.full_name
		cookies = frappe.local.cookie_manager
		cookies.init_cookies()
		cookies.set_cookie("system_user", "no" if is_website_user else "yes")
		cookies.set_cookie("full_name", self.full_name)
		cookies.set_cookie("user_id", self.user)
		cookies.set_cookie("user_image", self.info.user_image or "")

	def run_trigger(self, event="on_login"):
		for method in frappe.get_hooks().get(event, []):
			frappe.call(frappe.get_attr(method), login_manager=self)

	def login_as_guest(self):
		self.login_as("Guest")

	def login_as(self, user):
		self.user = user
		self.post_login()

	def logout(self, arg="", user=None):
		user = user or frappe.session.user
		self.run_trigger("on_logout")
		if user != frappe.session.user:
			return clear_sessions(user)
		delete_session(frappe.session.sid, user=user, reason="User Manually Logged Out")
		self.clear_cookies()
		if getattr(frappe.local, "request", None):
			self.login_as_guest()

	def clear_cookies(self):
		clear_cookies()


def _is_login_request() -> bool:
	return frappe.form_dict.get("cmd") == "login" or frappe.request.path == "/api/method/login"


class CookieManager:
	"""Collects the cookies of the answer."""

	def __init__(self):
		self.cookies = {}
		self.to_delete = []

	def init_cookies(self):
		if frappe.local.session.get("sid"):
			self.set_cookie("sid", frappe.session.sid, max_age=get_expiry_in_seconds(), httponly=True)

	def set_cookie(
		self,
		key,
		value,
		expires=None,
		secure=False,
		httponly=False,
		samesite="Lax",
		max_age=None,
	):
		if not secure and getattr(frappe.local, "request", None):
			secure = frappe.local.request.scheme == "https"
		self.cookies[key] = {
			"value": quote((value or "").encode()),
			"expires": expires,
			"secure": secure,
			"httponly": httponly,
			"samesite": samesite,
			"max_age": max_age,
		}

	def delete_cookie(self, to_delete):
		self.to_delete.extend(to_delete if isinstance(to_delete, list | tuple) else [to_delete])

	def flush_cookies(self, response: Response):
		for key, options in self.cookies.items():
			response.set_cookie(key, **options)
		yesterday = datetime.datetime.now() - datetime.timedelta(days=1)
		for key in set(self.to_delete):
			response.set_cookie(key, "", expires=yesterday)


@frappe.whitelist()
def get_logged_user():
	return frappe.session.user


def clear_cookies():
	if getattr(frappe.local, "session", None):
		frappe.session.sid = ""
	frappe.local.cookie_manager.delete_cookie(["full_name", "user_id", "sid", "user_image", "system_user"])


def validate_auth():
	"""Set the user an Authorization header or a hook proves; refuse a header that proves nobody."""
	header = frappe.get_request_header("Authorization", "").split(" ")
	if len(header) == 2:
		validate_auth_via_api_keys(header)
	validate_auth_via_hooks()
	if len(header) == 2 and frappe.session.user in ("", "Guest"):
		raise frappe.AuthenticationError


def validate_auth_via_api_keys(authorization_header):
	kind, token = authorization_header
	try:
		if kind.lower() == "basic":
			token = frappe.safe_decode(base64.b64decode(token))
		if kind.lower() in ("basic", "token"):
			api_key, api_secret = token.split(":")
			validate_api_key_secret(
				api_key, api_secret, frappe.get_request_header("Frappe-Authorization-Source")
			)
	except binascii.Error:
		frappe.throw(
			_("Failed to decode token, please provide a valid base64-encoded token."),
			frappe.InvalidAuthorizationToken,
		)
	except (AttributeError, TypeError, ValueError):
		pass


def validate_api_key_secret(api_key, api_secret, frappe_authorization_source=None):
	if frappe_authorization_source not in (None, "User"):
		raise NotImplementedError("benchless has no Frappe-Authorization-Source; use a bench")
	user = frappe.db.get_value("User", {"api_key": api_key}, "name")
	if not user or api_secret != get_decrypted_password("User", user, fieldname="api_secret"):
		raise frappe.AuthenticationError
	if frappe.local.login_manager.user in ("", "Guest"):
		arguments = frappe.local.form_dict
		frappe.set_user(user)
		frappe.local.form_dict = arguments


def validate_auth_via_hooks():
	for hook in frappe.get_hooks("auth_hooks", []):
		frappe.get_attr(hook)()


def get_login_attempt_tracker(key: str, raise_locked_exception: bool = True):
	"""Give the counter of failed log-ins under this key; raise when it is locked."""
	allowed = cint(frappe.db.get_single_value("System Settings", "allow_consecutive_login_attempts"))
	seconds = cint(frappe.db.get_single_value("System Settings", "allow_login_after_fail")) or 300
	tracker = LoginAttemptTracker(key, allowed or 3, seconds)
	if raise_locked_exception and allowed and not tracker.is_user_allowed():
		message = _("Your account has been locked and will resume after {0} seconds").format(seconds)
		frappe.throw(message, frappe.SecurityException)
	return tracker


class LoginAttemptTracker:
	"""Counts consecutive failed log-ins within a lock interval."""

	def __init__(
		self,
		key: str,
		max_consecutive_login_attempts: int = 3,
		lock_interval: int = 5 * 60,
		*,
		user_name: str | None = None,
	):
		self.key = key or user_name
		self.lock_interval = datetime.timedelta(seconds=lock_interval)
		self.max_failed_logins = max_consecutive_login_attempts

	def add_failure_attempt(self):
		since, count = self._failures()
		frappe.cache.hset("login_failed_time", self.key, since or get_datetime())
		frappe.cache.hset("login_failed_count", self.key, count + 1)

	def add_success_attempt(self):
		frappe.cache.hdel("login_failed_time", self.key)
		frappe.cache.hdel("login_failed_count", self.key)

	def is_user_allowed(self) -> bool:
		return self._failures()[1] <= self.max_failed_logins

	def _failures(self) -> tuple:
		since = frappe.cache.hget("login_failed_time", self.key)
		if not since or since + self.lock_interval <= get_datetime():
			return None, 0
		return since, cint(frappe.cache.hget("login_failed_count", self.key))


__getattr__ = _absent("frappe.auth")
