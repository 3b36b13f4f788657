"""Rows inside records: Frappe lists them by themselves, where only the rights on the DocType around them count."""

import frappe

from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import create_user, unique
from oropendola_payments.tests.support.http import send

CLIENT = "/api/method/frappe.client.get_list"
MODULE = {"module": "AI Billing"}
TABLES = ("Table", "Table MultiSelect")


def tables_that_customers_read() -> dict[str, str]:
	"""Return the DocTypes of rows in records that customers read, each with the DocType around it."""
	tables = frappe.get_all("DocType", {**MODULE, "istable": 0}, pluck="name")
	read = [name for name in tables if "All" in {row.role for row in frappe.get_meta(name).permissions}]
	return {
		field.options: parent
		for parent in read
		for field in frappe.get_meta(parent).fields
		if field.fieldtype in TABLES
	}


class TestRowsOfRecords(TestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.owner, cls.other = create_user(), create_user()
		cls.auditor = create_user("Payments Auditor")
		cls.rows = {row: cls.stored(row, parent) for row, parent in tables_that_customers_read().items()}
		frappe.db.commit()

	@classmethod
	def stored(cls, doctype: str, parenttype: str) -> str:
		parent = frappe.new_doc(parenttype).update({"name": unique("record"), "user": cls.owner})
		parent.db_insert()
		field = next(f for f in frappe.get_meta(parenttype).fields if f.options == doctype)
		row = frappe.new_doc(doctype).update(
			{
				"name": unique("row"),
				"parent": parent.name,
				"parenttype": parenttype,
				"parentfield": field.fieldname,
				"idx": 1,
			}
		)
		row.db_insert()
		cls.addClassCleanup(cls.delete, (doctype, row.name), (parenttype, parent.name))
		return row.name

	@staticmethod
	def delete(*records: tuple[str, str]) -> None:
		"""Leave nothing behind: other tests look at all documents."""
		for doctype, name in records:
			frappe.db.delete(doctype, {"name": name})
		frappe.db.commit()

	def listed(self, user: str, doctype: str, path: str = "/api/resource/{0}") -> list[str]:
		query = {"parent": tables_that_customers_read()[doctype], "limit_page_length": 0}
		query |= {"doctype": doctype} if path == CLIENT else {}
		answer = send("GET", path.format(doctype), user, query_string=query)
		self.assertEqual(answer.status_code, 200, answer.text[:300])
		return [row["name"] for row in answer.json.get("data") or answer.json.get("message") or []]

	def test_there_are_such_rows(self):
		self.assertIn("AI Invoice Part", self.rows)

	def test_a_customer_lists_only_rows_of_own_records(self):
		"""S13: the rows of an invoice name its customer and what was paid."""
		for doctype, name in self.rows.items():
			for path in ("/api/resource/{0}", CLIENT):
				with self.subTest(doctype=doctype, path=path):
					self.assertEqual(self.listed(self.owner, doctype, path), [name])
					self.assertEqual(self.listed(self.other, doctype, path), [])

	def test_staff_lists_all_rows(self):
		for doctype, name in self.rows.items():
			with self.subTest(doctype=doctype):
				self.assertIn(name, self.listed(self.auditor, doctype))
