"""Issuing: one document for a paid invoice, with the next number, whatever fails in between."""

import frappe
from frappe.utils import add_days, nowdate

from oropendola_payments.ai_billing.current import forget
from oropendola_payments.ai_billing.doctype.payment_event.payment_event import acting_as
from oropendola_payments.engine.documents import content
from oropendola_payments.engine.documents.credit_notes import issue_for_refund
from oropendola_payments.engine.documents.issue import issue_for_invoice
from oropendola_payments.engine.documents.sweep import issue_all
from oropendola_payments.engine.ending import now
from oropendola_payments.engine.monitoring import audit
from oropendola_payments.tests.flows.test_statement_budgets import counted_statements
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.crashes import count_crash_points, crashing
from oropendola_payments.tests.support.factories import create_active_subscription, payment_settings
from oropendola_payments.tests.support.journey import Journey
from oropendola_payments.tests.support.live import going_live
from oropendola_payments.tests.support.parallel import in_parallel
from oropendola_payments.tests.support.tax import LADAKH, LUT, MAHARASHTRA, profile
from oropendola_payments.tests.support.tax_documents import (
	DocumentCase,
	customer_in,
	documents_of,
	exchange_rate,
	paid_invoice,
	pay,
	refund,
	selling,
	sold_invoice,
)

CONTROL = ("commit", "start", "rollback", "begin", "savepoint", "release")


class IssueCase(DocumentCase):
	def issued(self, user: str | None = None, **values):
		return frappe.get_doc("AI Tax Document", issue_for_invoice(paid_invoice(user, **values).name))

	def state(self, invoice: str) -> tuple:
		return frappe.db.get_value("AI Invoice", invoice, ["document_state", "tax_document"])

	def problem(self, invoice) -> str:
		issue_for_invoice(invoice.name)
		state, problem = frappe.db.get_value(
			"AI Invoice", invoice.name, ["document_state", "document_problem"]
		)
		self.assertEqual(state, "Held")
		return problem


def lines(document) -> list[tuple[str, str]]:
	return [(tax["label"], tax["amount"]) for tax in document.facts()["taxes"]]


class TestPlayMoney(IssueCase):
	def tried_out(self) -> str:
		"""An invoice that was paid with a test card."""
		invoice = paid_invoice().name
		frappe.db.set_value("Payment Attempt", {"invoice": invoice}, "mode", "Test")
		frappe.db.commit()
		return invoice

	def test_what_was_paid_with_a_test_card_beside_a_live_gateway_gets_no_number(self):
		"""It would be declared to the tax office, and a number cannot be taken back."""
		real, tried_out = paid_invoice().name, self.tried_out()
		with going_live():
			self.assertIsNone(issue_for_invoice(tried_out))
			self.assertTrue(issue_for_invoice(real))
		self.assertEqual(self.state(tried_out), ("Not Needed", None))

	def test_before_a_gateway_is_live_documents_can_be_tried_out(self):
		self.assertTrue(issue_for_invoice(self.tried_out()))


