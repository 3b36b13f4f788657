import frappe
from frappe.utils import cint

from oropendola_payments import install
from oropendola_payments.tests.support.case import TestCase

INDEXES = {
	"mariadb": "SELECT column_name FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = %s AND seq_in_index = 1",
	"postgres": "SELECT split_part(split_part(indexdef, '(', 2), ')', 1) FROM pg_indexes WHERE tablename = %s",
	"sqlite": "SELECT c.name FROM pragma_index_list(%s) i JOIN pragma_index_info(i.name) c WHERE c.seqno = 0",
}
SETTINGS, DAYS = "System Settings", "dormant_days"


class TestSchedulerStaysAwake(TestCase):
	def setUp(self):
		before = frappe.db.get_single_value(SETTINGS, DAYS)
		self.addCleanup(frappe.db.set_single_value, SETTINGS, DAYS, before)

	def test_jobs_run_although_nobody_has_logged_in_for_days(self):
		for before in (None, 0, 4):
			frappe.db.set_single_value(SETTINGS, DAYS, before)
			install.keep_scheduler_awake()
			self.assertGreater(cint(frappe.db.get_single_value(SETTINGS, DAYS)), 365, before)


class TestIndexes(TestCase):
	def indexed(self, doctype: str) -> set[str]:
		found = frappe.db.sql(INDEXES[frappe.db.db_type], (f"tab{doctype}",), pluck=True)
		return {column.split(",")[0].strip('"') for column in found}

	def test_every_list_that_is_sorted_by_time_finds_its_newest_rows_by_an_index(self):
		asked = {"module": install.MODULE, "istable": 0, "issingle": 0}
		found = frappe.get_all("DocType", asked, pluck="name")
		names = [name for name in found if frappe.get_meta(name).sort_field == "creation"]
		self.assertIn("Payment Event", names)
		self.assertEqual([name for name in names if "creation" not in self.indexed(name)], [])

	def test_every_index_that_a_doctype_asks_for_exists(self):
		for name in frappe.get_all("DocType", {"module": install.MODULE, "issingle": 0}, pluck="name"):
			asked = {field.fieldname for field in frappe.get_meta(name).fields if field.search_index}
			self.assertEqual(asked - self.indexed(name), set(), name)

	def test_an_index_that_is_there_is_not_made_again(self):
		before = frappe.db.sql(INDEXES[frappe.db.db_type], ("tabPayment Event",))
		install.ensure_indexes()
		self.assertEqual(frappe.db.sql(INDEXES[frappe.db.db_type], ("tabPayment Event",)), before)
