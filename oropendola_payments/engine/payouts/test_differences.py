"""Each way in which payouts and our records can differ, and how it ends."""

from datetime import timedelta

import frappe
from frappe.utils import now_datetime

from oropendola_payments.engine.core.transactions import in_transaction
from oropendola_payments.engine.jobs import payout_jobs
from oropendola_payments.engine.monitoring import alert_rules, audit, invariants
from oropendola_payments.engine.monitoring.payout_rules import PAYOUT_RULES
from oropendola_payments.engine.payouts import differences, linking, reconcile
from oropendola_payments.engine.payouts.test_record import GATEWAY, PayoutCase, line
from oropendola_payments.exceptions import BadRequest, Conflict, NotFound
from oropendola_payments.gateways.payouts import LineKind, PayoutLine
from oropendola_payments.tests.support import payouts as support
from oropendola_payments.tests.support.simulated import simulator


def age(doctype: str, name: str, field: str, days: int):
	frappe.db.set_value(doctype, name, field, now_datetime() - timedelta(days=days))
	frappe.db.commit()


class DifferenceCase(PayoutCase):
	def kinds(self, status: str = "Open") -> list[str]:
		return [kind for kind, *_rest in support.differences(GATEWAY, status)]

	def name(self, kind: str) -> str:
		return frappe.db.get_value("Payment Payout Difference", {"gateway": GATEWAY, "kind": kind}, "name")

	def pay_out(self, journey, minor: int | None = None, **values):
		"""Record a payout of one payment as the gateway would report it."""
		capture = journey.captures()[0]
		minor = int(capture.amount * 100) if minor is None else minor
		self.payout = f"setl-{frappe.generate_hash(length=10)}"
		self.record([line(self.payout, minor, capture.gateway_payment_id, **values)])
		return capture


