"""Any mix of payments, refunds, disputes and payouts reconciles, and any single change of what the gateway reports is found."""

import random
from dataclasses import replace

import frappe
from hypothesis import given, settings
from hypothesis import strategies as st

from oropendola_payments.engine.payouts import reconcile
from oropendola_payments.engine.payouts.record import record_all
from oropendola_payments.engine.payouts.spool import Spool
from oropendola_payments.gateways.payouts import LineKind, Payout, PayoutLine, with_costs
from oropendola_payments.tests.support import payouts as support
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import create_active_subscription, unique
from oropendola_payments.tests.support.proofs import examples

GATEWAY = "stripe"


class Story:
	"""Captures and refunds that the site has, and the payouts that a gateway makes of them."""

	captures: list = []

	def __init__(self, chances: random.Random):
		self.chances = chances
		self.payouts: list[list] = []

	def tell(self, payments: list[int], cuts: int) -> None:
		lines = [line for minor in payments for line in self._payment(minor)]
		groups = [[] for _number in range(cuts)]
		for rows in lines:
			groups[self.chances.randrange(cuts)] += rows
		self.payouts = [self._payout(rows) for rows in groups if rows]

	def _payment(self, minor: int) -> list[list[PayoutLine]]:
		payment_id, capture = unique("pi"), unique("cap")
		self._insert("Payment Capture", capture, minor, gateway_payment_id=payment_id, disposition="Applied")
		fee, tax = minor * 2 // 100, minor * 36 // 10000
		line = PayoutLine("", LineKind.CAPTURE, minor, "INR", unique("txn"), payment_id, fee_stated=True)
		rows = [list(with_costs(line, fee, tax))]
		if self.chances.random() < 0.4:
			part, refund_id, refund = self.chances.randint(1, minor), unique("re"), unique("rf")
			self._insert(
				"Payment Refund",
				refund,
				part,
				gateway_refund_id=refund_id,
				capture=capture,
				status="Refunded",
			)
			rows.append(
				[PayoutLine("", LineKind.REFUND, -part, "INR", unique("txn"), payment_id, None, refund_id)]
			)
		if self.chances.random() < 0.2:
			lost = {
				"dispute_state": "Lost",
				"disputes": frappe.as_json({"du": {"state": "Lost", "at": None}}),
			}
			frappe.db.set_value("Payment Capture", capture, lost)
			rows.append([PayoutLine("", LineKind.DISPUTE, -minor, "INR", unique("txn"), payment_id)])
		return rows

	def _insert(self, doctype: str, name: str, minor: int, **values) -> None:
		doc = frappe.get_doc(
			{"doctype": doctype, "name": name, "gateway": GATEWAY, "currency": "INR", **values}
		)
		doc.update({"amount": minor / 100, "invoice": TestStories.invoice})
		doc.db_insert()

	def _payout(self, rows: list[PayoutLine]) -> list:
		name = unique("po")
		lines = [replace(line, payout_id=name) for line in rows]
		return [Payout(name, "INR", sum(line.minor for line in lines)), *lines]

	def tampered(self) -> list[list]:
		"""The same payouts with one line changed, dropped, doubled or moved to somebody else's payment."""
		payouts = [list(payout) for payout in self.payouts]
		payout = self.chances.choice(payouts)
		place = self.chances.randrange(1, len(payout))
		line, way = payout[place], self.chances.choice(("amount", "drop", "double", "stranger"))
		if way == "stranger" and line.kind not in (LineKind.CAPTURE, LineKind.REFUND, LineKind.DISPUTE):
			way = "amount"
		if way == "amount":
			payout[place] = replace(line, minor=line.minor + self.chances.choice((-1, 1)))
		elif way == "drop":
			del payout[place]
		elif way == "double":
			payout.append(replace(line, row=unique("txn")))
		else:
			payout[place] = replace(line, payment_id=unique("pi"), refund_id=unique("re"))
		return payouts


class TestStories(TestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		support.start_afresh(GATEWAY)
		cls.addClassCleanup(support.start_afresh, GATEWAY)
		cls.invoice = create_active_subscription().current_invoice

	def tell(self, payouts: list[list]) -> list[tuple]:
		with Spool() as spool:
			for payout in payouts:
				for entry in payout:
					spool.add(entry)
			reconcile.settle(record_all(GATEWAY, spool, "API", "Simulator"))
		return support.differences(GATEWAY)

	def forget(self):
		for doctype in (
			"Payment Payout Difference",
			"Payment Payout Line",
			"Payment Payout",
			"Payment Refund",
			"Payment Capture",
		):
			frappe.db.delete(
				doctype,
				{
					"gateway": GATEWAY,
					**({"invoice": self.invoice} if doctype in ("Payment Refund", "Payment Capture") else {}),
				},
			)
		frappe.db.commit()

	@settings(max_examples=examples(25))
	@given(
		st.lists(st.integers(50, 10**9), min_size=1, max_size=6),
		st.integers(1, 3),
		st.randoms(use_true_random=False),
	)
	def test_any_mix_reconciles_and_any_single_change_is_found(self, payments, cuts, chances):
		"""B12."""
		story = Story(chances)
		story.tell(payments, cuts)
		self.assertEqual(self.tell(story.payouts), [])
		for doctype in ("Payment Payout Difference", "Payment Payout Line", "Payment Payout"):
			frappe.db.delete(doctype, {"gateway": GATEWAY})
		self.assertTrue(self.tell(story.tampered()))
		self.forget()
