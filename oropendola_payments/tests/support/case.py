"""The base class of all tests, on every version of Frappe and of Python that the app supports."""

import frappe
from hypothesis import settings

from oropendola_payments.ai_billing.current import forget

try:
	from frappe.tests import IntegrationTestCase as FrameworkTestCase
except ImportError:
	from frappe.tests.utils import FrappeTestCase as FrameworkTestCase


# A busy machine is no failure: what is slow is seen by the durations of the run.
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")


def reset_settings():
	"""Bring what is switched and counted in Payment Settings back to what a new site has."""
	settings = frappe.get_doc("Payment Settings")
	fields = [
		field for field in settings.meta.fields if field.fieldtype in ("Check", "Int", "Percent", "Select")
	]
	changed = {
		field.fieldname: field.default
		for field in fields
		if str(settings.get(field.fieldname) or 0).removesuffix(".0") != str(field.default or 0)
	}
	if changed:
		settings.update(changed)
		settings.save(ignore_permissions=True)


class TestCase(FrameworkTestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		# What one class of tests, or one that was stopped, left behind must not decide what another sees.
		frappe.db.delete("Payment Counter")
		for doctype in ("AI Tax Registration", "AI Webhook Endpoint"):
			if frappe.db.count(doctype):
				frappe.db.delete(doctype)
				forget(doctype)
		frappe.db.set_value("AI Plan", {"is_active": 1, "plan_id": ("like", "%-%")}, "is_active", 0)
		reset_settings()
		frappe.db.commit()

	def enterContext(self, context):
		"""As `unittest` has it from Python 3.11 on."""
		entered = context.__enter__()
		self.addCleanup(context.__exit__, None, None, None)
		return entered


__all__ = ["TestCase"]