class TestDifferences(DifferenceCase):
	def test_a_payment_in_no_payout_is_missed_after_the_days_of_its_gateway(self):
		"""B12."""
		journey = support.paid(GATEWAY)
		capture = journey.captures()[0].name
		support.set_payouts(GATEWAY, payouts_since=now_datetime().date() - timedelta(days=30))
		reconcile.find_missed(GATEWAY)
		self.assertNotIn(f"open-{capture}", frappe.get_all("Payment Payout Difference", pluck="name"))
		age("Payment Capture", capture, "captured_at", 8)
		reconcile.find_missed(GATEWAY)
		doc = frappe.get_doc("Payment Payout Difference", f"open-{capture}")
		self.assertEqual((doc.status, float(doc.difference), doc.capture), ("Open", -499.0, capture))
		self.pay_out(journey)
		self.assertEqual(frappe.db.get_value("Payment Payout Difference", doc.name, "status"), "Resolved")

	def test_nothing_is_missed_before_the_first_payout_is_recorded_or_without_days(self):
		journey = support.paid(GATEWAY)
		age("Payment Capture", journey.captures()[0].name, "captured_at", 8)
		reconcile.find_missed(GATEWAY)
		support.set_payouts(GATEWAY, payouts_since=now_datetime().date() - timedelta(days=30), payout_days=0)
		reconcile.find_missed(GATEWAY)
		self.assertEqual(self.kinds(), [])

	def test_the_first_payout_is_where_payments_begin_to_be_expected(self):
		capture = self.pay_out(support.paid(GATEWAY))
		since = frappe.db.get_value("Payment Gateway Settings", {"gateway": GATEWAY}, "payouts_since")
		self.assertEqual(since, capture.captured_at.date())

	def test_a_refund_in_no_payout_is_missed(self):
		"""B12."""
		journey = support.refunded(support.paid(GATEWAY), 100)
		self.pay_out(journey)
		refund = journey.refunds()[0].name
		support.set_payouts(GATEWAY, payouts_since=now_datetime().date() - timedelta(days=30))
		age("Payment Refund", refund, "completed_at", 8)
		reconcile.find_missed(GATEWAY)
		self.assertIn(
			f"refund-{refund}", frappe.get_all("Payment Payout Difference", {"status": "Open"}, pluck="name")
		)

	def test_a_payment_that_we_do_not_have_is_unknown_until_it_is_recorded(self):
		"""B12."""
		journey = support.paid(GATEWAY)
		capture = journey.captures()[0]
		known = capture.gateway_payment_id
		frappe.db.set_value("Payment Capture", capture.name, "gateway_payment_id", "not-yet-recorded")
		self.payout = "setl-early"
		self.record([line(self.payout, 49900, known)])
		self.assertEqual(support.differences(GATEWAY), [("Unknown", known, 499.0)])
		frappe.db.set_value("Payment Capture", capture.name, "gateway_payment_id", known)
		frappe.db.commit()
		reconcile.recheck(GATEWAY)
		self.assertEqual((self.kinds(), self.kinds("Resolved")), ([], ["Unknown"]))
		row = support.lines(f"{GATEWAY}-setl-early")[0]
		self.assertEqual((row.capture, row.is_linked), (capture.name, 1))

	def early(self) -> tuple:
		"""A payout of one paisa too little, before its payment is recorded; and then it is."""
		capture = support.paid(GATEWAY).captures()[0]
		known = capture.gateway_payment_id
		frappe.db.set_value("Payment Capture", capture.name, "gateway_payment_id", "not-yet-recorded")
		self.payout = "setl-early"
		self.record([line(self.payout, 49899, known)])
		frappe.db.set_value("Payment Capture", capture.name, "gateway_payment_id", known)
		frappe.db.commit()
		return known, support.lines(f"{GATEWAY}-setl-early")[0]

	def test_a_payment_that_is_recorded_late_is_compared_with_what_was_paid_out_before(self):
		"""B12."""
		payment, _row = self.early()
		reconcile.recheck(GATEWAY)
		self.assertEqual(support.differences(GATEWAY), [("Other Amount", payment, -0.01)])
		self.assertEqual(self.kinds("Resolved"), ["Unknown"])

	def test_a_late_payment_is_compared_even_after_a_crash_when_it_was_found(self):
		"""B12."""
		payment, row = self.early()
		in_transaction(linking.relink, row.name, row.payout)
		payout_jobs.run_payouts()
		self.assertEqual(support.differences(GATEWAY), [("Other Amount", payment, -0.01)])

	def test_a_payout_that_changes_while_it_is_compared_stays_due(self):
		self.record(self.entries())
		read_before = self.doc()
		in_transaction(self.doc().mark_as_due)
		in_transaction(read_before.mark_as_checked)
		self.assertIsNone(self.doc().checked_on)

	def test_a_refund_that_the_bank_rejects_after_it_was_paid_out_must_come_back(self):
		"""B12."""
		journey = support.refunded(support.paid(GATEWAY), 100)
		self.pay_out(journey)
		refund = journey.refunds()[0]
		for minor, kinds in ((-10000, ["Other Refund Amount"]), (10000, [])):
			self.payout = f"setl{minor}"
			back = {"payment_id": None, "refund_id": refund.gateway_refund_id}
			self.record([line(self.payout, minor, self.payout, LineKind.REFUND, **back)])
			if kinds:
				self.assertEqual(self.kinds(), [])
				in_transaction(refund.mark_as_failed, error_message="The account is closed.")
			payout_jobs.run_payouts()
			self.assertEqual(self.kinds(), kinds)

	def test_ids_that_differ_in_case_are_two_payments(self):
		capture = support.paid(GATEWAY).captures()[0]
		self.payout = "setl-case"
		self.record([line(self.payout, 49900, capture.gateway_payment_id.swapcase())])
		self.assertEqual(self.kinds(), ["Unknown"])

	def test_one_paisa_too_little_or_a_payment_paid_out_twice_is_another_amount(self):
		"""B12."""
		journey = support.paid(GATEWAY)
		self.pay_out(journey, 49899)
		self.assertEqual(support.differences(GATEWAY)[0][2], -0.01)
		self.pay_out(journey, 1)
		self.assertEqual(self.kinds(), [])
		self.pay_out(journey)
		((kind, _subject, difference),) = support.differences(GATEWAY)
		self.assertEqual((kind, difference), ("Other Amount", 499.0))

	def test_the_amount_is_compared_in_the_currency_of_the_customer(self):
		journey = support.paid(GATEWAY)
		self.pay_out(journey, 600, own_minor=49900, own_currency="INR")
		self.assertEqual(self.kinds(), [])
		other = support.paid(GATEWAY)
		self.pay_out(other, 49900, own_minor=600, own_currency="USD")
		self.assertEqual(self.kinds(), ["Other Amount"])

	def test_a_refund_of_another_amount_is_found_and_one_that_came_back_balances(self):
		journey = support.refunded(support.paid(GATEWAY), 100)
		self.pay_out(journey)
		refund = journey.refunds()[0]
		for minor, kinds in ((-9999, ["Other Refund Amount"]), (-1, [])):
			self.payout = f"setl{minor}"
			self.record(
				[
					line(
						self.payout,
						minor,
						refund.gateway_refund_id,
						LineKind.REFUND,
						payment_id=None,
						refund_id=refund.gateway_refund_id,
					)
				]
			)
			self.assertEqual(self.kinds(), kinds)

	def test_a_payment_whose_cost_is_not_reported_is_found_unless_fees_are_billed_separately(self):
		journey = support.paid(GATEWAY)
		capture = journey.captures()[0]
		self.payout = "setl-free"
		self.record(
			[PayoutLine(self.payout, LineKind.CAPTURE, 49900, "INR", "row", capture.gateway_payment_id)]
		)
		self.assertEqual(self.kinds(), ["Fee Missing"])
		support.set_payouts(GATEWAY, fees_in_payouts=0)
		reconcile.recheck(GATEWAY)
		self.assertEqual(self.kinds(), [])


