"""Refunds through Cashflows, which has no idempotency key: our number is looked up first."""

import unittest
from dataclasses import replace
from decimal import Decimal

from oropendola_payments.gateways.base import Outcome, RefundOutcome
from oropendola_payments.gateways.cashflows.test_case import CashflowsCase
from oropendola_payments.gateways.errors import GatewayRefused, MaybeSent


class TestRefunds(CashflowsCase):
	def test_each_key_is_refunded_once(self):
		"""cashflows.md pitfall 7: there is no idempotency key; our refundNumber is looked for first."""
		request = self.make_refund(self.paid())
		first, again = self.gateway.refund(request), self.gateway.refund(request)
		self.assertEqual(
			(first.outcome, first.key, first.amount), (RefundOutcome.REFUNDED, "RF0001", Decimal("4.00"))
		)
		self.assertEqual(first.refund_id, again.refund_id)
		self.assertEqual(len(self.simulator.refunds("cashflows")), 1)
		self.gateway.refund(replace(request, key="RF0002"))
		self.assertEqual(self.simulator.captures("cashflows")[0].refunded_minor, 800)

	def test_a_refund_without_an_answer_is_found_by_our_number(self):
		"""P14. R13, R14: unknown until it is looked up, and never sent twice."""
		request = self.make_refund(self.paid())
		self.assertEqual(self.gateway.refund_status(request).outcome, RefundOutcome.NOT_FOUND)
		self.fault("refund", "timeout_after")
		with self.assertRaises(MaybeSent):
			self.gateway.refund(request)
		self.assertEqual(self.gateway.refund_status(request).outcome, RefundOutcome.REFUNDED)
		self.assertEqual(self.gateway.refund(request).outcome, RefundOutcome.REFUNDED)
		self.assertEqual(len(self.simulator.refunds("cashflows")), 1)

	def test_an_error_report_does_not_hide_a_refund_that_was_made(self):
		"""An answer with 2xx can still carry an errorReport."""
		self.configure(refund_reports_error=True)
		self.assertEqual(self.gateway.refund(self.make_refund(self.paid())).outcome, RefundOutcome.REFUNDED)

	def test_a_success_with_an_error_report_and_no_refund_is_a_refusal(self):
		self.fault("refund", "decline")
		with self.assertRaises(GatewayRefused) as refused:
			self.gateway.refund(self.make_refund(self.paid()))
		self.assertEqual(refused.exception.gateway_code, "GenericRejectionOfRefund")

	def test_a_pending_refund_is_processing_until_it_ends(self):
		self.configure(refund_state="pending")
		request = self.make_refund(self.paid())
		self.assertEqual(self.gateway.refund(request).outcome, RefundOutcome.PROCESSING)
		self.simulator.finish_refund("cashflows", "RF0001", "failure")
		self.assertEqual(self.gateway.refund_status(request).outcome, RefundOutcome.FAILED)

	def test_a_refund_that_cashflows_refuses_is_refused(self):
		request = self.make_refund(self.paid())
		with self.assertRaises(GatewayRefused) as refused:
			self.gateway.refund(replace(request, amount=Decimal("10.01")))
		self.assertEqual(refused.exception.gateway_code, "RefundAmountExceedsOriginalAmount")
		self.gateway.refund(replace(request, amount=Decimal("10.00")))
		with self.assertRaises(GatewayRefused) as refused:
			self.gateway.refund(replace(request, key="RF0002"))
		self.assertEqual(refused.exception.gateway_code, "PaymentAlreadyFullyRefunded")

	def test_a_refunded_payment_is_still_paid(self):
		payment = self.paid()
		self.gateway.refund(self.make_refund(payment, amount="10.00"))
		self.assertEqual(self.gateway.status(payment)[0].outcome, Outcome.PAID)


if __name__ == "__main__":
	unittest.main()
