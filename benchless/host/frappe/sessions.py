"""Who is logged in: one row per session, found by the `sid` cookie."""

import json
from datetime import timedelta
from urllib.parse import unquote

import frappe
from frappe import _
from frappe._absent import _absent
from frappe.translate import get_user_lang
from frappe.utils import cint, cstr, now, now_datetime


def clear_sessions(user=None, keep_current=False, force=False):
	"""End the sessions of a user."""
	user = user or frappe.session.user
	for sid in frappe.db.sql("SELECT sid FROM `tabSessions` WHERE user = %s", (user,), pluck=True):
		if not (keep_current and sid == frappe.session.sid):
			delete_session(
				sid, reason="Force Logged out by the user" if force else "Logged In From Another Session"
			)


def delete_session(sid=None, user=None, reason="Session Expired"):
	frappe.db.sql("DELETE FROM `tabSessions` WHERE sid = %s", (sid,))
	frappe.db.commit()


def clear_expired_sessions():
	frappe.db.sql("DELETE FROM `tabSessions` WHERE lastupdate < %s", (get_expired_threshold(),))
	frappe.db.commit()


def get_csrf_token():
	"""Give the token that unsafe requests of this session must carry."""
	if not frappe.local.session.data.csrf_token:
		generate_csrf_token()
	return frappe.local.session.data.csrf_token


def generate_csrf_token():
	frappe.local.session.data.csrf_token = frappe.generate_hash()
	if not frappe.flags.in_test:
		frappe.local.session_obj.update(force=True)


def get_expiry_period():
	period = frappe.get_system_settings("session_expiry") or "240:00:00"
	return period if period.count(":") == 2 else period + ":00"


def get_expiry_in_seconds(expiry=None):
	hours, minutes, seconds = (expiry or get_expiry_period()).split(":")
	return cint(hours) * 3600 + cint(minutes) * 60 + cint(seconds)


def get_expired_threshold():
	return _seconds_ago(get_expiry_in_seconds())


def _seconds_ago(seconds: int) -> str:
	return str(now_datetime() - timedelta(seconds=seconds))


class Session:
	"""The session of one request: taken up from the cookie, or started by a log-in."""

	def __init__(self, user, resume=False, full_name=None, user_type=None):
		self.sid = cstr(frappe.form_dict.get("sid") or unquote(frappe.request.cookies.get("sid", "Guest")))
		self.user = user
		self.user_type = user_type
		self.full_name = full_name
		self.data = frappe._dict(data=frappe._dict())
		frappe.local.session = self.data
		if resume:
			self.resume()
		elif self.user:
			self.validate_user()
			self.start()

	def validate_user(self):
		if not frappe.get_cached_value("User", self.user, "enabled"):
			frappe.throw(_("User {0} is disabled. Please contact your System Manager.").format(self.user))

	def start(self):
		self.sid = "Guest" if self.user == "Guest" else frappe.generate_hash()
		self.data.update(user=self.user, sid=self.sid)
		self.data.data.update(user=self.user, session_ip=frappe.local.request_ip)
		if self.user != "Guest":
			self.data.data.update(full_name=self.full_name, user_type=self.user_type)
			self.insert_session_record()
			frappe.db.commit()

	def insert_session_record(self):
		frappe.db.sql(
			"INSERT INTO `tabSessions` (sid, user, sessiondata, lastupdate, status) VALUES (%s, %s, %s, %s, 'Active')",
			(self.sid, self.user, json.dumps(self.data.data), now()),
		)

	def resume(self):
		data = self.get_session_data()
		if data is None:
			self._forget_cookie()
			self.user = "Guest"
			self.start()
			return
		self.user = data.user
		self.data.update(data=data, user=data.user, sid=self.sid)
		self.validate_user()
		if self.sid != "Guest":
			frappe.local.lang = get_user_lang(self.user)

	def _forget_cookie(self) -> None:
		from frappe.auth import clear_cookies

		frappe.response["session_expired"] = 1
		clear_cookies()

	def get_session_data(self):
		if self.sid == "Guest":
			return frappe._dict(user="Guest")
		rows = frappe.db.sql(
			"SELECT user, sessiondata FROM `tabSessions` WHERE sid = %s AND lastupdate > %s",
			(self.sid, get_expired_threshold()),
		)
		if rows:
			return frappe._dict(json.loads(rows[0][1]), user=rows[0][0])

	def update(self, force=False):
		"""Store the session's data and extend it, when forced or ten minutes after the last time."""
		if frappe.session.user == "Guest":
			return False
		if not force and (self.data.data.last_updated or "") > _seconds_ago(600):
			return False
		self.data.data.last_updated = now()
		frappe.db.sql(
			"UPDATE `tabSessions` SET sessiondata = %s, lastupdate = %s WHERE sid = %s",
			(json.dumps(self.data.data), self.data.data.last_updated, self.data.sid),
		)
		frappe.db.commit()
		return True


__getattr__ = _absent("frappe.sessions")
