"""What was sold and taken back gets a credit note when it becomes the customer's credit: once, whatever the credit does later."""

from decimal import Decimal

import frappe

from oropendola_payments.api import subscription as api
from oropendola_payments.engine.checkout import initiate
from oropendola_payments.engine.documents.credit_notes import issue_for_credit, issue_for_refund
from oropendola_payments.engine.documents.reissue import reissue
from oropendola_payments.engine.documents.sweep import issue_all
from oropendola_payments.engine.plan_changes import lapse
from oropendola_payments.engine.refunds import create, ledger
from oropendola_payments.engine.refunds.process import process_invoice
from oropendola_payments.engine.refunds.record import open_refund
from oropendola_payments.engine.settlement import settle
from oropendola_payments.engine.subscriptions import credit
from oropendola_payments.exceptions import Conflict
from oropendola_payments.gateways.base import Outcome, PaymentEvent, RefundEvent, RefundOutcome
from oropendola_payments.tests.support.crashes import count_crash_points, crashing
from oropendola_payments.tests.support.factories import (
	create_invoice,
	enable_gateway,
	payment_settings,
	unique,
)
from oropendola_payments.tests.support.jobs import jobs_start_at_once
from oropendola_payments.tests.support.paid import pay_again
from oropendola_payments.tests.support.parallel import in_parallel
from oropendola_payments.tests.support.plan_changes import PlanChangeCase, shift
from oropendola_payments.tests.support.simulated import simulator
from oropendola_payments.tests.support.tax import profile
from oropendola_payments.tests.support.tax_documents import customer_in, documents_of, exchange_rate, selling

NEW, HALF = Decimal("1178.82"), Decimal("589.41")
MONTH = {"price": 999, "billing_interval": "Month", "unused_on_cancel": "Credit"}


class CreditCase(PlanChangeCase):
	def setUp(self):
		super().setUp()
		self.enterContext(selling())
		profile.save(self.user, {"country": "IN", "state": "Karnataka"})
		frappe.db.commit()

	def sell(self, code: str = "P", days_left: int = 15, **values) -> str:
		"""A plan of 1,178.82 with half of its days left."""
		self.start(code, days_left=days_left, unused_on_cancel="Credit", **values)
		issue_all(self.invoice)
		return self.invoice

	def end(self):
		self.succeed(api.cancel_subscription, subscription_id=self.subscription, at_period_end=0)

	def refund(self, invoice: str, amount: str | None = None):
		create.create_refund(invoice, amount and Decimal(amount), "Asked for")

	def money_arrives(self, attempt: str, outcome: Outcome = Outcome.PAID, amount: Decimal | None = None):
		row = frappe.get_doc("Payment Attempt", attempt)
		amount = amount or row.amount
		event = PaymentEvent(
			outcome, reference=attempt, payment_id=unique("pay"), amount=amount, currency=row.currency
		)
		settle.settle_attempt(row, event)

	def money_goes_back(self, invoice: str, amount: Decimal | None = None):
		"""A gateway refunds this, or all that is left."""
		capture = frappe.get_doc("Payment Capture", {"invoice": invoice})
		amount = amount or capture.refundable()
		refund = open_refund(frappe.get_doc("AI Invoice", invoice), capture, amount, "A test")
		frappe.db.commit()
		ledger.record(refund.name, RefundEvent(RefundOutcome.REFUNDED))

	def spend(self, code: str = "S") -> str:
		"""Order another plan, which the credit pays as far as it goes."""
		plan = self.make_plan(code, unused_on_cancel="Credit")
		made = self.succeed(api.create_subscription_and_invoice, plan_id=plan.name)
		self.subscription = made["subscription_id"]
		return made["invoice_id"]

	def documents(self, invoice: str) -> list[tuple[str, Decimal]]:
		issue_all(invoice)
		return [(row.kind, Decimal(str(row.total_amount))) for row in documents_of(invoice)]

	def state(self, invoice: str) -> str:
		return frappe.db.get_value("AI Invoice", invoice, "document_state")

	def billed(self) -> Decimal:
		"""What all documents of the customer together say was sold."""
		invoices = frappe.get_all("AI Invoice", {"user": self.user}, pluck="name")
		rows = [row for invoice in invoices for row in self.documents(invoice)]
		return sum((amount if kind == "Invoice" else -amount for kind, amount in rows), Decimal(0))

	def kept(self) -> Decimal:
		"""The customer's money that we have and that is neither credit nor on its way back."""
		rows = frappe.get_all(
			"Payment Capture", {"user": self.user, "gateway": ("!=", "credit")}, ["amount", "amount_refunded"]
		)
		money = sum(
			(Decimal(str(row.amount)) - Decimal(str(row.amount_refunded)) for row in rows), Decimal(0)
		)
		return money - credit.available(self.user, "INR")

	def assert_books_are_right(self):
		self.assertEqual(self.billed(), self.kept())
		self.assert_sound()


