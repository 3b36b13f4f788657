"""The decorator `endpoint`: an answer in the envelope, or a refusal after which nothing was written."""

import frappe

from oropendola_payments.api import endpoint
from oropendola_payments.exceptions import Conflict
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import unique


def writing_endpoint(error: Exception | None):
	"""An endpoint that writes a row and then raises the given error."""

	def function(title: str) -> dict:
		# Not a log record: on a bench their tables take no part in transactions.
		mail = frappe.get_doc(doctype="Email Template", name=title, subject="A test", response="-")
		mail.insert(ignore_permissions=True)
		if error:
			raise error
		return {"title": title}

	return endpoint(methods=("POST",))(function)


class TestEnvelope(TestCase):
	def setUp(self):
		self.addCleanup(frappe.db.rollback)
		self.addCleanup(frappe.local.response.pop, "http_status_code", None)

	def call(self, error: Exception | None) -> tuple[dict, bool]:
		"""The answer, and whether the row exists after the commit that follows a normal return."""
		title = unique("row")
		answer = writing_endpoint(error)(title=title)
		frappe.db.commit()
		return answer, bool(frappe.db.exists("Email Template", title))

	def test_writes_before_a_refusal_are_rolled_back(self):
		answer, written = self.call(Conflict("Not now."))
		self.assertFalse(written)
		self.assertEqual(
			answer, {"success": False, "error": "Not now.", "error_code": Conflict("").error_code}
		)
		self.assertEqual(frappe.local.response.http_status_code, 409)

	def test_writes_before_a_refusal_of_the_framework_are_rolled_back(self):
		answer, written = self.call(frappe.PermissionError())
		self.assertFalse(written)
		self.assertEqual(answer["error_code"], "not_allowed")

	def test_writes_of_a_successful_answer_are_committed(self):
		answer, written = self.call(None)
		self.assertTrue(written and answer["success"])

	def test_an_unexpected_error_is_not_reported_as_a_refusal(self):
		with self.assertRaises(ZeroDivisionError):
			self.call(ZeroDivisionError())
