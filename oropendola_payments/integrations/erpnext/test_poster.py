"""Our invoices in the books: sale, payments, refunds and credit, each once and to the last unit."""

from decimal import Decimal

import frappe
from frappe.utils import add_days, now_datetime

from oropendola_payments.engine.ending import now
from oropendola_payments.engine.settlement.settle import settle
from oropendola_payments.engine.subscriptions import lifecycle
from oropendola_payments.integrations import dispatch
from oropendola_payments.tests.support.books import BooksInMemory, books_installed
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import create_plan, create_user, payment_settings
from oropendola_payments.tests.support.gateway_events import paid
from oropendola_payments.tests.support.journey import Journey
from oropendola_payments.tests.support.tax import create_buyer
from oropendola_payments.tests.support.time_travel import finish_refunds


class BookCase(TestCase):
	def setUp(self):
		self.books = self.enterContext(books_installed())
		self.addCleanup(setattr, BooksInMemory, "drift", Decimal(0))
		self.addCleanup(setattr, BooksInMemory, "down", "")
		self.journey = Journey("payu", user=create_user())

	def post(self, journey=None):
		dispatch.post_invoice((journey or self.journey).invoice)

	def pay(self, amount="499"):
		settle("payu", paid(self.journey.start(), amount))
		self.post()

	def pay_at_gateway(self):
		"""So that the gateway knows a payment that it can refund."""
		self.journey.deliver_return(self.journey.customer_pays(self.journey.start()))
		self.post()

	def refund(self, amount=None):
		self.journey.refund(amount)
		finish_refunds("payu", self.journey.invoice)
		self.post()

	def postings(self, journey=None) -> dict:
		filters = {"invoice": (journey or self.journey).invoice}
		rows = frappe.get_all("Payment Posting", filters, ["kind", "status"], order_by="creation, name")
		return {row.kind: row.status for row in rows}

	def keys(self) -> list[str]:
		return frappe.get_all("Payment Posting", {"invoice": self.journey.invoice}, pluck="source_key")

	def key(self, kind: str) -> str:
		return frappe.db.get_value(
			"Payment Posting", {"invoice": self.journey.invoice, "kind": kind}, "source_key"
		)