class TestUnusedDays(CreditCase):
	def test_unused_days_that_are_kept_as_credit_get_a_credit_note(self):
		invoice = self.sell()
		self.end()
		self.assertEqual(self.documents(invoice), [("Invoice", NEW), ("Credit Note", HALF)])
		note = documents_of(invoice)[1]
		self.assertEqual(note.original, documents_of(invoice)[0].name)
		self.assertEqual([line.amount for line in note.lines], [499.49, 44.96, 44.96])
		self.assertIn("credit", note.reason)
		self.assertEqual(self.state(invoice), "Issued")
		self.assert_books_are_right()

	def test_documents_of_two_sales_paid_with_the_same_money_are_for_that_money(self):
		"""Paid 1,178.82, ended on the same day, and another plan paid with the credit."""
		invoice = self.sell(days_left=30)
		self.end()
		other = self.spend()
		self.assertEqual(frappe.db.get_value("AI Invoice", other, "status"), "Paid")
		self.assertEqual(self.documents(invoice), [("Invoice", NEW), ("Credit Note", NEW)])
		self.assertEqual(self.documents(other), [("Invoice", Decimal("588.82"))])
		self.assert_books_are_right()

	def test_nothing_is_noted_twice_however_often_it_is_asked_for(self):
		invoice = self.sell()
		self.end()
		for _round in range(3):
			issue_all(invoice)
		self.assertEqual(len(documents_of(invoice)), 2)

	def test_it_is_issued_at_once(self):
		invoice = self.sell()
		with jobs_start_at_once():
			self.end()
		self.assertEqual([row.kind for row in documents_of(invoice)], ["Invoice", "Credit Note"])

	def test_two_workers_at_once_issue_one_note(self):
		invoice = self.sell()
		self.end()
		in_parallel(4, lambda number: issue_all(invoice))
		self.assertEqual(len(documents_of(invoice)), 2)

	def test_a_crash_after_any_statement_leaves_one_note(self):
		def ended() -> str:
			invoice = self.sell()
			self.end()
			return invoice

		rehearsal = ended()
		for point in range(1, count_crash_points(lambda: issue_all(rehearsal)) + 1):
			invoice = ended()
			with crashing(at=point):
				issue_all(invoice)
			self.assertEqual(self.documents(invoice), [("Invoice", NEW), ("Credit Note", HALF)], point)

	def test_a_document_that_was_on_hold_is_issued_in_full_and_then_credited(self):
		self.user = customer_in("")
		invoice = self.sell()
		self.end()
		self.assertEqual((self.documents(invoice), self.state(invoice)), ([], "Held"))
		profile.save(self.user, {"country": "IN", "state": "Karnataka"})
		frappe.db.commit()
		documents = self.documents(invoice)
		self.assertEqual([kind for kind, _amount in documents], ["Invoice", "Credit Note"])
		self.assert_books_are_right()


