"""From the profile to the paid invoice: what is asked, when the tax may still change, and what stays for good."""

from decimal import Decimal

import frappe

from oropendola_payments.ai_billing.current import forget
from oropendola_payments.engine.monitoring import invariants
from oropendola_payments.engine.settlement import manual_payment
from oropendola_payments.engine.subscriptions import lifecycle
from oropendola_payments.engine.tax import profile, reprice
from oropendola_payments.engine.tax.test_quote import TaxTestCase
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import (
	create_invoice,
	create_plan,
	create_user,
	payment_settings,
	unique,
)
from oropendola_payments.tests.support.journey import Journey
from oropendola_payments.tests.support.parallel import in_parallel
from oropendola_payments.tests.support.tax import MAHARASHTRA, create_buyer, lines_of, registered_seller

HALVES = [("CGST", Decimal("44.91")), ("SGST", Decimal("44.91"))]
WHOLE = [("IGST", Decimal("89.82"))]
RULES = ("total_differs_from_net_and_tax", "tax_lines_differ", "paid_amount_differs_from_captures")


def kept(invoice: str, party: str = "buyer") -> dict:
	return frappe.parse_json(frappe.db.get_value("AI Invoice", invoice, f"{party}_snapshot"))


def total(invoice: str) -> Decimal:
	return frappe.get_doc("AI Invoice", invoice).total()


class RepriceCase(TaxTestCase):
	def setUp(self):
		super().setUp()
		self.before = invariants.check(RULES)  # other tests forge amounts

	def tearDown(self):
		self.assertEqual(invariants.check(RULES), self.before)

	def journey(self, user: str, **plan) -> Journey:
		return Journey("razorpay", user=user, **plan)

	def pay(self, journey: Journey) -> None:
		journey.deliver_return(journey.customer_pays(journey.start()))
		self.assertEqual(journey.status(), "Paid")


class TestAsking(RepriceCase):
	def test_a_payment_is_not_opened_before_the_tax_is_known(self):
		journey = self.journey(create_user())
		answer = journey.initiate()
		self.assertEqual(
			(answer["error_code"], list(answer["missing"])), ("billing_profile_missing", ["country"])
		)
		profile.save(journey.user, {"country": "IN"})
		self.assertEqual(list(journey.initiate()["missing"]), ["state"])
		self.assertEqual((journey.attempts(), journey.doc().retry_count), ([], 0))
		profile.save(journey.user, {"state": "Karnataka"})
		self.pay(journey)
		self.assertEqual((total(journey.invoice), lines_of(journey.invoice)), (Decimal("588.82"), HALVES))

	def test_country_and_state_are_all_that_a_private_buyer_is_asked_for(self):
		journey = self.journey(create_buyer("IN", state="Goa"))
		self.pay(journey)
		self.assertEqual(lines_of(journey.invoice), WHOLE)

	def test_nothing_is_asked_about_an_invoice_that_costs_nothing(self):
		journey = self.journey(create_user())
		frappe.db.set_value(
			"AI Invoice", journey.invoice, {"net_amount": 0, "total_amount": 0, "outstanding_amount": 0}
		)
		frappe.db.commit()
		self.assertTrue(journey.initiate()["success"])
		self.assertEqual(journey.status(), "Paid")

	def test_a_bank_transfer_that_arrived_is_recorded_although_the_tax_is_not_known(self):
		invoice = create_invoice(create_user())
		manual_payment.record_payment(invoice.name, invoice.total(), unique("transfer"), None, None)
		doc = frappe.get_doc("AI Invoice", invoice.name)
		self.assertEqual((doc.status, doc.tax_treatment), ("Paid", "Incomplete"))


