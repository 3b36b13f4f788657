"""Text with tags that was stored before is harmless after the update."""

import frappe

from oropendola_payments.ai_billing import records
from oropendola_payments.patches import remove_tags_of_customers as patch
from oropendola_payments.tests.support import factories
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import unique


class TestRemoveTagsOfCustomers(TestCase):
	def test_the_name_of_a_key_begins_no_tag_after_the_update(self):
		subscription = factories.create_active_subscription()
		key = frappe.db.get_value("AI API Key", {"subscription": subscription.name}, "name")
		for before, after in (("<img src=x>", "＜img src=x>"), ("Website", "Website")):
			frappe.db.set_value("AI API Key", key, "key_name", before)
			for _time in range(2):
				patch.execute()
				self.assertEqual(frappe.db.get_value("AI API Key", key, "key_name"), after)
		frappe.db.commit()

	def test_the_name_on_a_tax_document_begins_no_tag_after_the_update_and_its_content_stays(self):
		"""Its list shows the name, which Frappe did not clean in quotation marks."""
		document = records.new("AI Tax Document")
		document.update({"kind": "Invoice", "user": factories.create_user(), "invoice": unique("INV")})
		document.update({"source_key": unique("key"), "content": '{"name": "<img src=x>"}'})
		document.add()
		self.addCleanup(frappe.db.delete, document.doctype, document.name)
		frappe.db.set_value(document.doctype, document.name, "buyer_name", '"<img src=x>"')
		patch.execute()
		kept = frappe.db.get_value(document.doctype, document.name, ["buyer_name", "content"])
		self.assertEqual(kept, ('"＜img src=x>"', document.content))

	def test_every_column_exists(self):
		for doctype, columns in patch.COLUMNS.items():
			for column in columns:
				self.assertTrue(frappe.get_meta(doctype).has_field(column), f"{doctype}.{column}")
