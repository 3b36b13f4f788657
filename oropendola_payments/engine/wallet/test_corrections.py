"""Managers give and correct credits with a reason; customers see their own wallet, and nobody edits it by hand."""

from decimal import Decimal

import frappe

from oropendola_payments.engine.monitoring import audit
from oropendola_payments.engine.refunds import create
from oropendola_payments.engine.refunds import ledger as refund_ledger
from oropendola_payments.engine.wallet import balance, corrections, entries
from oropendola_payments.engine.wallet.entries import Line, Why
from oropendola_payments.exceptions import BadRequest, Conflict, NotAllowed, NotFound, Unprocessable
from oropendola_payments.gateways.base import RefundEvent, RefundOutcome
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.credits import (
	buy_pack,
	create_pack,
	credits_of,
	give,
	grant_of,
	ledger,
	problems,
)
from oropendola_payments.tests.support.factories import as_user, create_active_subscription, create_user
from oropendola_payments.tests.support.parallel import in_parallel


class TestCorrections(TestCase):
	def setUp(self):
		self.user = create_user()

	def tearDown(self):
		self.assertEqual(problems(self.user), [])

	def refused(self, error: type[Exception], work, *arguments):
		with self.assertRaises(error):
			work(*arguments)
		frappe.db.rollback()

	def test_a_manager_gives_credits_with_a_reason_that_the_trail_keeps(self):
		answer = corrections.give(self.user, Decimal("10.5"), 30, "Sorry for the outage")
		self.assertEqual((answer["remaining"], credits_of(self.user)), (10.5, 10.5))
		event = frappe.get_last_doc("Payment Event", {"reference_name": answer["grant"]})
		self.assertEqual((event.event, event.note), ("credits_given", "Sorry for the outage"))
		self.assertIsNone(audit.verify()["broken"])

	def test_without_a_reason_a_customer_or_a_sensible_number_nothing_is_given(self):
		for error, arguments in (
			(BadRequest, (self.user, Decimal(5), 30, " ")),
			(BadRequest, (self.user, Decimal(0), 30, "Why")),
			(BadRequest, (self.user, Decimal(-5), 30, "Why")),
			(BadRequest, (self.user, Decimal("0.0001"), 30, "Why")),
			(BadRequest, (self.user, Decimal(10**12), 30, "Why")),
			(BadRequest, (self.user, Decimal(5), -1, "Why")),
			(NotFound, ("nobody@example.com", Decimal(5), 30, "Why")),
		):
			self.refused(error, corrections.give, *arguments)
		self.assertEqual(ledger(self.user), [])

	def test_a_correction_never_leaves_less_than_nothing_or_more_than_was_granted(self):
		grant = give(self.user, 10)
		corrections.correct(grant.name, Decimal(-4), "Given twice")
		self.refused(Unprocessable, corrections.correct, grant.name, Decimal("-6.001"), "Why")
		self.refused(Unprocessable, corrections.correct, grant.name, Decimal("4.001"), "Why")
		corrections.correct(grant.name, Decimal(4), "It was right")
		lines = [("Granted", 10), ("Corrected", -4), ("Corrected", 4)]
		self.assertEqual(ledger(self.user), lines)

	def test_a_correction_of_bought_credits_is_in_the_trail_of_their_invoice(self):
		self.user = create_active_subscription().user
		invoice = buy_pack(self.user)
		corrections.correct(grant_of(invoice).name, Decimal(-1), "A test")
		events = frappe.get_all("Payment Event", {"invoice": invoice.name}, pluck="event")
		self.assertIn("credits_corrected", events)
		self.assertIsNone(audit.verify(invoice.name)["broken"])

	def test_a_correction_does_not_bring_back_what_was_refunded(self):
		self.user = create_active_subscription().user
		invoice = buy_pack(self.user, create_pack(price=500))
		grant = grant_of(invoice).name
		refund = create.create_refund(invoice.name, Decimal(200), "A test")["refund"]
		self.assertEqual(credits_of(self.user), 600)
		self.refused(Unprocessable, corrections.correct, grant, Decimal(400), "Why")
		corrections.correct(grant, Decimal(-100), "Why")
		corrections.correct(grant, Decimal(100), "Why not")
		refund_ledger.record(refund, RefundEvent(RefundOutcome.FAILED, key=refund), asked_as="Refunded")
		self.assertEqual(credits_of(self.user), 1000)

	def test_what_an_earlier_correction_left_too_much_can_be_taken_in_steps(self):
		self.user = create_active_subscription().user
		invoice = buy_pack(self.user, create_pack(price=500))
		grant = grant_of(invoice)
		create.create_refund(invoice.name, Decimal(200), "A test")
		# As older versions could correct it.
		entries.add(Why(self.user, "Corrected", note="Why"), [Line(grant.name, 400_000)])
		grant.reload()
		grant.write(remaining=grant.remaining + 400_000)
		frappe.db.commit()
		corrections.correct(grant.name, Decimal(-100), "Why")
		self.assertEqual(credits_of(self.user), 900)
		self.refused(Unprocessable, corrections.correct, grant.name, Decimal(50), "Why")

	def test_one_key_gives_and_corrects_once_however_often_it_is_sent(self):
		user = self.user
		answers = in_parallel(4, lambda _n: corrections.give(user, Decimal(10), 30, "Sorry", "dialog-1"))
		self.assertEqual(len({answer["grant"] for answer in answers}), 1, answers)
		grant = answers[0]["grant"]
		answers = in_parallel(4, lambda _n: corrections.correct(grant, Decimal(-3), "Too many", "dialog-2"))
		self.assertEqual([answer["remaining"] for answer in answers], [7] * 4)
		self.assertEqual(credits_of(user), 7)
		self.refused(Conflict, corrections.give, user, Decimal(11), 30, "Sorry", "dialog-1")
		self.refused(Conflict, corrections.correct, grant, Decimal(-2), "Too many", "dialog-2")
		corrections.give(user, Decimal(10), 30, "Sorry", "dialog-3")
		corrections.give(create_user(), Decimal(10), 30, "Sorry", "dialog-1")
		self.assertEqual(credits_of(user), 17)
		shown = [balance.as_answer(row)["reference"] for row in balance.lines(user)[0]]
		self.assertEqual(shown, [None] * 3)

	def test_an_unknown_grant_is_not_found(self):
		self.refused(NotFound, corrections.correct, "none", Decimal(1), "Why")


