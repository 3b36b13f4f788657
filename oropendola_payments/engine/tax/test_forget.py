"""A buyer whose user is deleted: what goes, and what tax law keeps."""

import frappe

from oropendola_payments.ai_billing.doctype.payment_event.payment_event import REDACTED
from oropendola_payments.engine import privacy
from oropendola_payments.engine.settlement import manual_payment
from oropendola_payments.engine.tax import profile
from oropendola_payments.engine.tax.forget import before_user_renamed
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import create_invoice, create_user, unique
from oropendola_payments.tests.support.tax import MAHARASHTRA, create_buyer, registered_seller

DETAILS = {"legal_name": "Zubaida Example", "city": "Pune", "tax_id": MAHARASHTRA, "po_reference": "PO 7"}


def buyer_of(invoice: str) -> dict | None:
	text = frappe.db.get_value("AI Invoice", invoice, "buyer_snapshot")
	return frappe.parse_json(text) if text else None


class TestForgottenBuyer(TestCase):
	def buy(self) -> tuple[str, str]:
		"""One paid and one unpaid invoice of a company."""
		self.user = create_buyer("IN", **DETAILS)
		paid, unpaid = create_invoice(self.user), create_invoice(self.user)
		manual_payment.record_payment(paid.name, paid.total(), unique("transfer"), None, None)
		return paid.name, unpaid.name

	def forget(self):
		privacy.forget(self.user)
		frappe.db.commit()

	def test_the_profile_is_redacted(self):
		"""S37."""
		self.buy()
		self.forget()
		kept = profile.get(self.user)
		self.assertEqual({kept[field] for field in DETAILS}, {REDACTED})

	def test_a_registered_seller_keeps_the_buyer_of_what_was_paid_and_of_nothing_else(self):
		with registered_seller():
			paid, unpaid = self.buy()
			self.forget()
		self.assertEqual((buyer_of(paid)["name"], buyer_of(paid)["tax_id"]), ("Zubaida Example", MAHARASHTRA))
		self.assertEqual(buyer_of(paid)["email"], "")
		self.assertIsNone(buyer_of(unpaid))

	def test_an_unregistered_seller_keeps_no_buyer(self):
		paid, unpaid = self.buy()
		self.forget()
		self.assertEqual((buyer_of(paid), buyer_of(unpaid)), (None, None))

	def test_of_two_users_who_are_merged_one_profile_stays(self):
		old, new = create_buyer("IN", **DETAILS), create_buyer("US")
		alone = create_user()
		for target, left in ((alone, 1), (new, 0)):
			before_user_renamed(frappe.get_doc("User", old), "before_rename", old, target, True)
			self.assertEqual(frappe.db.count("AI Billing Profile", {"user": old}), left)