class TestWhatTheCreditDoesLater(CreditCase):
	"""Half of 1,178.82 was kept as credit, and has its note."""

	def setUp(self):
		super().setUp()
		self.old = self.sell()
		self.end()
		issue_all(self.old)

	def notes(self) -> list[Decimal]:
		return [amount for kind, amount in self.documents(self.old) if kind == "Credit Note"]

	def test_its_refund_gets_no_second_note(self):
		self.refund(self.old, "300")
		self.assertEqual((self.notes(), self.state(self.old)), ([HALF], "Issued"))
		self.assertIsNone(issue_for_refund(frappe.db.get_value("Payment Refund", {"invoice": self.old})))
		self.refund(self.old, "289.41")
		self.assertEqual(self.notes(), [HALF])
		self.assert_books_are_right()

	def test_a_refund_of_more_than_the_credit_gets_a_note_for_the_difference(self):
		self.refund(self.old)
		self.assertEqual(self.notes(), [HALF, NEW - HALF])
		self.assertEqual(
			documents_of(self.old)[2].refund, frappe.db.get_value("Payment Refund", {"invoice": self.old})
		)
		self.assert_books_are_right()

	def test_what_it_pays_is_invoiced_and_its_way_back_is_credited_there(self):
		other = self.spend()
		self.assertEqual(self.documents(other), [("Invoice", Decimal("588.82"))])
		self.refund(other)
		self.assertEqual(self.documents(other)[1:], [("Credit Note", Decimal("588.82"))])
		self.assertEqual(self.notes(), [HALF])
		self.assert_books_are_right()

	def test_what_it_paid_can_end_early_too(self):
		other = self.spend()
		issue_all(other)
		self.set_period(other, -15, 15)
		self.end()
		process_invoice(other)
		self.assertEqual(
			self.documents(other), [("Invoice", Decimal("588.82")), ("Credit Note", Decimal("294.41"))]
		)
		self.assertEqual(self.notes(), [HALF])
		self.assert_books_are_right()

	def test_the_rest_of_the_sale_can_be_refunded_while_the_credit_is_spent(self):
		other = self.spend()
		self.refund(self.old)
		self.assertEqual(sum(self.notes()), NEW)
		self.assert_books_are_right()
		self.refund(other)
		self.assert_books_are_right()

	def test_what_a_failed_refund_leaves_as_credit_is_credited(self):
		other = self.spend()
		capture = frappe.get_doc("Payment Capture", {"invoice": self.old})
		invoice = frappe.get_doc("AI Invoice", self.old)
		refund = open_refund(invoice, capture, Decimal(400), "Goodwill")
		frappe.db.commit()
		self.refund(other)
		ledger.record(refund.name, RefundEvent(RefundOutcome.FAILED))
		self.assert_books_are_right()

	def test_a_dispute_takes_no_note_back(self):
		frappe.db.set_value("Payment Capture", {"invoice": self.old}, "dispute_state", "Open")
		frappe.db.commit()
		issue_all(self.old)
		self.assertEqual(self.notes(), [HALF])

	def test_only_the_rest_is_issued_again_with_corrected_details(self):
		profile.save(self.user, {"country": "IN", "state": "Kerala"})
		frappe.db.commit()
		reissue(self.old, "Moved")
		self.assertEqual(self.documents(self.old)[2:], [("Credit Note", NEW - HALF), ("Invoice", NEW - HALF)])
		self.refund(self.old)
		self.assertEqual(self.notes(), [HALF, NEW - HALF, NEW - HALF])
		self.assert_books_are_right()


class TestBeforeTheNote(CreditCase):
	def setUp(self):
		super().setUp()
		self.old = self.sell()
		self.end()

	def test_the_details_are_not_corrected(self):
		profile.save(self.user, {"country": "IN", "state": "Kerala"})
		frappe.db.commit()
		with self.assertRaises(Conflict):
			reissue(self.old, "Moved")

	def test_a_refund_of_a_part_of_the_credit_has_its_own_note_and_the_rest_another(self):
		self.refund(self.old, "300")
		self.assertEqual(
			[amount for _kind, amount in self.documents(self.old)], [NEW, Decimal(300), HALF - 300]
		)
		self.assert_books_are_right()

	def test_the_note_waits_for_that_of_a_refund_that_was_made_meanwhile(self):
		self.refund(self.old, "300")
		self.assertIsNone(issue_for_credit(self.old, known_refunds=[]))
		self.assertEqual(len(documents_of(self.old)), 1)

	def test_the_refund_of_a_double_payment_takes_nothing_of_the_note(self):
		pay_again(self.old, NEW)
		self.refund(self.old, NEW)
		second = frappe.db.get_value("Payment Refund", {"invoice": self.old})
		self.assertIsNone(issue_for_refund(second))
		self.assertEqual(self.documents(self.old)[1:], [("Credit Note", HALF)])


