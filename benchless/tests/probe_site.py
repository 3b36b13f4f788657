"""A throw-away site with the app `probe`, for tests over HTTP."""

import json
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

import frappe
from frappe.app import application
from werkzeug.test import Client

from benchless import server, site

PROBE_APP = Path(__file__).parent / "probe_app"
PASSWORD = "only-for-this-test"
API = "/api/method/probe.api."


class ProbeSiteTestCase(unittest.TestCase):
	"""A throw-away site with the app `probe`; the surrounding test session's site comes back afterwards."""

	@classmethod
	def setUpClass(cls):
		sys.path.insert(0, str(PROBE_APP))
		cls.addClassCleanup(sys.path.remove, str(PROBE_APP))
		cls.folder = Path(tempfile.mkdtemp(prefix="benchless-http-"))
		cls.addClassCleanup(shutil.rmtree, cls.folder)
		cls.site = cls.folder / "probe.test"
		cls.outer_site = frappe.local.site_path
		frappe.destroy()
		cls.addClassCleanup(site.connect, cls.outer_site)
		site.create_site(cls.site, admin_password=PASSWORD, apps=["probe"])
		with site.connect(cls.site):
			cls.add_users()
		cls.addClassCleanup(server.use_site(cls.site))

	@classmethod
	def add_users(cls):
		for name in ("reader", "writer"):
			user = {"doctype": "User", "email": f"{name}@example.com", "first_name": name.title()}
			user |= {"user_type": "Website User", "new_password": PASSWORD, "send_welcome_email": 0}
			frappe.get_doc(user).insert(ignore_permissions=True)
		user.update(email="desk@example.com", roles=[{"role": "System Manager"}], user_type="System User")
		frappe.get_doc({**user, "api_key": "probe-id", "api_secret": "probe-secret"}).insert()
		frappe.db.commit()

	def setUp(self):
		self.client = Client(application)

	def login(self, user="reader@example.com", password=PASSWORD):
		return self.client.post("/api/method/login", data={"usr": user, "pwd": password})

	def notes(self):
		with site.connect(self.site):
			return frappe.get_all("Probe Note", pluck="name")


def message_of(answer) -> str:
	return json.loads(json.loads(answer.json["_server_messages"])[0])["message"]