class TestSales(BookCase):
	def test_a_paid_invoice_becomes_a_sale_and_a_payment_of_it(self):
		"""B6."""
		with payment_settings(tax_rate=18):
			self.journey = Journey("payu", user=create_user())
			self.pay(amount="588.82")
		self.assertEqual(self.postings(), {"Invoice": "Done", "Payment": "Done"})
		sale = self.books.sale(f"invoice:{self.journey.invoice}")
		self.assertEqual((sale.net, sale.total), (Decimal(499), Decimal("588.82")))
		self.assertEqual([tax.amount for tax in sale.taxes], [Decimal("89.82")])
		entry = self.books.entry(self.key("Payment"))
		self.assertEqual(
			([amount for _doc, amount in entry["paid"]], entry["free"]), ([Decimal("588.82")], 0)
		)

	def test_a_company_is_booked_as_one(self):
		for kind in ("Company", "Person"):
			with self.subTest(kind):
				self.journey = Journey("payu", user=create_buyer("IN", state="Goa", kind=kind))
				self.pay()
				sale = self.books.sale(f"invoice:{self.journey.invoice}")
				self.assertEqual(sale.buyer.is_business, kind == "Company")

	def test_posting_again_books_nothing_twice(self):
		"""B5."""
		self.pay()
		for _time in range(3):
			self.post()
			dispatch.run_postings()
		booked = [row["key"] for row in (*BooksInMemory.sales.values(), *BooksInMemory.payments.values())]
		self.assertEqual([booked.count(key) for key in self.keys()], [1, 1])

	def test_a_crash_after_booking_finds_what_was_booked(self):
		"""B5: as if the commit of the posting had been lost while the other app's was not."""
		self.pay()
		before = len(BooksInMemory.payments)
		for name in frappe.get_all("Payment Posting", {"invoice": self.journey.invoice}, pluck="name"):
			frappe.db.set_value("Payment Posting", name, {"status": "Waiting", "next_try_at": "2020-01-01"})
		frappe.db.commit()
		self.post()
		self.assertEqual((set(self.postings().values()), len(BooksInMemory.payments)), ({"Done"}, before))

	def test_a_total_that_differs_by_one_paisa_is_never_booked_silently(self):
		"""B6."""
		BooksInMemory.drift = Decimal("0.01")
		self.pay()
		self.assertEqual(self.postings()["Invoice"], "Needs Attention")
		error = frappe.db.get_value(
			"Payment Posting", {"invoice": self.journey.invoice, "kind": "Invoice"}, "error"
		)
		self.assertIn("499.00", error)
		self.assertEqual(self.postings()["Payment"], "Done", "the money is in the books all the same")

	def test_the_money_is_allocated_when_the_sale_is_booked_later(self):
		BooksInMemory.drift = Decimal("0.01")
		self.pay()
		BooksInMemory.drift = Decimal(0)
		name = frappe.db.get_value("Payment Posting", {"invoice": self.journey.invoice, "kind": "Invoice"})
		frappe.get_doc("Payment Posting", name).mark_as_waiting()
		frappe.db.commit()
		self.post()
		entry = self.books.entry(self.key("Payment"))
		self.assertEqual((entry["free"], len(entry["paid"])), (0, 1))

	def test_books_that_are_down_stop_no_payment(self):
		"""B5."""
		BooksInMemory.down = "The books are being repaired."
		self.pay()
		self.assertEqual(self.journey.status(), "Paid")
		self.assertEqual(set(self.postings().values()), {"Waiting"})
		BooksInMemory.down = ""
		frappe.db.set_value(
			"Payment Posting",
			{"invoice": self.journey.invoice},
			"next_try_at",
			"2020-01-01",
			update_modified=False,
		)
		frappe.db.commit()
		dispatch.run_postings()
		self.assertEqual(set(self.postings().values()), {"Done"})

	def test_nothing_is_booked_that_was_paid_before_it_was_switched_on(self):
		with payment_settings(post_since="2099-01-01 00:00:00"):
			self.pay()
		self.assertEqual(self.postings(), {})

	def switch(self, on: int):
		settings = frappe.get_doc("Payment Settings")
		settings.post_to_erpnext = on
		settings.erpnext_company = "Example Traders"
		settings.save()
		frappe.db.commit()

	def backdate(self, days: int):
		"""As if it had all been paid and given back so many days ago."""
		then = add_days(now_datetime(), -days)
		for doctype, column in (("Payment Capture", "creation"), ("Payment Refund", "completed_at")):
			frappe.db.set_value(
				doctype, {"invoice": self.journey.invoice}, column, then, update_modified=False
			)
		frappe.db.commit()

	def test_what_happens_while_booking_is_switched_off_is_booked_afterwards(self):
		"""B5: half a sale would not balance."""
		with payment_settings(post_since="2020-01-01 00:00:00"):
			self.pay_at_gateway()
			self.switch(0)
			self.refund(Decimal(100))
			dispatch.run_postings()
			self.backdate(10)
			self.switch(1)
			self.assertEqual(str(payment_since()), "2020-01-01 00:00:00")
			dispatch.run_postings()
		done = dict.fromkeys(("Invoice", "Payment", "Credit Note", "Refund"), "Done")
		self.assertEqual(self.postings(), done)

	def test_what_was_missed_in_a_long_downtime_is_booked(self):
		"""B5."""
		with payment_settings(postings_complete_until=add_days(now_datetime(), -10)):
			settle("payu", paid(self.journey.start(), "499"))
			self.backdate(9)
			dispatch.run_postings()
		self.assertEqual(set(self.postings()), {"Invoice", "Payment"})

	def test_a_sale_whose_booking_has_begun_is_gone_on_with(self):
		self.pay_at_gateway()
		with payment_settings(post_since="2099-01-01 00:00:00"):
			self.refund(Decimal(100))
		self.assertEqual(self.postings()["Refund"], "Done")

	def test_nothing_is_planned_without_books(self):
		with payment_settings(post_to_erpnext=0, accept_documents=0):
			self.pay()
		self.assertEqual(self.postings(), {})


def payment_since():
	return frappe.db.get_single_value("Payment Settings", "post_since", cache=False)


