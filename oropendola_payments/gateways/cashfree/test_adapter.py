"""Cashfree's adapter against the simulated Cashfree: orders are created, queried, captured and cancelled."""

import json
import unittest
from datetime import timedelta
from decimal import Decimal

from oropendola_payments.gateways.base import HOLD_RETURNED, Customer, Outcome
from oropendola_payments.gateways.cashfree.client import API_VERSION
from oropendola_payments.gateways.cashfree.payloads import json_of
from oropendola_payments.gateways.cashfree.test_case import CashfreeCase
from oropendola_payments.gateways.errors import GatewayRefused, MaybeSent


class TestCreateAndStatus(CashfreeCase):
	def test_a_payment_on_the_hosted_page_is_reported_paid(self):
		checkout = self.create("PAY1")
		self.assertEqual((checkout.next_action, checkout.sdk.driver), ("sdk", "cashfree"))
		self.assertEqual(checkout.sdk.config["mode"], "sandbox")
		script = self.simulator.open(checkout.sdk.script)
		self.assertIn("window.Cashfree", script.text)
		session = checkout.sdk.config["paymentSessionId"]
		page = self.simulator.open(f"/cashfree/pg/view/sessions/checkout?session={session}")
		self.assertIn("1499.00", page.text)
		back = self.simulator.pay("cashfree", "PAY1")
		self.assertEqual((back.method, back.url, dict(back.fields)), ("GET", self.return_url("PAY1"), {}))
		event, charge = self.status_of("PAY1"), self.simulator.captures("cashfree")[0]
		self.assertEqual(
			(event.outcome, event.amount, event.currency), (Outcome.PAID, Decimal("1499.00"), "INR")
		)
		self.assertEqual((event.payment_id, event.order_id), (charge.payment_id, checkout.order_id))

	def test_every_call_names_its_api_version(self):
		"""cashfree.md pitfall 7: without x-api-version another API answers; since 2023-08-01 all cf_* ids are text."""
		versions = []
		self.gateway.http.session.hooks["response"].append(
			lambda answer, **_options: versions.append(answer.request.headers.get("x-api-version"))
		)
		payment_id = self.paid("VERSION1")
		self.gateway.refund(self.refund_of("VERSION1", payment_id))
		self.gateway.refund_status(self.refund_of("VERSION1", payment_id))
		self.assertGreaterEqual(len(versions), 5)
		self.assertEqual(set(versions), {API_VERSION})
		self.assertGreaterEqual(API_VERSION, "2023-08-01")

	def test_amounts_are_rupees_and_exact(self):
		"""cashfree.md pitfall 1, R17: neither paise nor a float."""
		self.create("PAY2", amount="8.35")
		self.assertEqual(self.simulator.order("cashfree", "PAY2").amount_minor, 835)
		self.assertEqual(json_of({"a": 1}, order_amount="1499.50"), '{"a": 1, "order_amount": 1499.50}')

	def test_an_amount_finer_than_paise_is_refused(self):
		with self.assertRaises(ValueError):
			self.create("PAY3", amount="1.005")

	def test_our_reference_is_in_order_id_and_tags(self):
		self.create("PAY4")
		self.assertEqual(self.simulator.order("cashfree", "PAY4").fields["tags"]["reference"], "PAY4")

	def test_a_missing_phone_number_is_refused_before_anything_is_sent(self):
		with self.assertRaisesRegex(GatewayRefused, "phone number"):
			self.create("PAY5", customer=Customer("Asha Example", "asha@example.com"))
		self.assertIsNone(self.simulator.order("cashfree", "PAY5"))

	def test_an_order_ends_after_half_an_hour(self):
		"""At least about 15 minutes ahead; the simulator refuses less."""
		ahead = self.create("PAY6").expires_at - self.simulator.clock.now()
		self.assertTrue(timedelta(minutes=29) < ahead < timedelta(minutes=31))

	def test_failed_attempts_leave_the_order_payable(self):
		"""cashfree.md pitfall 3: one FAILED closes nothing, a later attempt may succeed (R21)."""
		self.create("PAY7")
		for outcome in ("failure", "cancel"):
			self.simulator.pay("cashfree", "PAY7", outcome=outcome)
			event = self.status_of("PAY7")
			self.assertEqual((event.outcome, event.payment_id), (Outcome.PENDING, None))
		self.assertEqual(event.error_code, "TRANSACTION_DECLINED")
		self.simulator.pay("cashfree", "PAY7")
		self.assertEqual(self.status_of("PAY7").outcome, Outcome.PAID)

	def test_an_expired_order_without_an_open_attempt_is_expired(self):
		self.create("PAY8")
		self.simulator.pay("cashfree", "PAY8", outcome="failure")
		self.later(hours=1)
		self.assertEqual(self.status_of("PAY8").outcome, Outcome.EXPIRED)

	def test_an_attempt_that_began_before_expiry_may_still_succeed(self):
		"""R5, R6."""
		self.create("PAY9")
		self.simulator.pay("cashfree", "PAY9", outcome="pending")
		self.later(hours=1)
		self.assertEqual(self.status_of("PAY9").outcome, Outcome.PENDING)
		self.simulator.finish("cashfree", "PAY9")
		self.assertEqual(self.status_of("PAY9").outcome, Outcome.PAID)

	def test_two_successes_of_one_order_are_two_payments(self):
		"""P8. R7: a second capture must not disappear."""
		self.create("PAY10")
		self.simulator.pay("cashfree", "PAY10", outcome="pending")
		first = self.simulator.charges("cashfree")[0].payment_id
		self.simulator.pay("cashfree", "PAY10")
		body = {"entity": "PAYMENTS", "entity_id": first, "entity_simulation": {"payment_status": "SUCCESS"}}
		self.gateway.client.call("POST", "/simulate", json.dumps(body))
		events = self.gateway.status(self.ref("PAY10"))
		self.assertEqual([event.outcome for event in events], [Outcome.PAID] * 2)
		self.assertEqual(len({event.payment_id for event in events}), 2)

	def test_amount_and_currency_are_what_the_gateway_says(self):
		"""S2, R8."""
		self.create("PAY11")
		self.fault("pay", "wrong_amount", amount_minor=100)
		self.fault("pay", "wrong_currency", currency="USD")
		self.simulator.pay("cashfree", "PAY11")
		event = self.status_of("PAY11")
		self.assertEqual((event.amount, event.currency), (Decimal("1.00"), "USD"))

	def test_an_unknown_reference_is_not_found(self):
		self.assertEqual(self.status_of("NEVER").outcome, Outcome.NOT_FOUND)