class TestWhoSeesWhat(TestCase):
	def test_customers_see_their_own_wallet_only(self):
		"""U21."""
		mine, other = create_user(), create_user()
		for user in (mine, other):
			give(user, 5)
		with as_user(mine):
			for doctype in ("AI Credit Grant", "AI Credit Entry"):
				self.assertEqual(set(frappe.get_list(doctype, pluck="user")), {mine}, doctype)
		self.assertEqual(
			{row.user for row in frappe.get_all("AI Credit Entry", {"user": mine}, "user")}, {mine}
		)
		self.assertEqual(balance.summary(mine)["balance"], 5)

	def test_nobody_writes_changes_or_deletes_a_line_by_hand(self):
		"""U21."""
		user = create_user()
		grant = give(user, 5)
		line = frappe.get_last_doc("AI Credit Entry", {"user": user})
		copy = frappe.get_doc({**line.as_dict(), "name": None, "doctype": "AI Credit Entry"})
		for work in (line.save, line.delete, copy.insert, grant.delete):
			with self.assertRaises(NotAllowed):
				work()
			frappe.db.rollback()
		grant.reload()
		grant.remaining = 99_000
		with self.assertRaises(NotAllowed):
			grant.save(ignore_permissions=True)
		frappe.db.rollback()
		self.assertEqual(problems(user), [])

	def test_the_ledger_is_listed_page_by_page_the_newest_first(self):
		user = create_user()
		for credits in range(1, 4):
			give(user, credits)
		rows, has_older = balance.lines(user, 1, 2)
		self.assertEqual(([row.units for row in rows], has_older), ([3000, 2000], True))
		rows, has_older = balance.lines(user, 2, 2)
		self.assertEqual(([row.units for row in rows], has_older), ([1000], False))