class TestPlanChanges(CreditCase):
	def setUp(self):
		super().setUp()
		enable_gateway("payu", api_base_url=f"{simulator().url}/payu")
		self.make_plan("P", unused_on_cancel="Credit")

	def paid_late(self) -> str:
		"""An upgrade for 15 days, paid when 10 were left: of 295.00, 98.33 were too much."""
		self.start("S")
		made = self.change("P")
		attempt = initiate.initiate(self.user, made["invoice_id"], "payu")["attempt"]
		self.money_arrives(attempt, Outcome.FAILED)
		shift(self.subscription, 5)
		self.lapse(made)
		lapse.lapse_due()
		self.money_arrives(attempt)
		return made["invoice_id"]

	def test_what_a_late_payment_was_too_much_gets_a_credit_note_when_it_is_kept_as_credit(self):
		invoice = self.paid_late()
		self.assertEqual(
			self.documents(invoice), [("Invoice", Decimal(295)), ("Credit Note", Decimal("98.33"))]
		)
		self.assert_books_are_right()

	def paid_too_much(self, policy: str) -> str:
		"""1,200.00 for 1,178.82, with half of the days left."""
		invoice = create_invoice(self.user, plan=self.plans["P"])
		attempt = initiate.initiate(self.user, invoice.name, "payu")["attempt"]
		with payment_settings(double_payment_policy=policy):
			self.money_arrives(attempt, amount=Decimal(1200))
		self.subscription = invoice.subscription
		self.set_period(invoice.name, -15, 15)
		return invoice.name

	def test_what_was_paid_too_much_and_is_not_decided_yet_takes_nothing_of_the_credit(self):
		invoice = self.paid_too_much("Flag")
		self.end()
		self.assertEqual(self.documents(invoice), [("Invoice", NEW), ("Credit Note", HALF)])
		self.money_goes_back(invoice, Decimal("21.18"))
		self.assertEqual(credit.available(self.user, "INR"), HALF)
		self.assert_books_are_right()

	def test_a_refund_that_fails_after_credit_was_spent_takes_nothing_off_the_notes(self):
		invoice = self.paid_too_much("Refund")
		surplus = frappe.db.get_value("Payment Refund", {"invoice": invoice})
		self.money_goes_back(invoice, Decimal(200))
		self.end()
		self.spend()
		ledger.record(surplus, RefundEvent(RefundOutcome.FAILED))
		self.assert_books_are_right()

	def test_days_that_an_upgrade_took_off_its_price_are_not_credited_again(self):
		old = self.sell("S")
		made = self.upgrade("P")
		self.assertEqual(self.documents(old), [("Invoice", Decimal("588.82"))])
		self.assertEqual(self.documents(made["invoice_id"]), [("Invoice", Decimal(295))])
		self.assert_books_are_right()

	def test_each_sale_is_credited_with_what_its_payment_gave_back(self):
		old = self.sell("S")
		made = self.upgrade("P")
		self.end()
		self.assertEqual(self.documents(made["invoice_id"])[1:], [("Credit Note", Decimal(295))])
		self.assertEqual(self.documents(old)[1:], [("Credit Note", HALF - 295)])
		self.assert_books_are_right()

	def test_a_refund_that_is_under_way_is_credited_once_whatever_becomes_of_it(self):
		for outcome in (RefundOutcome.REFUNDED, RefundOutcome.FAILED):
			with self.subTest(outcome.value):
				invoice = self.paid_late()
				capture = frappe.get_doc("Payment Capture", {"invoice": invoice})
				refund = open_refund(frappe.get_doc("AI Invoice", invoice), capture, Decimal(40), "Goodwill")
				frappe.db.commit()
				self.assert_books_are_right()
				self.end()
				self.assert_books_are_right()
				ledger.record(refund.name, RefundEvent(outcome))
				self.assert_books_are_right()

	def test_an_upgrade_ends_when_the_rest_of_its_money_is_refunded_and_its_credit_is_spent(self):
		invoice = self.paid_late()
		upgraded, other = self.subscription, self.spend("M")
		self.assertEqual(credit.available(self.user, "INR"), 0)
		self.money_goes_back(invoice)
		self.subscription = upgraded
		self.assertEqual(self.code(), "S")
		self.refund(other)
		self.assertEqual(credit.available(self.user, "INR"), Decimal("98.33"))
		self.assert_books_are_right()


class TestForeignCurrency(CreditCase):
	def test_all_notes_together_take_back_in_rupees_what_was_invoiced(self):
		exchange_rate("88.1234")
		self.user = customer_in("", "US")
		invoice = self.sell(price="49.00", currency="USD")
		self.end()
		issue_all(invoice)
		for amount in ("10.01", None):
			self.refund(invoice, amount)
			issue_all(invoice)
		document, *notes = documents_of(invoice)
		self.assertGreater(len(notes), 1)
		for name in ("home_total", "total_amount", "tax_amount"):
			taken = sum(Decimal(str(note.get(name))) for note in notes)
			self.assertEqual(taken, Decimal(str(document.get(name))), name)
