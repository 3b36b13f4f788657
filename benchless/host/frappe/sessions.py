"""Who is logged in: one row per session, found by the `sid` cookie."""

import json
from datetime import timedelta
from urllib.parse import unquote

import frappe
from frappe import _
from frappe._absent import _absent
from frappe.translate import get_user_lang
from frappe.utils import cint, now, now_datetime


def clear_sessions(user=None, keep_current=False, force=False):
	"""End the sessions of a user."""
	user = user or frappe.session.user
	for sid in frappe.db.sql("SELECT sid FROM `tabSessions` WHERE user = %s", (user,), pluck=True):
		if not (keep_current and sid == frappe.session.sid):
			delete_session(sid)


def delete_session(sid=None, user=None, reason="Session Expired"):
	frappe.db.sql("DELETE FROM `tabSessions` WHERE sid = %s", (sid,))
	frappe.db.commit()


def get_csrf_token():
	"""Return the token that unsafe requests of this session must carry."""
	if not frappe.local.session.data.csrf_token:
		frappe.local.session.data.csrf_token = frappe.generate_hash()
		if not frappe.flags.in_test:
			frappe.local.session_obj.update(force=True)
	return frappe.local.session.data.csrf_token


def get_expiry_in_seconds(expiry=None):
	hours, minutes = (expiry or frappe.get_system_settings("session_expiry") or "240:00").split(":")[:2]
	return cint(hours) * 3600 + cint(minutes) * 60


def _seconds_ago(seconds: int) -> str:
	return str(now_datetime() - timedelta(seconds=seconds))


class Session:
	"""The session of one request: taken up from the cookie, or started by a log-in."""

	def __init__(self, user, resume=False, full_name=None, user_type=None):
		self.sid = frappe.form_dict.get("sid") or unquote(frappe.request.cookies.get("sid", "Guest"))
		self.user, self.full_name, self.user_type = user, full_name, user_type
		self.data = frappe.local.session = frappe._dict(data=frappe._dict())
		if resume:
			self.resume()
		else:
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
			self.data.data.update(full_name=self.full_name, user_type=self.user_type, last_updated=now())
			frappe.db.sql(
				"INSERT INTO `tabSessions` (sid, user, sessiondata, lastupdate) VALUES (%s, %s, %s, %s)",
				(self.sid, self.user, json.dumps(self.data.data), now()),
			)
			frappe.db.commit()

	def resume(self):
		data = self.get_session_data()
		if data is None:
			from frappe.auth import clear_cookies

			frappe.response["session_expired"] = 1
			clear_cookies()
			self.user = "Guest"
			self.start()
			return
		self.user = data.user
		self.data.update(data=data, user=data.user, sid=self.sid)
		self.validate_user()
		if self.sid != "Guest":
			frappe.local.lang = get_user_lang(self.user)

	def get_session_data(self):
		if self.sid == "Guest":
			return frappe._dict(user="Guest")
		query = "SELECT user, sessiondata FROM `tabSessions` WHERE sid = %s AND lastupdate > %s"
		rows = frappe.db.sql(query, (self.sid, _seconds_ago(get_expiry_in_seconds())))
		if rows:
			return frappe._dict(json.loads(rows[0][1]), user=rows[0][0])

	def update(self, force=False):
		"""Store the session's data and extend it, when forced or ten minutes after the last time."""
		data = self.data.data
		if frappe.session.user == "Guest" or (not force and (data.last_updated or "") > _seconds_ago(600)):
			return
		data.last_updated = now()
		query = "UPDATE `tabSessions` SET sessiondata = %s, lastupdate = %s WHERE sid = %s"
		frappe.db.sql(query, (json.dumps(data), data.last_updated, self.data.sid))
		frappe.db.commit()


_absent("frappe.sessions")