class TestAcceptance(DifferenceCase):
	"""A manager explains a difference."""

	def unknown(self) -> str:
		self.payout = "setl-unknown"
		self.record([line(self.payout, 100, "nobody")])
		return self.name("Unknown")

	def test_a_reason_closes_it_and_is_in_the_audit_trail(self):
		"""B14."""
		name = self.unknown()
		differences.accept(name, "Paid by hand in the shop.")
		self.assertEqual((self.kinds(), self.kinds("Accepted")), ([], ["Unknown"]))
		event = frappe.get_last_doc("Payment Event", {"event": "payout_difference_accepted"})
		self.assertEqual((event.reference_name, event.note), (name, "Paid by hand in the shop."))
		self.assertFalse(audit.verify()["broken"])
		reconcile.recheck(GATEWAY)
		self.record([line(self.payout, 100, "nobody")])
		self.assertEqual(self.kinds("Accepted"), ["Unknown"])

	def test_it_is_accepted_once_with_a_reason(self):
		"""B14."""
		name = self.unknown()
		with self.assertRaises(BadRequest):
			differences.accept(name, "  ")
		with self.assertRaises(NotFound):
			differences.accept("unknown-none", "It is right.")
		differences.accept(name, "It is right.")
		with self.assertRaises(Conflict):
			differences.accept(name, "Once more.")

	def test_it_opens_again_when_its_amount_changes(self):
		journey = support.paid(GATEWAY)
		self.pay_out(journey, 49800)
		differences.accept(self.name("Other Amount"), "The gateway rounds.")
		self.pay_out(journey, 50)
		((kind, _subject, difference),) = support.differences(GATEWAY)
		self.assertEqual((kind, difference), ("Other Amount", -0.5))

	def test_the_alert_names_what_is_open_and_the_invariants_hold(self):
		name = self.unknown()
		found = [finding for finding in alert_rules.payouts() if name in finding.records]
		self.assertEqual([finding.kind for finding in found], ["Payout Differences"])
		own = {p.name for p in support.payouts(GATEWAY)}
		self.assertFalse(
			{row for rows in invariants.check(tuple(PAYOUT_RULES)).values() for row in rows} & own
		)
		frappe.db.delete("Payment Payout Difference", {"name": name})
		self.assertIn("payout_line_without_fate", invariants.check(tuple(PAYOUT_RULES)))
		frappe.db.rollback()

	def test_the_daily_job_finds_what_was_never_paid_out(self):
		journey = support.paid(GATEWAY)
		simulator().settle(GATEWAY)
		missed = support.paid(GATEWAY)
		payout_jobs.run_payouts()
		capture = missed.captures()[0].name
		age("Payment Capture", capture, "captured_at", 8)
		support.set_payouts(GATEWAY, payouts_since=now_datetime().date() - timedelta(days=30))
		payout_jobs.run_payouts()
		self.assertIn(
			f"open-{capture}", frappe.get_all("Payment Payout Difference", {"status": "Open"}, pluck="name")
		)
		simulator().settle(GATEWAY)
		payout_jobs.run_payouts()
		status = frappe.db.get_value("Payment Payout Difference", f"open-{capture}", "status")
		self.assertEqual((status, len(journey.captures())), ("Resolved", 1))