class TestHolds(CashfreeCase):
	def setUp(self):
		super().setUp()
		self.configure(holds_only=True)
		self.create("HOLD1")
		self.simulator.pay("cashfree", "HOLD1")

	def test_a_success_that_is_not_captured_is_authorized(self):
		"""SUCCESS with is_captured false is not paid."""
		event = self.status_of("HOLD1")
		self.assertEqual((event.outcome, event.amount), (Outcome.AUTHORIZED, Decimal("1499.00")))
		self.assertEqual(self.simulator.captures("cashfree"), [])

	def test_capture_takes_the_money_once(self):
		held = self.status_of("HOLD1")
		taken = self.gateway.capture(self.ref("HOLD1"), held, "CAP1")
		self.assertEqual((taken.outcome, taken.payment_id), (Outcome.PAID, held.payment_id))
		again = self.gateway.capture(self.ref("HOLD1"), held, "CAP2")
		self.assertEqual(again.payment_id, taken.payment_id)
		self.assertEqual(len(self.simulator.captures("cashfree")), 1)

	def test_a_capture_without_an_answer_is_repeated_under_its_key(self):
		held = self.status_of("HOLD1")
		self.fault("capture", "timeout_after")
		with self.assertRaises(MaybeSent):
			self.gateway.capture(self.ref("HOLD1"), held, "CAP1")
		self.assertEqual(self.gateway.capture(self.ref("HOLD1"), held, "CAP1").outcome, Outcome.PAID)

	def test_a_stored_server_error_does_not_block_the_capture(self):
		"""P21. The order is looked at first: it knows whether the hold was captured."""
		held = self.status_of("HOLD1")
		self.configure(stored_failures=2)
		with self.assertRaises(MaybeSent):
			self.gateway.capture(self.ref("HOLD1"), held, "CAP1")
		self.later(hours=1)
		self.assertEqual(self.gateway.capture(self.ref("HOLD1"), held, "CAP1").outcome, Outcome.PAID)
		self.assertEqual(len(self.simulator.captures("cashfree")), 1)

	def test_a_capture_that_failed_after_it_was_done_is_found(self):
		held = self.status_of("HOLD1")
		self.fault("capture", "error_500_after")
		self.assertEqual(self.gateway.capture(self.ref("HOLD1"), held, "CAP1").outcome, Outcome.PAID)

	def test_a_hold_that_was_released_meanwhile_is_not_captured_under_another_key(self):
		held = self.status_of("HOLD1")
		self.gateway.client.call("POST", "/orders/HOLD1/authorization", json_of({"action": "VOID"}), "VOID1")
		self.configure(stored_failures=1)
		with self.assertRaises(MaybeSent):
			self.gateway.capture(self.ref("HOLD1"), held, "CAP1")
		self.assertEqual(self.provider.config["stored_failures"], 0)
		self.assertFalse([key for key in self.provider.idempotent_responses if key.startswith("CAP1-")])

	def test_captures_and_refunds_carry_their_idempotency_key(self):
		"""P10. A retry must bring the same key."""
		self.gateway.capture(self.ref("HOLD1"), self.status_of("HOLD1"), "CAP5")
		self.gateway.refund(self.refund_of("HOLD1", key="RF5"))
		self.assertTrue({"CAP5", "RF5"} <= set(self.provider.idempotent_responses))

	def test_a_partial_capture_counts_what_was_captured(self):
		held = self.status_of("HOLD1")
		body = json_of({"action": "CAPTURE"}, amount="999.00")
		self.gateway.client.call("POST", "/orders/HOLD1/authorization", body, "CAP3")
		self.assertEqual(self.status_of("HOLD1").amount, Decimal("999.00"))
		self.assertEqual(held.outcome, Outcome.AUTHORIZED)

	def test_a_hold_that_was_released_is_failed(self):
		body = json_of({"action": "VOID"})
		self.gateway.client.call("POST", "/orders/HOLD1/authorization", body, "VOID1")
		event = self.status_of("HOLD1")
		self.assertEqual((event.outcome, event.error_code), (Outcome.FAILED, HOLD_RETURNED))
		self.assertIsNone(event.reason)
		with self.assertRaises(GatewayRefused):
			self.gateway.capture(self.ref("HOLD1"), self.status_of("HOLD1"), "CAP4")