class TestMoney(BookCase):
	def balance(self) -> Decimal:
		return self.books.balance(*self.keys())

	def ours(self) -> Decimal:
		taken = sum(Decimal(str(capture.amount)) for capture in self.journey.captures())
		back = [r.amount for r in self.journey.refunds() if r.status == "Refunded"]
		return taken - sum((Decimal(str(amount)) for amount in back), Decimal(0))

	def test_a_refund_becomes_a_credit_note_and_money_out(self):
		"""B7."""
		self.pay_at_gateway()
		self.refund(Decimal("100.5"))
		self.assertEqual(self.postings()["Credit Note"], "Done")
		note = self.books.sale(self.key("Credit Note"))
		self.assertEqual((note.total, self.balance()), (Decimal("100.50"), Decimal("398.50")))
		entry = self.books.entry(self.key("Refund"))
		self.assertEqual((entry["amount"], entry["free"]), (Decimal("-100.50"), 0))

	def test_credit_notes_of_several_refunds_add_up_to_the_sale(self):
		"""B7: tax is split without losing a paisa."""
		with payment_settings(tax_rate=18):
			self.journey = Journey("payu", user=create_user())
			self.pay_at_gateway()
			for amount in ("33.33", "200.01", None):
				self.refund(amount and Decimal(amount))
		notes = [
			row["sale"]
			for row in BooksInMemory.sales.values()
			if row["key"].startswith("note:") and row["key"] in self.keys()
		]
		sale = self.books.sale(f"invoice:{self.journey.invoice}")
		self.assertEqual(len(notes), 3)
		self.assertEqual(sum(note.net for note in notes), sale.net)
		self.assertEqual(sum(tax.amount for note in notes for tax in note.taxes), sale.total - sale.net)
		self.assertEqual(self.balance(), 0)

	def test_a_double_payment_is_booked_beside_one_sale(self):
		"""B4."""
		attempt = self.journey.start()
		for _time in range(2):
			settle("payu", paid(attempt))
		self.post()
		self.assertEqual((self.balance(), self.ours()), (Decimal(998), Decimal(998)))
		entries = [row for row in BooksInMemory.payments.values() if row["key"] in self.keys()]
		self.assertEqual([row["free"] for row in entries], [0, 499])

	def test_a_part_is_an_advance_until_the_sale_is_complete(self):
		self.pay(amount="100")
		self.assertEqual(self.postings(), {"Payment": "Done"})
		settle("payu", paid(self.journey.start(), "399"))
		self.post()
		entries = [row for row in BooksInMemory.payments.values() if row["key"] in self.keys()]
		self.assertEqual([row["free"] for row in entries], [0, 0])
		self.assertEqual(self.balance(), Decimal(499))

	def test_credit_is_used_and_not_booked_as_new_money(self):
		with payment_settings(double_payment_policy="Credit"):
			self.pay(amount="998")
		key = self.key("Payment")
		renewal = Journey("payu", user=self.journey.user)
		self.post(renewal)
		self.assertEqual(self.postings(renewal), {"Invoice": "Done", "Payment": "Done"})
		self.assertEqual((renewal.status(), self.books.entry(key)["free"]), ("Paid", 0))

	def make_due(self):
		filters = {"invoice": self.journey.invoice, "status": "Waiting"}
		frappe.db.set_value("Payment Posting", filters, "next_try_at", "2020-01-01", update_modified=False)
		frappe.db.commit()

	def test_a_refund_waits_for_its_credit_note_and_pays_it(self):
		"""B7: ERPNext cannot match them afterwards."""
		self.pay_at_gateway()
		BooksInMemory.drift = Decimal("0.01")
		self.refund(Decimal(100))
		self.assertEqual(
			(self.postings()["Credit Note"], self.postings()["Refund"]), ("Needs Attention", "Waiting")
		)
		BooksInMemory.drift = Decimal(0)
		self.posting("Credit Note").mark_as_waiting()
		self.make_due()
		dispatch.run_postings()
		self.assertEqual(set(self.postings().values()), {"Done"})
		entry = self.books.entry(self.key("Refund"))
		self.assertEqual((entry["free"], [amount for _note, amount in entry["paid"]]), (0, [Decimal(100)]))

	def test_a_refund_whose_credit_note_is_made_by_hand_does_not_wait(self):
		self.pay_at_gateway()
		BooksInMemory.drift = Decimal("0.01")
		self.refund(Decimal(100))
		self.posting("Credit Note").mark_as_closed("Made by hand.")
		self.make_due()
		dispatch.run_postings()
		self.assertEqual(self.postings()["Refund"], "Done")

	def posting(self, kind: str):
		return frappe.get_doc("Payment Posting", {"invoice": self.journey.invoice, "kind": kind})

	def set_refund(self, **values):
		frappe.db.set_value("Payment Refund", self.journey.refunds()[0].name, values)
		frappe.db.commit()

	def test_a_failed_refund_is_not_booked_as_money_out_again(self):
		"""B7: somebody cancels the entry and presses Post again."""
		self.pay_at_gateway()
		self.refund(Decimal(100))
		self.set_refund(status="Failed", completed_at=now_datetime())
		self.addCleanup(self.set_refund, status="Refunded")
		dispatch.run_postings()
		key = self.key("Refund")
		BooksInMemory.payments = {n: r for n, r in BooksInMemory.payments.items() if r["key"] != key}
		for kind in ("Credit Note", "Refund"):
			self.posting(kind).mark_as_waiting()
		frappe.db.commit()
		self.post()
		self.assertEqual(
			(self.postings()["Credit Note"], self.postings()["Refund"]), ("Needs Attention",) * 2
		)
		self.assertEqual(self.books.balance(*self.keys()), Decimal(499))

	def test_a_refund_that_comes_after_all_is_booked(self):
		"""B7: the gateway corrects a failure that it had reported after the entry was cancelled."""
		self.pay_at_gateway()
		self.refund(Decimal(100))
		self.set_refund(status="Failed", completed_at=now_datetime())
		dispatch.run_postings()
		key = self.key("Refund")
		BooksInMemory.payments = {n: r for n, r in BooksInMemory.payments.items() if r["key"] != key}
		self.set_refund(status="Refunded", completed_at=now_datetime())
		dispatch.run_postings()
		self.assertEqual(
			(set(self.postings().values()), self.books.balance(*self.keys())), ({"Done"}, Decimal(399))
		)

	def test_a_closed_refund_that_comes_after_all_needs_attention(self):
		self.pay_at_gateway()
		self.refund(Decimal(100))
		self.set_refund(status="Failed", completed_at=now_datetime())
		dispatch.run_postings()
		self.posting("Refund").mark_as_closed("The entry was cancelled.")
		self.set_refund(status="Refunded", completed_at=now_datetime())
		dispatch.run_postings()
		self.assertEqual(self.postings()["Refund"], "Needs Attention")

	def test_a_refund_that_the_bank_rejects_later_needs_attention(self):
		"""B7."""
		self.pay_at_gateway()
		self.refund(Decimal(100))
		refund = self.journey.refunds()[0]
		refund.mark_as_failed(error_message="The account is closed.")
		frappe.db.commit()
		dispatch.run_postings()
		self.assertEqual(self.postings()["Refund"], "Needs Attention")
		frappe.db.set_value("Payment Refund", refund.name, "status", "Refunded")
		frappe.db.commit()


