import frappe
from frappe.utils import cint

from oropendola_payments import install
from oropendola_payments.tests.support.case import TestCase

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
