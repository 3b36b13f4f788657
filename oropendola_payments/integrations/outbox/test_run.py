"""The outbox: each posting is tried until it is done or needs somebody, and never twice at once."""

import threading
from contextlib import suppress
from functools import partial
from unittest.mock import patch

import frappe
from frappe.utils import get_datetime, now_datetime

from oropendola_payments.ai_billing.doctype.payment_posting.payment_posting import new_posting
from oropendola_payments.exceptions import Conflict, NotFound
from oropendola_payments.integrations.outbox import run
from oropendola_payments.integrations.outbox.types import Made, NeedsAttention, NotYet
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import create_invoice, unique
from oropendola_payments.tests.support.parallel import in_parallel


class TestRun(TestCase):
	def setUp(self):
		self.invoice = create_invoice()
		self.posting = self.new("Payment")
		self.calls = []

	def new(self, kind: str):
		posting = new_posting(self.invoice, kind, unique(kind), amount=1, currency="INR")
		frappe.db.commit()
		return posting

	def poster(self, posting, answer=None):
		self.calls.append(posting.kind)
		if answer:
			raise answer
		return Made("Payment Entry", "PE-1")

	def post(self, answer=None):
		run.post(self.posting.name, partial(self.poster, answer=answer))
		return self.posting.reload()

	def test_what_is_done_is_not_posted_again(self):
		"""B5."""
		self.post()
		self.assertEqual((self.post().status, self.calls), ("Done", ["Payment"]))
		self.assertEqual(self.posting.document_name, "PE-1")
		events = frappe.get_all("Payment Event", {"invoice": self.invoice.name}, pluck="event")
		self.assertEqual(events.count("posted"), 1)

	def test_an_error_is_tried_again_later_and_then_needs_attention(self):
		"""B5."""
		waits = []
		for _try in range(run.MOST_TRIES):
			self.post(RuntimeError("The books are locked."))
			if self.posting.next_try_at:
				waits.append(
					round((get_datetime(self.posting.next_try_at) - now_datetime()).total_seconds() / 60)
				)
		self.assertEqual(waits, [1, 2, 4, 8])
		self.assertEqual((self.posting.status, self.posting.tries), ("Needs Attention", run.MOST_TRIES))
		self.assertIn("The books are locked.", self.posting.error)

	def test_what_trying_again_cannot_heal_needs_attention_at_once(self):
		self.post(NeedsAttention("There is no account."))
		self.assertEqual(
			(self.posting.status, self.posting.error), ("Needs Attention", "There is no account.")
		)

	def test_waiting_for_another_posting_costs_no_try(self):
		self.post(NotYet("The sale comes first."))
		self.assertEqual((self.posting.status, self.posting.tries), ("Waiting", 0))
		self.assertGreater(get_datetime(self.posting.next_try_at), now_datetime())

	def test_one_that_fails_does_not_stop_the_others(self):
		self.new("Invoice")

		def poster(posting):
			return self.poster(posting, RuntimeError("No.") if posting.kind == "Invoice" else None)

		run.post_all(self.invoice.name, poster)
		self.assertEqual((self.calls, self.posting.reload().status), (["Invoice", "Payment"], "Done"))

	def test_a_sale_and_its_payment_are_never_posted_at_the_same_time(self):
		"""B5: a worker and the sweep. Each would miss the other, and nobody would match them."""
		names, meeting = [self.posting.name, self.new("Invoice").name], threading.Barrier(2)

		def poster(posting):
			with suppress(threading.BrokenBarrierError):
				meeting.wait(timeout=0.5)
				self.calls.append("met")
			return Made("Sales Invoice", posting.name)

		failed = [r for r in in_parallel(2, lambda number: run.post(names[number], poster)) if r]
		statuses = frappe.get_all("Payment Posting", {"invoice": self.invoice.name}, pluck="status")
		self.assertEqual((failed, self.calls, statuses), ([], [], ["Done", "Done"]))

	def test_the_sweep_posts_what_others_need_first(self):
		for kind in reversed(run.ORDER):
			self.new(kind)
		with patch.object(run, "in_transaction", lambda work, name, *_: self.calls.append(name)):
			run.post_due(self.poster)
		mine = frappe.get_all("Payment Posting", {"invoice": self.invoice.name}, ["name", "kind"])
		kinds = {row.name: row.kind for row in mine}
		order = [run.ORDER.index(kinds[name]) for name in self.calls if name in kinds]
		self.assertEqual((order, len(order)), (sorted(order), len(run.ORDER) + 1))

	def test_a_manager_lets_it_be_posted_again(self):
		self.post(NeedsAttention("There is no account."))
		run.retry(self.posting.name)
		self.assertEqual(self.post().status, "Done")

	def test_a_manager_closes_what_was_booked_by_hand(self):
		self.post(NeedsAttention("There is no account."))
		run.close(self.posting.name, "Journal Entry 7")
		self.assertEqual(self.post().status, "Closed")
		self.assertEqual(self.calls, ["Payment"])

	def test_only_what_needs_attention_can_be_retried_or_closed(self):
		with self.assertRaises(Conflict):
			run.retry(self.posting.name)
		with self.assertRaises(Conflict):
			run.close(self.posting.name, "No reason")
		with self.assertRaises(NotFound):
			run.retry("no-such-posting")

	def test_a_source_has_one_posting(self):
		"""B5: two workers that plan at once."""
		with self.assertRaises(frappe.DuplicateEntryError):
			new_posting(self.invoice, "Payment", self.posting.source_key)
		frappe.db.rollback()