class TestKeptAsCredit(BookCase):
	"""Days that were sold and became credit: the books of ERPNext have them as sold and paid, until somebody corrects that."""

	def setUp(self):
		super().setUp()
		self.journey = Journey("payu", user=create_user(), unused_on_cancel="Credit")
		self.pay_at_gateway()
		now.end(self.journey.subscription)
		self.post()

	def problem(self, kind: str, invoice: str | None = None) -> str:
		filters = {"invoice": invoice or self.journey.invoice, "kind": kind}
		row = frappe.db.get_value("Payment Posting", filters, ["status", "error"], as_dict=True)
		self.assertEqual(row.status, "Needs Attention")
		return row.error

	def test_somebody_is_asked_for_the_credit_note(self):
		self.assertIn("₹499.00", self.problem("Credit Note"))
		self.assertEqual(
			[key for key in self.keys() if key.startswith("credited:")], [f"credited:{self.journey.invoice}"]
		)

	def test_a_job_asks_for_it_when_nothing_else_happens(self):
		frappe.db.delete("Payment Posting", {"invoice": self.journey.invoice, "kind": "Credit Note"})
		frappe.db.commit()
		dispatch.run_postings()
		self.assertIn("₹499.00", self.problem("Credit Note"))

	def test_what_such_credit_pays_names_the_sale_to_correct(self):
		bought = lifecycle.subscribe(self.journey.user, create_plan(price=300).name, None)["invoice_id"]
		dispatch.post_invoice(bought)
		self.assertIn(self.journey.invoice, self.problem("Payment", bought))
		self.assertEqual(self.books.entry(self.key("Payment"))["free"], 0)

	def test_the_refund_of_such_credit_is_not_credited_a_second_time(self):
		self.refund(100)
		notes = {"invoice": self.journey.invoice, "kind": "Credit Note"}
		self.assertEqual(set(frappe.get_all("Payment Posting", notes, pluck="status")), {"Needs Attention"})
