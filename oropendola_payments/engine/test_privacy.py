"""Deletion of personal data: the evidence of payments stays complete and names nobody."""

import unittest
from unittest.mock import patch

import frappe

from oropendola_payments import hooks
from oropendola_payments.ai_billing.doctype.payment_event.payment_event import REDACTED
from oropendola_payments.engine import privacy
from oropendola_payments.engine.monitoring import audit
from oropendola_payments.engine.refunds import create
from oropendola_payments.engine.settlement import manual_payment, reviews
from oropendola_payments.engine.subscriptions import lifecycle
from oropendola_payments.engine.tax import profile as billing_profile
from oropendola_payments.patches import backfill_capture_user
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.checks import rows_of, violated_invariants
from oropendola_payments.tests.support.factories import (
	as_user,
	create_active_subscription,
	create_coupon,
	create_invoice,
	create_plan,
	create_user,
	unique,
)  # fmt: skip
from oropendola_payments.tests.support.journey import Journey
from oropendola_payments.tests.support.source import files, imports_of

OURS = (
	"AI Subscription", "AI API Key", "AI Billing Profile", "AI Invoice", "AI Payment Link", "AI Coupon Redemption",
	"AI Trial Claim", "AI Usage Day", "AI Usage Entry", "Payment Attempt",
	"Payment Capture", "Payment Refund",
	"Payment Event", "Payment Webhook Log", "Payment Alert",
	"AI Webhook Endpoint", "AI Webhook Event", "AI Webhook Delivery",
)  # fmt: skip
REQUEST = "Personal Data Deletion Request"


def pay_as(user: str) -> Journey:
	journey = Journey("payu", user=user)
	journey.deliver_return(journey.customer_pays(journey.start()))
	return journey


def places_that_name(*texts: str) -> list[str]:
	"""Columns of our tables that still contain one of these texts."""
	found = []
	for doctype in OURS:
		for row in frappe.db.sql(f"SELECT * FROM `tab{doctype}`", as_dict=True):
			found += [
				f"{doctype}.{column}" for column, value in row.items() if any(t in str(value) for t in texts)
			]
	return sorted(set(found))