class TestIssue(IssueCase):
	def test_a_paid_invoice_gets_one_document_however_often_it_is_asked_for(self):
		document = self.issued()
		self.assertEqual(issue_for_invoice(document.invoice), document.name)
		self.assertEqual([row.name for row in documents_of(document.invoice)], [document.name])
		self.assertEqual(self.state(document.invoice), ("Issued", document.name))

	def test_its_lines_add_up_to_its_totals(self):
		document = self.issued()
		self.assertEqual(
			(document.net_amount, document.tax_amount, document.total_amount), (499, 89.82, 588.82)
		)
		self.assertEqual([line.amount for line in document.lines], [499, 44.91, 44.91])

	def test_a_buyer_in_the_same_state_gets_two_halves(self):
		document = self.issued()
		self.assertEqual(lines(document), [("CGST", "44.91"), ("SGST", "44.91")])
		self.assertEqual((document.place_of_supply, document.treatment), ("29-Karnataka", "B2C"))

	def test_a_registered_buyer_elsewhere_gets_igst_and_its_number_is_on_the_document(self):
		facts = self.issued(customer_in("Maharashtra", tax_id=MAHARASHTRA)).facts()
		self.assertEqual((facts["title"], facts["place_of_supply"]), ("Tax Invoice", "27-Maharashtra"))
		self.assertEqual(
			(facts["seller"]["tax_id"], facts["buyer"]["tax_id"]), ("29AABCU9603R1ZJ", "27AAPFU0939F1ZV")
		)
		self.assertEqual(
			[(tax["label"], tax["rate"], tax["amount"]) for tax in facts["taxes"]], [("IGST", "18", "89.82")]
		)
		self.assertEqual(
			(facts["lines"][0]["code"], facts["paid"]["with"]), ("998315", "Bank transfer or cash")
		)

	def test_totals_may_differ_by_one_paisa_between_states(self):
		totals = [
			self.issued(customer_in(state), price="50.50").total_amount for state in ("Karnataka", "Kerala")
		]
		self.assertEqual(totals, [59.60, 59.59])

	def test_a_buyer_in_ladakh_pays_igst(self):
		document = self.issued(customer_in("Ladakh", tax_id=LADAKH))
		self.assertEqual((lines(document), document.place_of_supply), ([("IGST", "89.82")], "38-Ladakh"))

	def test_tax_is_cut_out_of_a_price_that_includes_it(self):
		with payment_settings(prices_include_tax=1):
			for price, state, expected in (
				("499.00", "Karnataka", ("422.88", [("CGST", "38.06"), ("SGST", "38.06")])),
				("499.00", "Kerala", ("422.88", [("IGST", "76.12")])),
				("100.00", "Karnataka", ("84.74", [("CGST", "7.63"), ("SGST", "7.63")])),
				("100.00", "Kerala", ("84.75", [("IGST", "15.25")])),
			):
				with self.subTest(f"{price} in {state}"):
					document = self.issued(customer_in(state), price=price)
					self.assertEqual((document.facts()["net"], lines(document)), expected)

	def test_many_callers_at_once_issue_one_document(self):
		invoice = paid_invoice().name
		results = in_parallel(8, lambda number: issue_for_invoice(invoice))
		self.assertEqual({type(result) for result in results}, {str})
		self.assertEqual(len(set(results)), 1)
		self.assertEqual(len(documents_of(invoice)), 1)

	def test_fifty_payments_at_once_get_consecutive_numbers_and_dates_that_never_fall(self):
		"""R40."""
		user = customer_in()
		invoices = [paid_invoice(user).name for _number in range(50)]
		results = in_parallel(50, lambda number: issue_for_invoice(invoices[number]))
		self.assertEqual([result for result in results if not isinstance(result, str)], [])
		self.assertEqual(sorted(int(number[-6:]) for number in results), [*range(1, 51)])
		rows = frappe.get_all(
			"AI Tax Document", {"name": ("in", results)}, ["issue_date"], order_by="number_in_series"
		)
		self.assertEqual([row.issue_date for row in rows], sorted(row.issue_date for row in rows))


class TestBudgets(IssueCase):
	def cost(self, work) -> list[str]:
		with counted_statements() as seen:
			work()
		return [statement for statement in seen if not statement.lower().startswith(CONTROL)]

	def test_issuing_takes_at_most_ten_statements_and_locks_the_series_first(self):
		self.issued()  # fills the caches
		invoice = paid_invoice().name
		cost = self.cost(lambda: issue_for_invoice(invoice))
		self.assertLessEqual(len(cost), 10, "\n".join(cost))
		self.assertIn("FOR UPDATE", cost[1])
		self.assertIn("Series", cost[1])

	def test_a_credit_note_takes_at_most_ten_statements(self):
		first, second = (refund(self.issued().invoice, 100) for _round in range(2))
		issue_for_refund(first)
		cost = self.cost(lambda: issue_for_refund(second))
		self.assertLessEqual(len(cost), 10, "\n".join(cost))


class TestCrashes(IssueCase):
	def test_a_crash_after_any_statement_leaves_no_gap_and_no_second_document(self):
		"""R40: what was not committed gives its number back."""
		user = customer_in()
		self.issued(user)
		rehearsal = paid_invoice(user).name
		points = count_crash_points(lambda: issue_for_invoice(rehearsal))
		self.assertGreater(points, 6)
		for point in range(1, points + 1):
			invoice = paid_invoice(user).name
			with crashing(at=point):
				issue_for_invoice(invoice)
			issue_all(invoice)
			self.assertEqual(len(documents_of(invoice)), 1, f"point {point} of {points}")
		numbers = frappe.get_all(
			"AI Tax Document", {"registration": self.registration}, pluck="number_in_series"
		)
		self.assertEqual(sorted(numbers), [*range(1, points + 3)])


