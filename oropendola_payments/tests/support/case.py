"""The base class of all tests, on every version of Frappe and of Python that the app supports."""

import frappe
from hypothesis import settings

try:
	from frappe.tests import IntegrationTestCase as FrameworkTestCase
except ImportError:
	from frappe.tests.utils import FrappeTestCase as FrameworkTestCase


# A busy machine is no failure: what is slow is seen by the durations of the run.
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")


class TestCase(FrameworkTestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		# What one class of tests, or one that was stopped, left behind must not decide what another sees.
		frappe.db.delete("Payment Counter")
		frappe.db.delete("AI Tax Registration")
		frappe.db.set_value("AI Plan", {"is_active": 1, "plan_id": ("like", "%-%")}, "is_active", 0)
		settings = frappe.get_doc("Payment Settings")
		if settings.tax_rate:
			settings.tax_rate = 0
			settings.save(ignore_permissions=True)
		frappe.db.commit()

	def enterContext(self, context):
		"""As `unittest` has it from Python 3.11 on."""
		entered = context.__enter__()
		self.addCleanup(context.__exit__, None, None, None)
		return entered


__all__ = ["TestCase"]