class TestPersonInTheAuditTrail(TestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.invoice = pay_as(create_user()).invoice
		cls.event = frappe.get_all(
			"Payment Event", {"invoice": cls.invoice}, pluck="name", order_by="sequence"
		)[0]

	def tearDown(self):
		frappe.db.rollback()

	def change(self, **values):
		for column, value in values.items():
			frappe.db.sql(
				f"UPDATE `tabPayment Event` SET `{column}` = %s WHERE name = %s", (value, self.event)
			)

	def broken(self) -> dict | None:
		return audit.verify(self.invoice)["broken"]

	def test_redacting_a_person_does_not_break_the_chain(self):
		self.change(actor="deleted-user-0007@example.com", ip_address=REDACTED, person_salt=REDACTED)
		self.assertIsNone(self.broken())

	def test_another_actor_breaks_the_chain(self):
		self.change(actor="somebody@example.com")
		self.assertEqual(self.broken()["reason"], "its content was changed after it was written")

	def test_another_actor_without_a_salt_breaks_the_chain(self):
		self.change(actor="somebody@example.com", ip_address=REDACTED, person_salt=REDACTED)
		self.assertEqual(self.broken()["link"], self.event)

	def test_an_ip_address_left_after_redaction_breaks_the_chain(self):
		self.change(actor=REDACTED, ip_address="192.0.2.7", person_salt=REDACTED)
		self.assertEqual(self.broken()["link"], self.event)

	def test_another_person_with_a_matching_salt_and_hash_breaks_the_chain(self):
		self.change(person_hash="0" * 64)
		self.assertEqual(self.broken()["reason"], "its content was changed after it was written")


class TestFreeText(TestCase):
	"""Reasons and notes may name people. They are emptied on deletion; the payments and the chain stay."""

	def setUp(self):
		self.name = unique("Zubaida")
		self.user = create_user()
		invoice = create_invoice(self.user)
		self.invoice = invoice.name
		manual_payment.record_payment(
			self.invoice, invoice.total(), unique("transfer"), None, f"Cash from {self.name}"
		)
		create.create_refund(self.invoice, 100, f"{self.name} called")
		invoice.reload().flag_for_review("Something is odd.")
		frappe.db.commit()
		reviews.finish_review(self.invoice, f"{self.name} was right")
		invoice.reload().flag_for_review("Something else is odd.")
		frappe.db.set_value("AI Invoice", self.invoice, "review_reason", f"Ask {self.name}")
		frappe.db.commit()

	def test_a_deletion_that_fails_halfway_leaves_no_event_of_what_did_not_happen(self):
		subscription = create_active_subscription(self.user)
		before = audit.verify(subscription.current_invoice)
		with (
			patch.object(privacy, "_was_forgotten", return_value=True),
			patch.object(privacy, "_redact_texts", side_effect=ValueError("A test")),
		):
			privacy.user_renamed(frappe.get_doc("User", self.user))
		frappe.db.commit()
		self.assertEqual(subscription.reload().status, "Active")
		self.assertEqual(audit.verify(subscription.current_invoice), before)

	def test_a_deleted_user_is_named_in_no_text(self):
		"""S37."""
		before = audit.verify(self.invoice)
		privacy.forget(self.user)
		frappe.db.commit()
		self.assertEqual(places_that_name(self.name), [])
		self.assertEqual(
			audit.verify(self.invoice), {**before, "events": before["events"] + 1}, "the end of the service"
		)
		self.assertIsNone(before["broken"])
		refund = frappe.get_last_doc("Payment Refund", {"invoice": self.invoice})
		self.assertEqual((refund.status, float(refund.amount), refund.reason), ("Refunded", 100, REDACTED))
		self.assertNotIn(self.invoice, rows_of("paid_amount_differs_from_captures"))

	def test_earlier_details_of_a_deleted_user_are_in_no_version(self):
		"""S37: with each change of a billing profile Frappe keeps what was there before."""
		billing_profile.save(self.user, {"legal_name": self.name, "city": self.name})
		profile = frappe.db.get_value("AI Billing Profile", {"user": self.user})
		changes = [
			["legal_name", None, self.name],
			["city", self.name, "Pune"],
			["kind", "Person", "Company"],
		]
		version = frappe.new_doc("Version").update({"ref_doctype": "AI Billing Profile", "docname": profile})
		version.update({"data": frappe.as_json({"changed": changes})}).db_insert()
		privacy.forget(self.user)
		frappe.db.commit()
		kept = frappe.parse_json(frappe.db.get_value("Version", version.name, "data"))["changed"]
		self.assertEqual(
			kept,
			[["legal_name", None, REDACTED], ["city", REDACTED, REDACTED], ["kind", "Person", "Company"]],
		)

	def test_a_note_is_kept_until_deletion_and_a_changed_note_breaks_the_chain(self):
		event = frappe.get_last_doc("Payment Event", {"invoice": self.invoice, "event": "refund_opened"})
		self.assertEqual(event.note, f"{self.name} called")
		self.assertNotIn(self.name, event.details)
		for values in ({"note": "Nobody called"}, {"note": REDACTED}, {"note": None, "note_salt": None}):
			frappe.db.set_value("Payment Event", event.name, values, update_modified=False)
			self.assertEqual(audit.verify(self.invoice)["broken"]["link"], event.name, values)
			frappe.db.rollback()

	def test_an_invented_note_breaks_the_chain(self):
		event = frappe.get_last_doc("Payment Event", {"invoice": self.invoice, "event": "invoice_created"})
		frappe.db.set_value("Payment Event", event.name, "note", "Made up", update_modified=False)
		self.assertEqual(audit.verify(self.invoice)["broken"]["link"], event.name)
		frappe.db.rollback()

	def test_deletion_keeps_open_reviews_open(self):
		capture = frappe.get_last_doc("Payment Capture", {"invoice": self.invoice})
		before = {"disposition": capture.disposition, "note": capture.note}
		# As Frappe leaves it: its placeholder in every row, with or without a note.
		for waits, kept in ((1, None), (0, REDACTED)):
			frappe.db.set_value("AI Invoice", self.invoice, "needs_review", waits)
			frappe.db.set_value("Payment Capture", capture.name, {"disposition": "Mismatch", "note": "note"})
			privacy.forget(self.user)
			self.assertEqual(frappe.db.get_value("Payment Capture", capture.name, "note"), kept)
		frappe.db.set_value("Payment Capture", capture.name, before)
		frappe.db.commit()

	def test_captures_and_refunds_are_in_the_export_of_the_customer(self):
		for doctype in ("Payment Capture", "Payment Refund"):
			owners = frappe.get_all(doctype, {"invoice": self.invoice}, pluck="user")
			self.assertEqual(set(owners), {self.user}, doctype)

	def test_the_patch_fills_the_user_of_old_captures_from_the_invoice(self):
		for doctype in ("Payment Capture", "Payment Refund"):
			frappe.db.set_value(doctype, {"invoice": self.invoice}, "user", None)
		backfill_capture_user.execute()
		frappe.db.commit()
		self.test_captures_and_refunds_are_in_the_export_of_the_customer()


class TestRename(TestCase):
	def test_the_unique_subscription_key_follows_a_renamed_user(self):
		subscription = create_active_subscription(create_user())
		other = create_user()
		frappe.db.set_value("AI Subscription", subscription.name, "user", other)
		privacy.user_renamed(frappe.get_doc("User", other), "after_rename", subscription.user, other, False)
		key = frappe.db.get_value("AI Subscription", subscription.name, "live_key")
		self.assertEqual(key, f"{other}:{subscription.plan}")
		self.assertEqual(frappe.db.get_value("AI Subscription", subscription.name, "status"), "Active")

	def test_whoever_gets_the_address_of_a_merged_user_can_subscribe(self):
		"""Both had the free plan, as everybody has: the key of the second must not keep the old name, nor keep others from moving."""
		free, paid = create_plan(price=0, is_free=1), create_plan()
		kept, merged = create_user(), create_user()
		for order in ((merged, free.name), (merged, paid.name), (kept, free.name)):
			lifecycle.subscribe(*order, None)
		frappe.db.sql("UPDATE `tabAI Subscription` SET `user` = %s WHERE `user` = %s", (kept, merged))
		privacy.user_renamed(frappe.get_doc("User", kept), old=merged, new=kept, merge=True)
		frappe.db.commit()
		keys = frappe.get_all("AI Subscription", {"user": kept}, pluck="live_key")
		self.assertEqual([key for key in keys if not key.startswith(f"{kept}:")], [])
		for plan in (free, paid):
			self.assertTrue(lifecycle.subscribe(merged, plan.name, None)["subscription_id"])

	def test_a_coupon_that_both_merged_users_redeemed_counts_twice(self):
		coupon, plan, kept, merged = create_coupon(), create_plan(), create_user(), create_user()
		for user in (kept, merged):
			lifecycle.subscribe(user, plan.name, "INR", coupon=coupon.name)
		for doctype in ("AI Subscription", "AI Coupon Redemption"):
			frappe.db.sql(f"UPDATE `tab{doctype}` SET `user` = %s WHERE `user` = %s", (kept, merged))
		privacy.user_renamed(frappe.get_doc("User", kept), old=merged, new=kept, merge=True)
		keys = frappe.get_all("AI Coupon Redemption", {"coupon": coupon.name}, pluck="redemption_key")
		self.assertEqual(sorted(keys), [f"{coupon.name}:{kept}:{number}" for number in (1, 2)])

	def test_an_error_of_ours_does_not_stop_the_deletion_by_frappe(self):
		user, before = create_user(), privacy._rename_live_keys
		privacy._rename_live_keys = lambda user: 1 / 0
		try:
			privacy.user_renamed(frappe.get_doc("User", user), "after_rename", "old@example.com", user, False)
		finally:
			privacy._rename_live_keys = before
		self.assertTrue(frappe.db.exists("User", user))


class TestHooks(TestCase):
	def test_every_privacy_entry_names_its_redacted_fields(self):
		"""Without fields Frappe would replace the name in all texts, in payment ids and hashes as well."""
		entries = [entry for entry in frappe.get_hooks("user_data_fields") if entry["doctype"] in OURS]
		self.assertEqual(len(entries), 15)
		for entry in entries:
			meta = frappe.get_meta(entry["doctype"])
			self.assertTrue(entry["redact_fields"])
			self.assertTrue(
				all(meta.get_field(name) for name in (entry["filter_by"], *entry["redact_fields"])), entry
			)

	def test_hooks_refer_only_to_frappe_and_this_app(self):
		"""R26: every handler can be imported, every DocType is Frappe's or ours, and nothing needs ERPNext.

		Events of ERPNext's DocTypes may be listened to: without ERPNext they never happen.
		"""
		named = {name: value for name, value in vars(hooks).items() if not name.isupper()}
		handlers = set(_handlers(named))
		self.assertGreater(len(handlers), 15)
		for path in handlers:
			self.assertTrue(callable(frappe.get_attr(path)), path)
		doctypes = {row["doctype"] for row in named["user_data_fields"]} | set(named["doc_events"])
		for name in ("has_permission", "permission_query_conditions", "default_log_clearing_doctypes"):
			doctypes |= set(named[name])
		doctypes -= {
			"Company",
			"Payment Entry",
			"Payment Request",
			"Tag Link",
		}  # the last is of Frappe's Desk
		for doctype in doctypes | set(named["doctype_js"]) | set(named["doctype_list_js"]):
			self.assertIn(frappe.get_meta(doctype).module, ("AI Billing", "Core", "Integrations"), doctype)

	def test_the_app_requires_no_other_app(self):
		"""R26."""
		self.assertFalse(getattr(hooks, "required_apps", []))
		for path in files():
			for found in imports_of(path):
				self.assertNotIn(found.module.split(".")[0], ("erpnext", "payments"), str(found))


def _handlers(value):
	if isinstance(value, dict):
		value = list(value.values())
	if isinstance(value, list | tuple):
		for item in value:
			yield from _handlers(item)
	elif isinstance(value, str) and value.startswith("oropendola_payments.") and value.count(".") > 2:
		yield value


class TestExportAndDeletion(TestCase):
	"""The export and the deletion of Frappe itself."""

	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		if not frappe.db.exists("DocType", REQUEST):
			raise unittest.SkipTest(f"This host has no {REQUEST}")
		cls.user = create_user(first_name=f"Zarina{frappe.generate_hash(length=6)}")
		cls.first_name = frappe.db.get_value("User", cls.user, "first_name")
		cls.journey = pay_as(cls.user)
		create.create_refund(cls.journey.invoice, 1, f"{cls.first_name} asked")

	def test_a_user_can_be_exported_and_then_deleted(self):
		"""R26."""
		from frappe.website.doctype.personal_data_download_request.personal_data_download_request import (
			get_user_data,
		)

		exported = frappe.parse_json(get_user_data(self.user))
		self.assertEqual([row["name"] for row in exported["AI Invoice"]], [self.journey.invoice])
		for doctype in (
			"AI Subscription",
			"AI API Key",
			"Payment Attempt",
			"Payment Capture",
			"Payment Refund",
			"Payment Event",
		):
			self.assertTrue(exported[doctype], doctype)

		request = self.forget()
		invoice = frappe.get_doc("AI Invoice", self.journey.invoice)
		self.assertEqual((invoice.user, invoice.status), (request.name, "Paid"))
		self.assertEqual(float(invoice.amount_paid), float(invoice.total_amount))
		self.assertTrue(self.journey.captures()[0].gateway_payment_id)
		self.assertEqual(places_that_name(self.user, self.first_name), [])
		self.assertIsNone(audit.verify(self.journey.invoice)["broken"])
		self.assertEqual(
			frappe.db.get_value("AI Subscription", self.journey.subscription, "status"), "Cancelled"
		)
		self.assertFalse(frappe.db.exists("AI API Key", {"user": request.name, "status": "Active"}))
		self.assertEqual(violated_invariants(self.journey), [])

	def forget(self):
		request = frappe.get_doc({"doctype": REQUEST, "email": self.user})
		request.send_verification_mail = lambda: None
		request.notify_user_after_deletion = lambda: None
		request.insert(ignore_permissions=True)
		request.db_set("status", "Pending Approval")
		with as_user("Administrator"):
			request.trigger_data_deletion()
		frappe.db.commit()
		return request.reload()