class TestHeld(IssueCase):
	def test_a_missing_state_holds_the_document_and_not_the_service(self):
		invoice = paid_invoice(customer_in(""))
		self.assertIn("billing profile of the customer is not complete: state", self.problem(invoice))
		self.assertEqual(frappe.db.get_value("AI Subscription", invoice.subscription, "status"), "Active")

	def test_it_is_issued_with_the_tax_cut_out_once_the_state_is_there(self):
		invoice = paid_invoice(customer_in(""))
		self.problem(invoice)
		profile.save(invoice.user, {"country": "IN", "state": "Kerala"})
		frappe.db.commit()
		self.assertEqual(issue_all(invoice.name), [self.state(invoice.name)[1]])
		document = documents_of(invoice.name)[0]
		self.assertEqual((document.facts()["net"], lines(document)), ("422.88", [("IGST", "76.12")]))
		self.assertEqual(document.total_amount, 499, "what was paid stays what was paid")
		self.assertFalse(frappe.db.get_value("AI Invoice", invoice.name, "document_problem"))

	def test_a_sale_without_a_rule_is_held(self):
		frappe.db.delete("AI Tax Rule")
		frappe.db.commit()
		with selling():
			frappe.db.set_value("AI Tax Rule", {"enabled": 1}, "enabled", 0)
			frappe.db.commit()
			self.assertIn("No tax rule fits", self.problem(paid_invoice(customer_in("", "US"))))

	def test_held_invoices_use_no_number(self):
		self.problem(paid_invoice(customer_in("")))
		self.assertTrue(self.issued().name.endswith("000001"))

	def test_taxes_that_do_not_add_up_are_named(self):
		invoice = sold_invoice()
		frappe.db.set_value("AI Invoice Tax", {"parent": invoice.name, "label": "CGST"}, "amount", 44.90)
		frappe.db.commit()
		pay(invoice)
		self.assertIn("do not add up", self.problem(invoice))
		frappe.db.set_value("AI Invoice Tax", {"parent": invoice.name, "label": "CGST"}, "amount", 44.91)
		frappe.db.commit()

	def test_the_same_problem_is_recorded_once(self):
		invoice = paid_invoice(customer_in(""))
		for _round in range(3):
			self.problem(invoice)
		events = frappe.get_all("Payment Event", {"invoice": invoice.name, "event": "tax_document_held"})
		self.assertEqual(len(events), 1)


class TestSellerWithoutCode(IssueCase):
	registrations = ({"service_code": ""},)

	def test_a_missing_service_code_is_named(self):
		self.assertIn("HSN or SAC", self.problem(paid_invoice()))


class TestExports(IssueCase):
	registrations = (LUT,)

	def setUp(self):
		super().setUp()
		frappe.db.delete("AI Exchange Rate")

	def export(self):
		return paid_invoice(customer_in("", "US"), price="49.00", currency="USD")

	def test_an_export_waits_for_an_exchange_rate_and_has_its_value_in_rupees(self):
		invoice = self.export()
		self.assertIn("exchange rate from USD to INR", self.problem(invoice))
		exchange_rate("88.1234")
		document = frappe.get_doc("AI Tax Document", issue_for_invoice(invoice.name))
		self.assertEqual((document.title, document.place_of_supply), ("Export Invoice", "96-Other Countries"))
		self.assertEqual((document.tax_amount, document.home_total), (0, 4318.05))
		self.assertIn("WITHOUT PAYMENT OF INTEGRATED TAX", document.facts()["notes"][0])
		self.assertIn("AD290326000123X", document.facts()["notes"][0])

	def test_an_export_whose_letter_of_undertaking_ended_before_the_issue_carries_igst(self):
		invoice = self.export()
		frappe.db.set_value(
			"AI Invoice",
			invoice.name,
			"seller_snapshot",
			invoice.seller_snapshot.replace("2099", "2026").replace(
				'"2026-03-31"', f'"{add_days(nowdate(), -1)}"'
			),
		)
		frappe.db.set_value("AI Tax Registration", self.registration, "lut_to", add_days(nowdate(), -1))
		forget("AI Tax Registration")
		frappe.db.commit()
		exchange_rate("88.1234")
		document = frappe.get_doc("AI Tax Document", issue_for_invoice(invoice.name))
		self.assertEqual((document.total_amount, document.treatment), (49, "EXPWP"))
		self.assertEqual(lines(document), [("IGST", "7.47")])


