"""The base class of all tests, on every version of Frappe and of Python that the app supports."""

import frappe

try:
	from frappe.tests import IntegrationTestCase as FrameworkTestCase
except ImportError:
	from frappe.tests.utils import FrappeTestCase as FrameworkTestCase


class TestCase(FrameworkTestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		# What one class of tests counted against abuse must not use up what another needs.
		frappe.db.delete("Payment Counter")
		frappe.db.commit()

	def enterContext(self, context):
		"""As `unittest` has it from Python 3.11 on."""
		entered = context.__enter__()
		self.addCleanup(context.__exit__, None, None, None)
		return entered


__all__ = ["TestCase"]
