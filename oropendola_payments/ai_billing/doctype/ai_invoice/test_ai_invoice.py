"""The invoice guards its states, its system fields and its money."""

import json
from decimal import Decimal
from typing import ClassVar

import frappe

from oropendola_payments.ai_billing import records
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.exceptions import ConcurrentChange, Conflict, InvalidTransition, NotAllowed
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import (
	create_coupon,
	create_invoice,
	create_user,
	payment_settings,
)
from oropendola_payments.tests.support.http import send
from oropendola_payments.tests.support.parts import create_instalment_plan
from oropendola_payments.tests.support.states import EveryPairOfStates, table
from oropendola_payments.tests.support.tax_documents import issued_document

MOVES = """
	Pending         -> Processing, Paid, Cancelled
	Processing      -> Paid, Partly Paid, Failed, Abandoned, Pending
	Failed          -> Pending, Processing, Paid, Cancelled
	Abandoned       -> Pending, Processing, Paid, Cancelled
	Partly Paid     -> Processing, Paid, Partly Refunded, Refunded, Closed
	Paid            -> Partly Refunded, Refunded
	Partly Refunded -> Refunded
	Cancelled       -> Paid
	Refunded
	Closed          -> Refunded
"""
# Fields that no user may write, with values that differ from those of a new invoice.
FORGED = {
	"amount_paid": 499,
	"amount_refunded": 1,
	"amount_credited": 1,
	"discount_amount": 1,
	"outstanding_amount": 0,
	"paid_date": "2026-01-01 00:00:00",
	"period_start": "2026-01-01",
	"period_end": "2030-01-01",
	"paused_days": 3,
	"expires_at": "2030-01-01 00:00:00",
	"payment_gateway": "PayU",
	"transaction_id": "made-up",
	"payment_gateway_response": "made up",
	"failure_reason": "made up",
	"retry_count": 2,
	"extra_retries": 1,
	"previous_plan": "starter",
	"retry_allowed_on": "2026-01-02 03:04:05",
	"last_retry_date": "2026-01-01 00:00:00",
	"processing_since": "2026-01-01 00:00:00",
	"fulfilled_on": "2026-01-01 00:00:00",
	"needs_review": 1,
	"review_reason": "made up",
	"event_count": 9,
	"tolerance_days": 9,
	"period_days": 365,
	"covered_days": 365,
	"last_event_hash": "0" * 64,
	"document_state": "Issued",
	"document_problem": "made up",
	"external_doctype": "User",
	"external_name": "Administrator",
	"requested_gateway": "payu",
	"return_path": "/made-up",
}


def invoice_values(user: str, **values) -> dict:
	return {
		"doctype": "AI Invoice",
		"user": user,
		"currency": "INR",
		"net_amount": 499,
		"purpose": "Other",
		**values,
	}


class TestInvoiceStates(EveryPairOfStates, TestCase):
	doctype = "AI Invoice"
	allowed = table(MOVES)
	moves: ClassVar = {
		"Pending": AIInvoice.mark_as_pending,
		"Processing": AIInvoice.mark_as_processing,
		"Paid": AIInvoice.mark_as_paid,
		"Partly Paid": lambda doc: doc.mark_as_partly_paid(Decimal(1)),
		"Failed": lambda doc: doc.mark_as_failed("The bank said no."),
		"Abandoned": lambda doc: doc.mark_as_abandoned("The customer left."),
		"Cancelled": AIInvoice.mark_as_cancelled,
		"Partly Refunded": lambda doc: doc.mark_as_partly_refunded(Decimal(1)),
		"Refunded": lambda doc: doc.mark_as_refunded(Decimal(499)),
		"Closed": lambda doc: doc.mark_as_closed("The rest is not owed."),
	}

	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.user = create_user()

	def new_record(self) -> str:
		return create_invoice(self.user).name

	def test_a_late_success_is_taken_after_failed_and_abandoned(self):
		"""R5, R21."""
		doc = create_invoice(self.user)
		for closed in ("Failed", "Abandoned", "Cancelled"):
			frappe.db.set_value("AI Invoice", doc.name, "status", closed)
			self.assertTrue(doc.reload().mark_as_paid())

	def test_a_status_change_writes_one_event_and_its_repetition_none(self):
		doc = create_invoice(self.user)
		doc.mark_as_processing()
		count = doc.event_count
		self.assertFalse(doc.mark_as_processing())
		self.assertEqual(doc.event_count, count)
		last = frappe.get_last_doc("Payment Event", {"invoice": doc.name, "sequence": count})
		self.assertEqual((last.from_status, last.to_status), ("Pending", "Processing"))

	def test_a_status_change_that_lost_a_race_leaves_no_event(self):
		doc = create_invoice(self.user)
		stale = frappe.get_doc("AI Invoice", doc.name)
		doc.mark_as_processing()
		with self.assertRaises(ConcurrentChange):
			stale.mark_as_cancelled()
		self.assertEqual(frappe.db.get_value("AI Invoice", doc.name, "status"), "Processing")
		self.assertEqual(frappe.db.count("Payment Event", {"invoice": doc.name}), doc.event_count)


