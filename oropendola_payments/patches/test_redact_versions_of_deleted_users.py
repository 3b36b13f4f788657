"""Versions of customers who were deleted with an older release are redacted, and those of others stay."""

import frappe

from oropendola_payments.ai_billing.doctype.payment_event.payment_event import REDACTED
from oropendola_payments.engine import privacy
from oropendola_payments.engine.tax import profile
from oropendola_payments.patches import redact_versions_of_deleted_users as patch
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import create_user


class TestRedactVersionsOfDeletedUsers(TestCase):
	def version_of(self, user: str) -> str:
		name = frappe.db.get_value("AI Billing Profile", {"user": user})
		version = frappe.new_doc("Version").update({"ref_doctype": "AI Billing Profile", "docname": name})
		version.update({"data": frappe.as_json({"changed": [["city", "Pune", "Nagpur"]]})}).db_insert()
		return version.name

	def test_only_earlier_values_of_deleted_users_are_redacted(self):
		deleted, other = create_user(), create_user()
		for user in (deleted, other):
			profile.save(user, {"city": "Nagpur"})
		privacy.forget(deleted)
		versions = [self.version_of(user) for user in (deleted, other)]
		frappe.db.commit()
		for _run in range(2):
			patch.execute()
		frappe.db.commit()
		kept = [
			frappe.parse_json(frappe.db.get_value("Version", name, "data"))["changed"] for name in versions
		]
		self.assertEqual(kept, [[["city", REDACTED, REDACTED]], [["city", "Pune", "Nagpur"]]])
		self.assertEqual(patch.REDACTED, REDACTED)
