"""Refunds through Razorpay: each is made once, and found again by our key."""

import unittest
from dataclasses import replace

from oropendola_payments.gateways.base import Outcome, RefundOutcome
from oropendola_payments.gateways.errors import GatewayRefused, MaybeSent
from oropendola_payments.gateways.razorpay.test_case import RazorpayCase


class TestRefunds(RazorpayCase):
	def test_a_partial_refund_carries_our_key(self):
		payment, event = self.pay()
		refund = self.gateway.refund(self.make_refund(payment, event, "100.05"))
		self.assertEqual((refund.outcome, refund.key), (RefundOutcome.REFUNDED, "RF0001"))
		self.assertEqual((str(refund.amount), refund.payment_id), ("100.05", event.payment_id))
		self.assertEqual(self.simulator.captures("razorpay")[0].refunded_minor, 10005)

	def test_a_short_key_still_makes_a_long_enough_idempotency_header(self):
		"""X-Refund-Idempotency takes at least ten letters, digits, - or _; the simulator refuses others."""
		payment, event = self.pay()
		self.gateway.refund(self.make_refund(payment, event, key="A1"))
		self.assertEqual(self.simulator.refunds("razorpay")[0].fields["idempotency"], "payment-refund-A1")

	def test_razorpays_idempotency_prevents_a_second_refund_when_the_list_is_stale(self):
		"""P6. The same header with the same body answers the same refund again."""
		payment, event = self.pay()
		request = self.make_refund(payment, event)
		first, second = self.gateway._send_refund(request), self.gateway._send_refund(request)
		self.assertEqual((first.refund_id, self.refunded()), (second.refund_id, [10000]))

	def test_partial_refunds_add_up_to_the_captured_amount_at_most(self):
		"""R15: Razorpay caps the total as well."""
		payment, event = self.pay()
		self.gateway.refund(self.make_refund(payment, event, "1000", "RF0001"))
		self.gateway.refund(self.make_refund(payment, event, "499.50", "RF0002"))
		with self.assertRaisesRegex(GatewayRefused, "fully refunded"):
			self.gateway.refund(self.make_refund(payment, event, "1", "RF0003"))
		self.assertEqual(self.refunded(), [100000, 49950])

	def test_a_refund_that_is_still_running_is_unknown(self):
		"""HTTP 409: the same refund is still running (Razorpay refunds API)."""
		payment, event = self.pay()
		self.fault("refund", "error_500_before", status=409)
		with self.assertRaises(MaybeSent):
			self.gateway.refund(self.make_refund(payment, event))

	def test_a_refund_that_another_worker_just_made_is_returned(self):
		payment, event = self.pay()
		request = self.make_refund(payment, event, "1499.50")
		other = self.make_gateway()

		def refund_first(answer, **options):
			if answer.request.method == "GET":
				self.session.hooks["response"].remove(refund_first)
				body = {"receipt": request.key, "amount": 149950}
				other.client.sdk.payment.refund(event.payment_id, body)

		self.session.hooks["response"].append(refund_first)
		self.assertEqual(self.gateway.refund(request).outcome, RefundOutcome.REFUNDED)
		self.assertEqual(self.refunded(), [149950])

	def test_normal_and_instant_refunds_have_razorpays_names(self):
		payment, event = self.pay()
		normal = self.gateway.refund(self.make_refund(payment, event, key="RF0001"))
		instant = self.gateway.refund(self.make_refund(payment, event, key="RF0002", speed="instant"))
		speeds = [refund.fields["params"]["speed"] for refund in self.simulator.refunds("razorpay")]
		self.assertEqual(speeds, ["normal", "optimum"])
		self.assertEqual([normal.details["speed"], instant.details["speed"]], ["normal", "instant"])

	def test_a_pending_refund_is_reported_until_it_ends(self):
		self.configure(refund_status="pending")
		endings = {"success": RefundOutcome.REFUNDED, "failure": RefundOutcome.FAILED}
		payment, event = self.pay()
		for ending, outcome in endings.items():
			with self.subTest(ending):
				request = self.make_refund(payment, event, key=f"RF{ending}")
				begun = self.gateway.refund(request)
				self.simulator.finish_refund("razorpay", request.key, ending)
				ended = self.gateway.refund_status(replace(request, refund_id=begun.refund_id))
				self.assertEqual((begun.outcome, ended.outcome), (RefundOutcome.PROCESSING, outcome))

	def test_the_refund_is_found_among_more_than_one_page(self):
		payment, event = self.pay()
		request = self.make_refund(payment, event, "1")
		self.gateway.refund(request)
		charge = self.provider.ledger.find_charge(event.payment_id)
		for number in range(150):
			fields = {"params": {"receipt": f"X{number}"}, "idempotency": ""}
			self.provider.ledger.add_refund(charge, f"rfnd_X{number}", f"X{number}", 100, fields=fields)
		self.assertEqual(self.gateway.refund_status(request).key, "RF0001")

	def test_a_refund_id_of_another_payment_is_not_found(self):
		payment, event = self.pay()
		request = self.make_refund(payment, event)
		self.assertEqual(
			self.gateway.refund_status(replace(request, refund_id="rfnd_Nobody000001")).outcome,
			RefundOutcome.NOT_FOUND,
		)

	def test_an_id_cannot_lead_the_call_to_another_address(self):
		payment, event = self.pay()
		request = replace(self.make_refund(payment, event), payment_id="x/../../orders")
		with self.assertRaises(GatewayRefused):
			self.gateway.refund(request)

	def test_a_refunded_payment_is_still_paid(self):
		"""A full refund changes the state of the payment to `refunded`, but it was captured."""
		payment, event = self.pay()
		self.gateway.refund(self.make_refund(payment, event, "1499.50"))
		after, _refund = self.gateway.status(payment)
		self.assertEqual((after.outcome, after.amount), (Outcome.PAID, event.amount))
		self.assertEqual(after.details["status"], "refunded")


if __name__ == "__main__":
	unittest.main()
