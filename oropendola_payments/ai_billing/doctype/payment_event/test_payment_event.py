"""Events can be added to the audit trail and never changed, and a change in the database is detected."""

import json

import frappe

from oropendola_payments.ai_billing.doctype.payment_event.payment_event import (
	acting_as,
	append_to_site,
	entry,
)
from oropendola_payments.engine.monitoring import audit
from oropendola_payments.exceptions import AuditTrailIsFrozen
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import (
	as_user,
	create_active_subscription,
	create_invoice,
	create_user,
)

WRITTEN = (
	"event", "from_status", "to_status", "reference_doctype", "reference_name", "source", "actor", "ip_address", "details",
)  # fmt: skip


class TestAppendOnly(TestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.invoice = create_invoice()
		cls.event = frappe.get_last_doc("Payment Event", {"invoice": cls.invoice.name})

	def test_administrator_cannot_change_an_event(self):
		"""S33."""
		with as_user("Administrator"), self.assertRaises(AuditTrailIsFrozen):
			self.event.update({"event": "nothing_happened"}).save(ignore_permissions=True)

	def test_administrator_cannot_delete_an_event(self):
		with as_user("Administrator"), self.assertRaises(AuditTrailIsFrozen):
			frappe.delete_doc("Payment Event", self.event.name, ignore_permissions=True, force=True)

	def test_administrator_cannot_make_an_event(self):
		forged = frappe.new_doc("Payment Event")
		forged.update({"name": f"{self.invoice.name}-00009", "event": "forged", "invoice": self.invoice.name})
		with as_user("Administrator"), self.assertRaises(AuditTrailIsFrozen):
			forged.insert(ignore_permissions=True, set_name=f"{self.invoice.name}-00009")

	def test_administrator_cannot_rename_an_event(self):
		with as_user("Administrator"), self.assertRaises(AuditTrailIsFrozen):
			self.event.run_method("before_rename", self.event.name, "Other", False)


class TestEventContents(TestCase):
	def test_an_event_records_actor_source_and_details(self):
		user = create_user()
		with as_user(user), acting_as("Desk"):
			invoice = create_invoice(user)
		event = frappe.get_last_doc("Payment Event", {"invoice": invoice.name})
		self.assertEqual((event.event, event.source, event.actor), ("invoice_created", "Desk", user))
		self.assertEqual((event.reference_doctype, event.reference_name), ("AI Invoice", invoice.name))
		self.assertEqual(json.loads(event.details)["currency"], "INR")

	def test_the_previous_event_source_is_restored(self):
		with acting_as("Sweep"):
			with self.assertRaises(ZeroDivisionError), acting_as("Webhook"):
				1 / 0
			self.assertEqual(frappe.flags.payment_event_source, "Sweep")

	def test_an_event_without_details_has_none(self):
		self.assertIsNone(entry("something")["details"])


class TestVerify(TestCase):
	"""Each test undoes its forgery, because all tests of the site share the trail."""

	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.invoice = create_active_subscription().current_invoice
		cls.rows = frappe.get_all("Payment Event", {"invoice": cls.invoice}, ["*"], order_by="sequence")

	def tearDown(self):
		frappe.db.rollback()

	def assert_broken_at(self, name: str, reason: str):
		found = audit.verify()
		self.assertIsNotNone(found["broken"])
		self.assertEqual(found["broken"]["link"], name)
		self.assertIn(reason, found["broken"]["reason"])

	def test_an_untouched_trail_verifies(self):
		append_to_site("test_was_here", note="made up")
		found = audit.verify()
		self.assertIsNone(found["broken"])
		self.assertGreaterEqual(found["events"], len(self.rows) + 1)

	def test_a_payment_leaves_a_chain_without_gaps(self):
		self.assertGreater(len(self.rows), 3)
		self.assertEqual([row.sequence for row in self.rows], list(range(1, len(self.rows) + 1)))
		self.assertEqual([row.previous_hash for row in self.rows[1:]], [row.hash for row in self.rows[:-1]])

	def test_one_changed_character_of_one_row_names_that_row(self):
		"""S33."""
		row = self.rows[1]
		for column in WRITTEN:
			with self.subTest(column=column):
				frappe.db.sql(
					f"UPDATE `tabPayment Event` SET `{column}` = %s WHERE name = %s",
					((row[column] or "") + "x", row.name),
				)
				self.assert_broken_at(row.name, "content was changed")
				frappe.db.rollback()

	def test_a_changed_timestamp_names_the_row(self):
		row = self.rows[-1]
		later = frappe.utils.add_to_date(row.occurred_at, seconds=1)
		frappe.db.sql("UPDATE `tabPayment Event` SET occurred_at = %s WHERE name = %s", (later, row.name))
		self.assert_broken_at(row.name, "content was changed")

	def test_a_missing_event_in_the_middle_names_the_next_one(self):
		frappe.db.sql("DELETE FROM `tabPayment Event` WHERE name = %s", (self.rows[1].name,))
		self.assert_broken_at(self.rows[2].name, "number 2 of the chain is missing")

	def test_a_missing_first_event_names_the_next_one(self):
		frappe.db.sql("DELETE FROM `tabPayment Event` WHERE name = %s", (self.rows[0].name,))
		self.assert_broken_at(self.rows[1].name, "number 1 of the chain is missing")

	def test_a_missing_last_event_names_the_invoice(self):
		"""S33."""
		frappe.db.sql("DELETE FROM `tabPayment Event` WHERE name = %s", (self.rows[-1].name,))
		self.assert_broken_at(self.invoice, "events at the end are missing")

	def test_a_deleted_chain_names_the_invoice(self):
		frappe.db.sql("DELETE FROM `tabPayment Event` WHERE invoice = %s", (self.invoice,))
		self.assert_broken_at(self.invoice, "events at the end are missing")

	def test_a_row_with_a_recomputed_hash_breaks_the_next_link(self):
		row = frappe.get_doc("Payment Event", self.rows[1].name)
		row.details = '{"amount": "1.00"}'
		forged = audit.hash_of(row.as_dict())
		frappe.db.sql(
			"UPDATE `tabPayment Event` SET details = %s, `hash` = %s WHERE name = %s",
			(row.details, forged, row.name),
		)
		self.assert_broken_at(self.rows[2].name, "does not follow")