class TestNewRate(IssueCase):
	"""Paid by a rule that ended before the document was issued, and another one began."""

	def setUp(self):
		super().setUp()
		self.invoice = paid_invoice(customer_in("Kerala"))
		self.change_rate(add_days(self.invoice.paid_date, -1))

	def change_rate(self, last_day):
		rule = frappe.get_doc("AI Tax Rule", "India: other state, B2C")
		asked = ("seller_country", "seller_scheme", "buyer_country", "buyer_registered", "same_state")
		same = {name: rule.get(name) for name in (*asked, "priority", "treatment")}
		new = {"title": "India: other state, B2C, new", "valid_from": add_days(last_day, 1)}
		lines = [{"label": "IGST", "rate": 12}]
		frappe.get_doc({"doctype": "AI Tax Rule", "enabled": 1, **same, **new, "lines": lines}).insert()
		rule.valid_to = last_day
		rule.save()
		frappe.db.commit()

	def test_a_rate_that_ended_before_the_issue_is_cut_anew_out_of_what_was_paid(self):
		document = frappe.get_doc("AI Tax Document", issue_for_invoice(self.invoice.name))
		self.assertEqual((document.total_amount, lines(document)), (588.82, [("IGST", "63.09")]))

	def test_the_buyer_stays_the_one_who_paid(self):
		profile.save(self.invoice.user, {"state": "Karnataka", "legal_name": "Another Name"})
		document = frappe.get_doc("AI Tax Document", issue_for_invoice(self.invoice.name))
		self.assertEqual((document.place_of_supply, lines(document)), ("32-Kerala", [("IGST", "63.09")]))
		self.assertNotEqual(document.buyer_name, "Another Name")


class TestNotNeeded(IssueCase):
	def test_an_unpaid_invoice_has_none(self):
		invoice = sold_invoice()
		self.assertIsNone(issue_for_invoice(invoice.name))
		self.assertEqual(self.state(invoice.name)[0] or "", "")

	def test_money_for_a_cancelled_invoice_that_goes_back_is_no_sale(self):
		journey = Journey("payu", user=customer_in())
		attempt = journey.start()
		now.end(journey.subscription)
		with payment_settings(double_payment_policy="Refund"):
			journey.deliver_return(journey.customer_pays(attempt))
		self.assertEqual(journey.status(), "Paid")
		self.assertEqual(issue_all(journey.invoice), [])
		self.assertEqual((self.state(journey.invoice)[0], documents_of(journey.invoice)), ("Not Needed", []))


class TestUnregisteredSeller(TestCase):
	def test_a_seller_without_registration_issues_none(self):
		invoice = create_active_subscription().current_invoice
		self.assertIsNone(issue_for_invoice(invoice))
		self.assertEqual(frappe.db.get_value("AI Invoice", invoice, "document_state"), "Not Needed")

	def test_an_invoice_from_before_the_registration_gets_a_document_with_the_tax_cut_out(self):
		user = customer_in()
		invoice = create_active_subscription(user).current_invoice
		with selling():
			document = frappe.get_doc("AI Tax Document", issue_for_invoice(invoice))
		self.assertEqual((document.total_amount, document.tax_amount), (499, 76.12))


class TestAuditTrail(IssueCase):
	def test_the_hash_of_the_content_is_in_the_audit_trail(self):
		with acting_as("Sweep"):
			document = self.issued()
		event = frappe.get_last_doc(
			"Payment Event", {"invoice": document.invoice, "event": "tax_invoice_issued"}
		)
		self.assertEqual(frappe.parse_json(event.details)["content_hash"], document.content_hash)
		self.assertEqual(content.hash_of(document.content), document.content_hash)
		self.assertIsNone(audit.verify(document.invoice)["broken"])

	def test_a_changed_document_is_found(self):
		"""S58."""
		document = self.issued()
		for column, value, reason in (
			("content", document.content.replace("588.82", "588.83"), "content was changed"),
			("content_hash", "0" * 64, "content was changed"),
			("total_amount", 1, "columns do not say"),
			("buyer_name", "X", None),
		):
			frappe.db.set_value("AI Tax Document", document.name, column, value)
			broken = audit.verify(document.invoice)["broken"]
			if reason:
				self.assertIn(reason, broken["reason"])
				self.assertEqual(broken["link"], document.name)
			frappe.db.rollback()

	def test_a_changed_line_is_found(self):
		"""S58."""
		document = self.issued()
		frappe.db.set_value("AI Tax Document Line", document.lines[0].name, "amount", 1)
		self.assertIn("lines do not say", audit.verify(document.invoice)["broken"]["reason"])
		frappe.db.rollback()

	def test_the_same_content_has_the_same_hash(self):
		facts = self.issued().facts()
		self.assertEqual(content.canonical(dict(reversed(facts.items()))), content.canonical(facts))
