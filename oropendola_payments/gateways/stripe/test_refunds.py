"""Refunds through Stripe: each is made once, and found again by our key."""

import unittest
from dataclasses import replace

from oropendola_payments.gateways.base import RefundOutcome
from oropendola_payments.gateways.errors import GatewayRefused, MaybeSent
from oropendola_payments.gateways.stripe.test_case import StripeCase


class TestRefunds(StripeCase):
	def test_a_partial_refund_carries_our_key(self):
		payment, event = self.pay()
		refund = self.gateway.refund(self.make_refund(payment, event, "100.05"))
		self.assertEqual((refund.outcome, refund.key), (RefundOutcome.REFUNDED, "RF0001"))
		self.assertEqual((str(refund.amount), refund.payment_id), ("100.05", event.payment_id))
		self.assertEqual(
			self.simulator.refunds("stripe")[0].fields["params"]["reason"], "requested_by_customer"
		)

	def test_stripes_idempotency_prevents_a_second_refund_when_the_list_is_stale(self):
		payment, event = self.pay()
		request = self.make_refund(payment, event)
		first, second = (self.gateway._send_refund(request) for _ in range(2))
		self.assertEqual((first.refund_id, self.refunded()), (second.refund_id, [10000]))

	def test_a_stored_server_error_does_not_block_the_refund(self):
		"""P17. Stripe repeats a stored 500 for a day: after a look at the list another key is needed."""
		payment, event = self.pay()
		request = self.make_refund(payment, event)
		self.configure(stored_failure=True)
		with self.assertRaises(MaybeSent):
			self.gateway.refund(request)
		self.assertEqual(self.gateway.refund(request).outcome, RefundOutcome.REFUNDED)
		self.gateway.refund(request)
		self.assertEqual(self.refunded(), [10000])

	def test_a_fully_refunded_payment_is_not_refunded_again(self):
		"""R15."""
		payment, event = self.pay()
		self.gateway.refund(self.make_refund(payment, event, "1499.50", "RF0001"))
		with self.assertRaisesRegex(GatewayRefused, "already been refunded") as caught:
			self.gateway.refund(self.make_refund(payment, event, "1", "RF0002"))
		self.assertEqual(caught.exception.gateway_code, "charge_already_refunded")

	def test_a_refund_that_another_worker_just_made_is_returned(self):
		payment, event = self.pay()
		request = self.make_refund(payment, event, "1499.50")
		charge = self.provider.ledger.find_charge(event.payment_id)

		def refund_first(answer, **options):
			if answer.request.method == "GET" and not charge.refunded_minor:
				params = {"metadata": {"payment_refund": request.key}}
				self.provider._new_refund(charge, params, 149950)

		self.session.hooks["response"].append(refund_first)
		self.assertEqual(self.gateway.refund(request).outcome, RefundOutcome.REFUNDED)
		self.assertEqual(self.refunded(), [149950])

	def test_a_pending_refund_is_reported_until_it_ends(self):
		self.configure(refund_status="pending")
		endings = {"success": RefundOutcome.REFUNDED, "failure": RefundOutcome.FAILED}
		payment, event = self.pay()
		for ending, outcome in endings.items():
			with self.subTest(ending):
				request = self.make_refund(payment, event, key=f"RF{ending}")
				begun = self.gateway.refund(request)
				self.simulator.finish_refund("stripe", request.key, ending)
				ended = self.gateway.refund_status(replace(request, refund_id=begun.refund_id))
				self.assertEqual((begun.outcome, ended.outcome), (RefundOutcome.PROCESSING, outcome))

	def test_a_refund_reported_as_done_can_still_fail_days_later(self):
		"""docs.stripe.com/testing, card 4000 0000 0000 5126."""
		payment, event = self.pay()
		request = self.make_refund(payment, event)
		begun = self.gateway.refund(request)
		self.later(days=3)
		self.simulator.finish_refund("stripe", request.key, "failure")
		ended = self.gateway.refund_status(request)
		self.assertEqual((begun.outcome, ended.outcome), (RefundOutcome.REFUNDED, RefundOutcome.FAILED))
		self.assertEqual(ended.reason, "expired_or_canceled_card")

	def test_the_refund_is_found_among_more_than_one_page(self):
		payment, event = self.pay()
		request = self.make_refund(payment, event, "1")
		self.gateway.refund(request)
		charge = self.provider.ledger.find_charge(event.payment_id)
		for number in range(150):
			self.provider.ledger.add_refund(charge, f"re_X{number}", f"X{number}", 100, fields={"params": {}})
		self.assertEqual(self.gateway.refund_status(request).key, "RF0001")

	def test_a_payment_without_an_intent_is_refunded_by_its_charge(self):
		payment, event = self.pay()
		charge_id = self.simulator.captures("stripe")[0].fields["charge_id"]
		request = replace(self.make_refund(payment, event), payment_id=charge_id)
		self.assertEqual(self.gateway.refund(request).outcome, RefundOutcome.REFUNDED)

	def test_unknown_refunds_and_payments_are_not_found_or_refused(self):
		payment, event = self.pay()
		request = self.make_refund(payment, event)
		for refund_id in ("re_nobody", "../sessions"):
			reported = self.gateway.refund_status(replace(request, refund_id=refund_id))
			self.assertEqual(reported.outcome, RefundOutcome.NOT_FOUND)
		with self.assertRaises(GatewayRefused):
			self.gateway.refund(replace(request, payment_id="pi_nobody"))


if __name__ == "__main__":
	unittest.main()