class TestChangedProfile(RepriceCase):
	def test_an_unpaid_invoice_follows_at_once_and_says_so(self):
		user = create_buyer("IN", state="Karnataka")
		invoice = create_invoice(user).name
		self.assertEqual(lines_of(invoice), HALVES)
		profile.save(user, {"state": "Maharashtra", "tax_id": MAHARASHTRA, "legal_name": "Example Pvt Ltd"})
		self.assertEqual((lines_of(invoice), kept(invoice)["tax_id"]), (WHOLE, MAHARASHTRA))
		doc = frappe.get_doc("AI Invoice", invoice)
		self.assertEqual((doc.tax_treatment, doc.place_of_supply), ("B2B", "27-Maharashtra"))
		self.assertEqual((doc.tax_label, doc.tax_rate, doc.outstanding()), ("IGST", 18, Decimal("588.82")))
		events = frappe.get_all("Payment Event", {"invoice": invoice}, pluck="event", order_by="sequence")
		self.assertEqual(events[-1], "tax_updated")

	def test_saving_the_same_profile_again_writes_nothing(self):
		user = create_buyer("IN", state="Karnataka")
		invoice = create_invoice(user).name
		before = frappe.db.get_value("AI Invoice", invoice, ["modified", "event_count"])
		profile.save(user, {"state": "KA"})
		self.assertEqual(frappe.db.get_value("AI Invoice", invoice, ["modified", "event_count"]), before)

	def test_between_opening_and_settling_the_invoice_keeps_what_it_was_opened_with(self):
		journey = self.journey(create_buyer("IN", state="Karnataka", legal_name="Asha Example"))
		attempt = journey.start()
		profile.save(journey.user, {"state": "Maharashtra", "tax_id": MAHARASHTRA, "legal_name": "Other"})
		self.assertEqual(lines_of(journey.invoice), HALVES)
		journey.deliver_return(journey.customer_pays(attempt))
		doc = journey.doc()
		self.assertEqual((doc.status, doc.needs_review, lines_of(doc.name)), ("Paid", 0, HALVES))
		self.assertEqual(kept(doc.name)["name"], "Asha Example")

	def test_a_payment_that_waits_for_a_code_keeps_its_amount_too(self):
		"""The invoice is still Pending then, and only the attempt says that somebody is paying."""
		journey = self.journey(create_buyer("IN", state="Karnataka"))
		journey.start()
		frappe.db.set_value("AI Invoice", journey.invoice, "status", "Pending")
		frappe.db.commit()
		profile.save(journey.user, {"state": "Goa"})
		self.assertEqual(lines_of(journey.invoice), HALVES)
		self.assertIsNone(reprice.preview(journey.doc()))

	def test_after_the_payment_was_cancelled_the_next_one_has_the_new_details(self):
		journey = self.journey(create_buyer("IN", state="Karnataka"))
		journey.cancel(journey.start())
		profile.save(journey.user, {"state": "Goa"})
		self.assertEqual(lines_of(journey.invoice), WHOLE)
		self.pay(journey)

	def test_a_paid_invoice_never_changes(self):
		journey = self.journey(create_buyer("IN", state="Karnataka"))
		self.pay(journey)
		before = journey.doc().as_dict()
		profile.save(journey.user, {"state": "Goa"})
		after = journey.doc().as_dict()
		for field in ("modified", "total_amount", "buyer_snapshot", "tax_treatment"):
			self.assertEqual(before[field], after[field], field)

	def test_a_rule_changed_since_counts_when_the_payment_is_opened(self):
		journey = self.journey(create_buyer("IN", state="Goa"))
		rule = frappe.get_doc("AI Tax Rule", "India: other state, B2C")
		rule.lines[0].rate = 12
		rule.save()
		frappe.db.commit()
		self.assertEqual(str(reprice.preview(journey.doc()).total), "558.88")
		journey.start()
		self.assertEqual(str(total(journey.invoice)), "558.88")

	def test_the_total_of_an_inclusive_price_stays(self):
		with payment_settings(prices_include_tax=1):
			user = create_user()
			invoice = create_invoice(user).name
			profile.save(user, {"country": "IN", "state": "Karnataka"})
		doc = frappe.get_doc("AI Invoice", invoice)
		self.assertEqual((doc.total(), doc.net_amount), (Decimal("499.00"), 422.88))
		self.assertEqual(lines_of(invoice), [("CGST", Decimal("38.06")), ("SGST", Decimal("38.06"))])

	def test_six_savings_at_once_leave_one_profile_and_true_sums(self):
		user = create_buyer("IN", state="Karnataka")
		invoice = create_invoice(user).name
		in_parallel(6, lambda number: profile.save(user, {"state": ("Goa", "Karnataka")[number % 2]}))
		reprice.open_invoices_of(user)
		self.assertEqual(frappe.db.count("AI Billing Profile", {"user": user}), 1)
		expected = HALVES if profile.get(user)["state"] == "Karnataka" else WHOLE
		self.assertEqual(lines_of(invoice), expected)

	def test_asking_for_an_invoice_again_gives_one_at_the_current_tax(self):
		user, plan = create_buyer("IN", state="Karnataka"), create_plan()
		first = lifecycle.subscribe(user, plan.name, None)["invoice_id"]
		self.assertEqual(lifecycle.subscribe(user, plan.name, None)["invoice_id"], first)
		frappe.db.set_value("AI Billing Profile", {"user": user}, "state", "Goa")
		frappe.db.commit()
		again = lifecycle.subscribe(user, plan.name, None)["invoice_id"]
		self.assertEqual(total(again), Decimal("588.82"))