class TestCancel(CashfreeCase):
	def test_an_open_order_is_cancelled(self):
		self.create("CAN1")
		self.assertEqual(self.gateway.cancel(self.ref("CAN1")).outcome, Outcome.CANCELLED)
		self.assertEqual(self.status_of("CAN1").outcome, Outcome.CANCELLED)

	def test_cancelling_an_order_with_an_open_attempt_is_pending(self):
		"""TERMINATION_REQUESTED is not final, the attempt may still succeed."""
		self.create("CAN2")
		self.simulator.pay("cashfree", "CAN2", outcome="pending")
		self.assertEqual(self.gateway.cancel(self.ref("CAN2")).outcome, Outcome.PENDING)
		self.simulator.finish("cashfree", "CAN2")
		self.assertEqual(self.status_of("CAN2").outcome, Outcome.PAID)

	def test_cancelling_a_paid_order_reports_it_paid(self):
		payment_id = self.paid("CAN3")
		event = self.gateway.cancel(self.ref("CAN3"))
		self.assertEqual((event.outcome, event.payment_id), (Outcome.PAID, payment_id))

	def test_an_unknown_order_is_not_found(self):
		self.assertEqual(self.gateway.cancel(self.ref("NEVER")).outcome, Outcome.NOT_FOUND)


if __name__ == "__main__":
	unittest.main()
