"""The base class of all tests, on every version of Frappe and of Python that the app supports."""

import sys

try:
	from frappe.tests import IntegrationTestCase as TestCase
except ImportError:
	from frappe.tests.utils import FrappeTestCase as TestCase

if sys.version_info < (3, 11):

	class TestCase(TestCase):
		def enterContext(self, context):
			"""As `unittest` has it from Python 3.11 on."""
			entered = context.__enter__()
			self.addCleanup(context.__exit__, None, None, None)
			return entered


__all__ = ["TestCase"]
