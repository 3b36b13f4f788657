"""What customers cannot read of records about themselves."""

import frappe

from oropendola_payments.ai_billing import webhook_types
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.endpoints import People
from oropendola_payments.tests.support.http import send

EVENT = "AI Webhook Event"


class TestEventsForStaff(TestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.people = People()
		cls.events = [cls.stored(kind) for kind in webhook_types.STAFF_ONLY]

	@classmethod
	def stored(cls, kind: str) -> str:
		doc = frappe.new_doc(EVENT).update({"user": cls.people.owner, "type": kind})
		doc.db_insert()
		frappe.db.commit()
		cls.addClassCleanup(frappe.db.commit)
		cls.addClassCleanup(frappe.db.delete, EVENT, {"name": doc.name})
		return doc.name

	def test_a_customer_cannot_read_events_for_staff(self):
		"""W14: not even those of own invoices, however they are asked for."""
		customer = self.people.owner
		for name in self.events:
			asked = {"doctype": EVENT, "filters": frappe.as_json({"name": name}), "fieldname": "data"}
			with self.subTest(name=name):
				self.assertEqual(send("GET", f"/api/resource/{EVENT}/{name}", customer).status_code, 403)
				answer = send("GET", "/api/method/frappe.client.get_value", customer, query_string=asked)
				self.assertFalse(answer.json.get("message"))
		listed = send("GET", f"/api/resource/{EVENT}", customer, query_string={"limit_page_length": 0})
		self.assertEqual(listed.json["data"], [])

	def test_staff_reads_them(self):
		for person in (self.people.manager, self.people.auditor):
			for name in self.events:
				self.assertEqual(send("GET", f"/api/resource/{EVENT}/{name}", person).status_code, 200)