class TestInvoiceByHand(RepriceCase):
	def insert(self, **values):
		user = create_buyer("IN", state="Karnataka")
		return frappe.get_doc(
			{"doctype": "AI Invoice", "user": user, "currency": "INR", "net_amount": 499, **values}
		).insert()

	def test_an_invoice_without_a_tax_gets_it_by_the_rules(self):
		doc = self.insert()
		self.assertEqual(
			(lines_of(doc.name), doc.total(), doc.tax_treatment), (HALVES, Decimal("588.82"), "B2C")
		)

	def test_a_tax_that_somebody_entered_stays(self):
		doc = self.insert(tax_label="GST", tax_rate=5)
		profile.save(doc.user, {"state": "Goa"})
		self.assertEqual(lines_of(doc.name), [("GST", Decimal("24.95"))])

	def test_lines_that_do_not_sum_are_refused(self):
		with self.assertRaisesRegex(frappe.ValidationError, "do not sum"):
			self.insert(tax_amount=10, taxes=[{"label": "VAT", "amount": 9}])

	def test_lines_cannot_be_edited_later(self):
		"""S56."""
		doc = self.insert().reload()
		for change in (lambda: doc.taxes[0].set("amount", 1), lambda: doc.set("buyer_snapshot", "{}")):
			doc.reload()
			change()
			with self.assertRaises(frappe.ValidationError):
				doc.save(ignore_permissions=True)


class TestUnregisteredSeller(TestCase):
	def test_nobody_is_asked_and_the_invoice_keeps_its_parties_and_its_rate(self):
		with (
			registered_seller(),
			payment_settings(tax_rate=18, tax_label="GST", prices_include_tax=0, seller_name="Nest"),
		):
			frappe.db.delete("AI Tax Registration")
			forget("AI Tax Registration")
			frappe.db.commit()
			journey = Journey("razorpay", user=create_user())
			profile.save(journey.user, {"legal_name": "Asha Example", "country": "IN"})
			with payment_settings(tax_rate=5):
				journey.deliver_return(journey.customer_pays(journey.start()))
			self.assertEqual(
				(journey.status(), lines_of(journey.invoice)), ("Paid", [("GST", Decimal("89.82"))])
			)
			self.assertEqual(kept(journey.invoice)["name"], "Asha Example")
			self.assertEqual(kept(journey.invoice, "seller")["name"], "Nest")
