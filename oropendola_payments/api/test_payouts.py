"""Settlement reports over HTTP: uploaded, previewed, imported, and not kept."""

import io
import json

import frappe

from oropendola_payments.tests.support import payouts as support
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import create_user
from oropendola_payments.tests.support.http import call, message
from oropendola_payments.tests.support.simulated import simulator

GATEWAY = "cashflows"


class TestUploads(TestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.manager = create_user("Payments Manager")
		support.start_afresh(GATEWAY)
		cls.addClassCleanup(support.start_afresh, GATEWAY)
		support.paid(GATEWAY)
		cls.payout = simulator().settle(GATEWAY)[0]
		cls.report = support.report(GATEWAY, cls.payout)

	def upload(self, endpoint: str, content: bytes | None = None, user: str | None = None, **fields):
		content = self.report if content is None else content
		data = {"gateway": GATEWAY, "file": (io.BytesIO(content), "report.csv"), **fields}
		data.setdefault("columns", json.dumps(support.REMITTANCE))
		answer = call(f"payouts.{endpoint}", user or self.manager, data=data)
		return answer.status_code, message(answer)

	def test_a_report_is_previewed_imported_once_and_not_kept(self):
		status, found = self.upload("preview_file")
		self.assertEqual((status, found["problems"], len(found["payouts"])), (200, [], 1))
		self.assertEqual(support.payouts(GATEWAY), [])
		self.assertEqual(self.upload("import_file")[1]["new"], 1)
		self.assertEqual(self.upload("import_file", columns="")[1]["unchanged"], 1)
		self.assertEqual(support.differences(GATEWAY), [])
		self.assertFalse(frappe.get_all("File", {"file_name": ("like", "%report%")}))

	def test_wrong_input_is_refused_with_its_status(self):
		for fields, expected in (
			({"gateway": "acme"}, 404),
			({"columns": "{"}, 400),
			({"columns": '{"kinds": ["a"]}'}, 400),
			({"paid_on": "soon", "payout_id": "p"}, 400),
			({"amount": "many", "payout_id": "p"}, 400),
			({"amount": "5", "payout_id": "p"}, 400),
			({"content": b"\x00\x01\x02"}, 422),
			({"content": b"A,B\n1,2\n"}, 422),
		):
			with self.subTest(fields):
				status, answer = self.upload("import_file", **fields)
				self.assertEqual((status, answer.get("success")), (expected, False), answer)

	def test_only_a_manager_uploads(self):
		"""B14."""
		for user in (create_user(), create_user("Payments Auditor")):
			for endpoint in ("preview_file", "import_file"):
				self.assertEqual(self.upload(endpoint, user=user)[0], 403)
