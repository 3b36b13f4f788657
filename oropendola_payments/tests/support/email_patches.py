"""Patches that bring a new text of an email to sites that did not edit it."""

from types import ModuleType

import frappe

from oropendola_payments.engine.notifications import templates
from oropendola_payments.tests.support.case import TestCase


class EmailPatchCase(TestCase):
	patch: ModuleType

	def setUp(self):
		self.addCleanup(frappe.db.rollback)

	def after(self, key: str, body: str, subject: str | None = None) -> tuple[str, str]:
		"""Return subject and body of this email, after the patch ran twice over a site that has these."""
		name, of_today = templates.TEXTS[key]
		values = {"subject": subject or of_today, "response_html": body, "use_html": 1}
		frappe.db.set_value("Email Template", name, values)
		for _run in range(2):
			self.patch.execute()
		return frappe.db.get_value("Email Template", name, ["subject", "response_html"])

	def check(self, key: str, before: str, subject: str | None = None) -> None:
		"""The text of the app is replaced and an edited one stays."""
		self.assertEqual(self.after(key, before, subject), templates.ours(key))
		edited = f"{before}<p>Bye</p>"
		self.assertEqual(self.after(key, edited, subject)[1], edited)