class TestInvoiceRetries(TestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.user = create_user()

	def tearDown(self):
		frappe.db.rollback()

	def failed(self, **values):
		doc = create_invoice(self.user)
		frappe.db.set_value("AI Invoice", doc.name, {"status": "Failed", **values})
		return doc.reload()

	def test_a_retry_is_counted_and_reopens_the_invoice(self):
		"""R30."""
		doc = self.failed(failure_reason="The bank said no.")
		doc.increment_retry()
		self.assertEqual((doc.status, doc.retry_count, doc.failure_reason), ("Pending", 1, None))
		self.assertTrue(doc.last_retry_date)

	def test_the_fourth_retry_is_refused(self):
		doc = self.failed(retry_count=3)
		self.assertFalse(doc.can_retry())
		with self.assertRaisesRegex(Conflict, "too many payment attempts"):
			doc.increment_retry()

	def test_the_retry_limit_comes_from_the_settings(self):
		doc = self.failed(retry_count=3)
		with payment_settings(max_retries=4):
			self.assertEqual(doc.retries_remaining(), 1)
			doc.increment_retry()
		self.assertEqual(doc.retry_count, 4)

	def test_only_failed_and_abandoned_invoices_can_be_retried(self):
		doc = create_invoice(self.user)
		for status in table(MOVES):
			doc.status = status
			self.assertEqual(doc.can_retry(), status in ("Failed", "Abandoned"), status)
			if not doc.can_retry():
				with self.assertRaises(Conflict):
					doc.increment_retry()


def redemption_of(coupon: str, user: str):
	"""A released redemption: it counts for nothing."""
	redemption = records.new("AI Coupon Redemption")
	redemption.update(
		{"coupon": coupon, "user": user, "invoice": create_invoice(user).name, "status": "Reserved"}
	)
	redemption.add()
	redemption._move_to("Released")
	frappe.db.commit()
	return redemption


class TestForgedInvoices(TestCase):
	"""S22: no user can write the status Paid, Administrator included."""

	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.user = create_user()
		cls.links = {"coupon": create_coupon().name, "instalment_plan": create_instalment_plan()}
		cls.links["tax_document"] = issued_document()
		cls.links["coupon_redemption"] = redemption_of(cls.links["coupon"], cls.user).name
		cls.forged = {**FORGED, **cls.links}

	def unchanged(self, doc):
		fields = ["status", *self.forged]
		now = frappe.db.get_value("AI Invoice", doc.name, fields, as_dict=True)
		for field in fields:
			self.assertEqual(now[field] or None, doc.get(field) or None, field)

	def test_every_other_status_is_refused_from_a_form(self):
		doc = create_invoice(self.user)
		before = frappe.get_doc("AI Invoice", doc.name)
		for status in set(table(MOVES)) - {"Pending"}:
			doc.reload().status = status
			with self.assertRaisesRegex(InvalidTransition, "cannot be set to"):
				doc.save()
		self.unchanged(before)

	def test_an_allowed_transition_is_refused_from_a_form_as_well(self):
		doc = create_invoice(self.user)
		doc.status = "Paid"
		with self.assertRaises(InvalidTransition):
			doc.save(ignore_permissions=True)

	def test_every_system_field_is_refused_from_a_form(self):
		doc = create_invoice(self.user)
		before = frappe.get_doc("AI Invoice", doc.name)
		for field, value in self.forged.items():
			doc.reload().set(field, value)
			with self.subTest(field=field), self.assertRaisesRegex(NotAllowed, "set by the system"):
				doc.save(ignore_permissions=True)
		self.unchanged(before)

	def test_the_forged_values_cover_every_system_field(self):
		self.assertEqual({*self.forged, "total_amount"}, set(AIInvoice.system_fields))

	def test_amounts_cannot_be_changed_after_the_invoice_was_made(self):
		doc = create_invoice(self.user)
		changes = {
			"net_amount": 1,
			"total_amount": 1,
			"tax_amount": 1,
			"currency": "USD",
			"user": create_user(),
		}
		for field, value in changes.items():
			doc.reload().set(field, value)
			with self.subTest(field=field), self.assertRaises(frappe.ValidationError):
				doc.save(ignore_permissions=True)

	def test_a_new_invoice_starts_pending_and_unpaid_whatever_was_typed(self):
		with self.assertRaisesRegex(InvalidTransition, "starts as Pending"):
			frappe.get_doc(invoice_values(self.user, status="Paid")).insert()
		doc = frappe.get_doc(invoice_values(self.user, **self.forged)).insert()
		self.assertEqual((doc.amount_paid, doc.amount_refunded, doc.outstanding_amount), (0, 0, 499))
		self.assertFalse(doc.fulfilled_on or doc.paid_date or doc.needs_review or doc.retry_count)
		self.assertEqual(doc.event_count, 1)

	def test_system_fields_of_a_new_invoice_cannot_be_typed(self):
		own = {"event_count", "last_event_hash", "total_amount", "outstanding_amount"}  # written at once
		meta = frappe.get_meta("AI Invoice")
		numbers = ("Currency", "Int", "Check", "Float")
		forged = {
			name: 7 if meta.get_field(name).fieldtype in numbers else "2020-01-01"
			for name in set(AIInvoice.system_fields) - own
		}
		forged.update(self.links)
		doc = frappe.get_doc(invoice_values(self.user, **forged)).insert()
		self.assertEqual({name: doc.get(name) for name in forged if doc.get(name)}, {})

	def test_a_manager_cannot_set_the_status_by_rest(self):
		manager, doc = create_user("Payments Manager"), create_invoice(self.user)
		before = frappe.get_doc("AI Invoice", doc.name)
		forged = {"status": "Paid", "amount_paid": 499}
		answer = send("PUT", f"/api/resource/AI Invoice/{doc.name}", manager, json=forged)
		self.assertEqual((answer.status_code, answer.json["exc_type"]), (409, "InvalidTransition"))
		one_field = {"doctype": "AI Invoice", "name": doc.name, "fieldname": "status", "value": "Paid"}
		answer = send("POST", "/api/method/frappe.client.set_value", manager, data=one_field)
		self.assertEqual(answer.status_code, 409)
		answer = send(
			"POST", "/api/resource/AI Invoice", manager, json=invoice_values(doc.user, status="Paid")
		)
		self.assertEqual(answer.status_code, 409)
		self.unchanged(before)

	def test_a_manager_cannot_insert_a_paid_invoice_with_the_client_api(self):
		manager, user = create_user("Payments Manager"), create_user()
		forged = {"doc": json.dumps(invoice_values(user, status="Paid"))}
		answer = send("POST", "/api/method/frappe.client.insert", manager, data=forged)
		self.assertEqual(answer.status_code, 409)
		self.assertFalse(frappe.db.exists("AI Invoice", {"user": user}))

	def test_an_invoice_cannot_be_deleted(self):
		"""R22."""
		doc = create_invoice(self.user)
		with self.assertRaisesRegex(NotAllowed, "kept as evidence"):
			frappe.delete_doc("AI Invoice", doc.name, ignore_permissions=True, force=True)
		self.assertTrue(frappe.db.exists("AI Invoice", doc.name))

	def test_a_note_on_the_invoice_may_be_edited(self):
		doc = create_invoice(self.user)
		doc.description = "Starter, as agreed by phone"
		doc.save()
		self.assertEqual(frappe.db.get_value("AI Invoice", doc.name, "description"), doc.description)


class TestInvoiceAmounts(TestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.user = create_user()

	def insert(self, **values):
		return frappe.get_doc(invoice_values(self.user, **values)).insert()

	def test_the_total_is_net_plus_tax(self):
		doc = self.insert(net_amount=100, tax_amount=18)
		self.assertEqual((doc.total(), doc.outstanding()), (Decimal("118.00"), Decimal("118.00")))

	def test_tax_is_computed_exactly_and_rounded_to_the_currency(self):
		"""R17."""
		self.assertEqual(self.insert(net_amount="8.35", tax_rate=18).total(), Decimal("9.85"))
		self.assertEqual(self.insert(net_amount=333, tax_rate=10, currency="JPY").total(), Decimal(366))
		self.assertEqual(
			self.insert(net_amount="1.005", tax_rate=10, currency="KWD").total(), Decimal("1.106")
		)

	def test_more_decimals_than_the_currency_has_are_refused(self):
		for currency, amount in (("INR", "1.005"), ("JPY", "1.5"), ("KWD", "1.0005")):
			with (
				self.subTest(currency=currency),
				self.assertRaisesRegex(frappe.ValidationError, "too many decimal places"),
			):
				self.insert(net_amount=amount, currency=currency)

	def test_negative_amounts_are_refused(self):
		for values in ({"net_amount": -1}, {"net_amount": 1, "tax_amount": -1}):
			with self.assertRaisesRegex(frappe.ValidationError, "cannot be negative"):
				self.insert(**values)

	def test_review_reasons_are_kept_without_repetition(self):
		doc = create_invoice(self.user)
		for reason in ("The amount differs.", "The bank called.", "The amount differs."):
			doc.flag_for_review(reason)
		self.assertEqual(doc.review_reason, "The amount differs.\nThe bank called.")
		self.assertEqual(frappe.db.count("Payment Event", {"invoice": doc.name, "event": "review_needed"}), 2)
