"""The base class of all tests, on every version of Frappe and of Python that the app supports."""

import frappe

from oropendola_payments.ai_billing.current import forget

try:
	from frappe.tests import IntegrationTestCase as FrameworkTestCase
except ImportError:
	from frappe.tests.utils import FrappeTestCase as FrameworkTestCase

from oropendola_payments.tests.support import proofs  # noqa: F401  sets how many examples property tests try


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
		frappe.db.set_value("AI Credit Pack", {"is_active": 1, "pack_id": ("like", "%-%")}, "is_active", 0)
		forget("AI Plan")
		forget("AI Credit Pack")
		reset_settings()
		frappe.db.commit()

	def enterContext(self, context):
		"""As `unittest` has it from Python 3.11 on."""
		entered = context.__enter__()
		self.addCleanup(context.__exit__, None, None, None)
		return entered


__all__ = ["TestCase"]
