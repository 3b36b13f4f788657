"""PayPal's adapter against the simulated PayPal: orders are created, queried and captured."""

import json
import unittest
from dataclasses import asdict, replace
from datetime import timedelta
from decimal import Decimal

from oropendola_payments.gateways.base import Outcome, PaymentRef
from oropendola_payments.gateways.errors import BadAnswer, GatewayRefused, MaybeSent
from oropendola_payments.gateways.paypal.adapter import PayPal
from oropendola_payments.gateways.paypal.test_case import PayPalCase


class TestCreate(PayPalCase):
	def test_the_customer_is_sent_to_the_approval_link(self):
		"""paypal.md pitfall 4: with payment_source.paypal the link is called payer-action, and no address is built by hand."""
		checkout = self.gateway.create(self.make_request())
		self.assertEqual(checkout.next_action, "redirect")
		self.assertIn("/checkoutnow?token=" + checkout.order_id, checkout.url)

	def test_the_older_name_of_the_approval_link_is_accepted(self):
		"""Older answers call the link approve instead of payer-action."""
		self.configure(link_rel="approve")
		self.assertIn("/checkoutnow", self.gateway.create(self.make_request()).url)

	def test_an_answer_without_an_approval_link_is_a_bad_answer(self):
		self.configure(link_rel="self-service")
		with self.assertRaises(BadAnswer):
			self.gateway.create(self.make_request())

	def test_the_attempt_is_the_reference_and_the_invoice_id(self):
		"""paypal.md pitfall 6: an invoice_id that is used twice is DUPLICATE_INVOICE_ID, so it is the attempt."""
		self.open()
		unit = self.simulator.order("paypal", self.reference).fields["unit"]
		self.assertEqual((unit["custom_id"], unit["invoice_id"]), (self.reference, self.reference))
		self.assertEqual(unit["amount"], {"currency_code": "USD", "value": "499.50"})
		with self.assertRaises(GatewayRefused) as refused:
			self.gateway.create(self.make_request(idempotency_key="another"))
		self.assertEqual(refused.exception.gateway_code, "DUPLICATE_INVOICE_ID")

	def test_the_same_key_opens_the_same_order(self):
		"""PayPal-Request-Id; a replay answers 200."""
		first, again = self.gateway.create(self.make_request()), self.gateway.create(self.make_request())
		self.assertEqual(first.order_id, again.order_id)

	def test_a_key_that_is_too_long_is_shortened_the_same_way_each_time(self):
		"""1 to 108 characters."""
		key = "k" * 300
		first = self.gateway.create(self.make_request(idempotency_key=key))
		self.assertEqual(first.order_id, self.gateway.create(self.make_request(idempotency_key=key)).order_id)

	def test_currencies_without_decimals_get_none(self):
		"""paypal.md pitfall 5, R17: HUF, JPY and TWD take no decimal point, although ISO 4217 gives HUF and TWD two."""
		for currency in ("HUF", "JPY", "TWD"):
			with self.subTest(currency):
				reference = self.reference + currency
				self.open(
					amount="500", currency=currency, reference=reference, idempotency_key=currency + reference
				)
				unit = self.simulator.order("paypal", reference).fields["unit"]
				self.assertEqual(unit["amount"]["value"], "500")

	def test_an_amount_finer_than_paypal_takes_is_refused_before_it_is_sent(self):
		for amount, currency in (("10.50", "HUF"), ("10.505", "USD")):
			with self.subTest(currency), self.assertRaises(GatewayRefused):
				self.gateway.create(self.make_request(amount=amount, currency=currency))

	def test_cents_are_sent_exactly(self):
		"""R17: int(8.35 * 100) is 834."""
		self.open(amount="8.35")
		self.assertEqual(self.simulator.order("paypal", self.reference).amount_minor, 835)

	def test_rupees_are_not_offered(self):
		"""PayPal India ended domestic payments in April 2021. R18: nothing becomes another currency."""
		self.assertNotIn("INR", PayPal.capabilities.currencies)
		with self.assertRaises(GatewayRefused) as refused:
			self.gateway.create(self.make_request(currency="INR"))
		self.assertEqual(refused.exception.gateway_code, "CURRENCY_NOT_SUPPORTED")

	def test_a_create_without_an_answer_is_unknown(self):
		self.gateway.test_connection()
		self.fault("create", "timeout_after")
		with self.assertRaises(MaybeSent):
			self.gateway.create(self.make_request())
		self.assertIsNotNone(self.gateway.create(self.make_request()).order_id)

	def test_garbage_is_a_bad_answer_and_a_server_error_is_unknown(self):
		for kind, error in (("garbage", BadAnswer), ("error_500_before", MaybeSent)):
			with self.subTest(kind), self.assertRaises(error):
				self.fault("create", kind)
				self.gateway.create(self.make_request())


class TestStatusAndCapture(PayPalCase):
	def test_an_approved_order_is_authorized(self):
		"""paypal.md pitfall 3: APPROVED moved no money."""
		event = self.only(self.gateway.status(self.approved()))
		self.assertEqual(event.outcome, Outcome.AUTHORIZED)
		self.assertEqual((event.reference, event.amount), (self.reference, Decimal("499.50")))
		self.assertEqual(self.simulator.captures("paypal"), [])

	def test_capture_takes_the_money_once_and_says_how_much(self):
		payment = self.approved()
		authorized = self.status(payment)
		first = self.gateway.capture(payment, authorized, "k1")
		again = self.gateway.capture(payment, authorized, "k1")
		self.assertEqual((first.outcome, first.payment_id), (Outcome.PAID, again.payment_id))
		self.assertEqual((first.amount, first.currency), (Decimal("499.50"), "USD"))
		self.assertEqual((first.reference, first.order_id), (self.reference, payment.order_id))
		self.assertEqual(len(self.simulator.captures("paypal")), 1)

	def test_page_and_webhook_capture_with_one_request_id(self):
		"""Not at the same time with different request ids; so the attempt decides it."""
		payment = self.approved()
		authorized = self.status(payment)
		first = self.gateway.capture(payment, authorized, "from-the-page")
		again = self.gateway.capture(payment, authorized, "from-the-webhook")
		self.assertEqual(first.payment_id, again.payment_id)
		approved_at = f"{authorized.occurred_at:%Y%m%dT%H%M%S}"
		self.assertEqual(
			self.simulator.charges("paypal")[0].fields["request_id"],
			f"capture-{self.reference}-{approved_at}",
		)

	def test_an_order_captured_before_gives_its_capture(self):
		"""ORDER_ALREADY_CAPTURED is success; take the existing capture."""
		payment, event = self.captured()
		elsewhere = replace(payment, reference="another request id")
		self.assertEqual(self.gateway.capture(elsewhere, event, "k").payment_id, event.payment_id)

	def test_a_capture_without_an_answer_is_found_by_a_status_query(self):
		payment = self.approved()
		authorized = self.status(payment)
		self.fault("capture", "timeout_after")
		with self.assertRaises(MaybeSent):
			self.gateway.capture(payment, authorized, "k")
		self.assertEqual(self.status(payment).outcome, Outcome.PAID)

	def test_a_completed_order_with_a_pending_capture_is_not_paid(self):
		"""paypal.md pitfall 3: order COMPLETED alone is not money."""
		payment = self.approved(outcome="pending")
		event = self.gateway.capture(payment, self.status(payment), "k")
		self.assertEqual((event.outcome, event.error_code), (Outcome.PENDING, "ECHECK"))
		self.assertTrue(event.in_transit)
		self.simulator.finish("paypal", self.reference, "success")
		self.assertEqual(
			(self.status(payment).outcome, self.status(payment).in_transit), (Outcome.PAID, False)
		)

	def test_money_that_waits_for_the_merchant_is_pending_with_a_reason(self):
		"""paypal.md pitfall 7: a currency that the account does not hold stays PENDING until it is accepted by hand."""
		for reason, says in (
			("RECEIVING_PREFERENCE_MANDATES_MANUAL_ACTION", "please accept it in your PayPal account"),
			("UNILATERAL", "please confirm the e-mail address"),
		):
			self.configure(pending_reason=reason)
			self.reference = f"PP{reason[:12]}"
			payment = self.approved(outcome="pending")
			event = self.gateway.capture(payment, self.status(payment), "k")
			self.assertEqual((event.outcome, event.error_code), (Outcome.PENDING, reason))
			self.assertIn(says, event.reason)

	def test_a_capture_denied_later_is_failed(self):
		payment = self.approved(outcome="pending")
		self.gateway.capture(payment, self.status(payment), "k")
		self.simulator.finish("paypal", self.reference, "failure")
		self.assertEqual(self.status(payment).outcome, Outcome.FAILED)

	def test_a_refused_card_leaves_the_order_open(self):
		"""INSTRUMENT_DECLINED sends the customer back; the order can still be paid."""
		payment = self.approved(outcome="failure")
		event = self.gateway.capture(payment, self.status(payment), "k")
		self.assertEqual((event.outcome, event.error_code), (Outcome.PENDING, "INSTRUMENT_DECLINED"))
		self.simulator.pay("paypal", self.reference)
		paid = self.gateway.capture(payment, self.status(payment), "k")
		self.assertEqual(paid.outcome, Outcome.PAID)

	def test_an_order_approved_again_after_a_declined_capture_is_captured(self):
		"""PayPal may report the decline as a capture in the order, which is still open."""
		self.configure(declined_capture="recorded")
		payment = self.approved(outcome="failure")
		declined = self.gateway.capture(payment, self.status(payment), "k")
		self.assertEqual((declined.outcome, declined.error_code), (Outcome.PENDING, "DECLINED"))
		self.simulator.pay("paypal", self.reference)
		approval, old_capture = self.gateway.status(payment)
		self.assertEqual((approval.outcome, old_capture.outcome), (Outcome.AUTHORIZED, Outcome.PENDING))
		self.assertEqual(self.gateway.capture(payment, approval, "k").outcome, Outcome.PAID)
		self.assertEqual([event.outcome for event in self.gateway.status(payment)][-1], Outcome.PAID)
		self.assertEqual(len(self.simulator.captures("paypal")), 1)

	def test_an_approval_before_the_declined_capture_is_not_captured_again(self):
		self.configure(declined_capture="recorded")
		payment = self.approved(outcome="failure")
		self.gateway.capture(payment, self.status(payment), "k")
		self.order().fields["status"] = "APPROVED"
		self.assertEqual(
			(self.status(payment).outcome, self.status(payment).in_transit), (Outcome.PENDING, False)
		)

	def test_one_approval_tries_a_refused_card_once(self):
		payment = self.approved(outcome="failure")
		authorized = self.gateway.status(payment)[0]
		for _time in range(20):
			self.gateway.capture(payment, authorized, "k")
		self.assertEqual(len(self.order().fields["refused"]), 1)

	def test_a_refused_card_is_tried_a_limited_number_of_times(self):
		"""Also where PayPal tells no time of the approval, or a new one after every decline."""
		for number, has_time in enumerate((True, False)):
			self.reference = f"PPLIMIT{number}"
			payment = self.approved(outcome="failure")
			for minute in range(20):
				event = self.gateway.status(payment)[0]
				moment = event.occurred_at + timedelta(minutes=minute) if has_time else None
				self.gateway.capture(payment, replace(event, occurred_at=moment), "k")
				self.order().fields["status"] = "APPROVED"
			with self.subTest(has_time=has_time):
				self.assertEqual(len(self.order().fields["refused"]), 11)

	def order(self):
		return self.provider.ledger.find_order_by_reference(self.reference)

	def refused_capture(self, issue: str, number: int):
		"""The capture of an order of its own: PayPal answers a repeated request id as it did before."""
		self.reference = f"PPWAIT{number}"
		payment = self.approved()
		authorized = self.status(payment)
		self.configure(capture_issue=issue)
		try:
			return self.gateway.capture(payment, authorized, "k")
		finally:
			self.configure(capture_issue="")

	def test_a_capture_that_has_to_wait_is_pending(self):
		"""Retry later, or send the customer back; the order stays open either way."""
		for number, (issue, says) in enumerate(
			(
				("ORDER_COMPLETION_IN_PROGRESS", "not finished"),
				("PAYER_ACTION_REQUIRED", "return to PayPal"),
				("REDIRECT_PAYER_FOR_ALTERNATE_FUNDING", "return to PayPal"),
			)
		):
			event = self.refused_capture(issue, number)
			self.assertEqual((event.outcome, event.error_code), (Outcome.PENDING, issue))
			self.assertIn(says, event.reason)

	def test_a_final_refusal_is_an_error(self):
		"""paypal.md pitfall 10: buyer and merchant in one country that is closed; which issue comes is unconfirmed."""
		issues = ("COMPLIANCE_VIOLATION", "TRANSACTION_REFUSED", "DOMESTIC_TRANSACTION_REFUSED")
		for number, issue in enumerate(issues):
			with self.assertRaises(GatewayRefused) as refused:
				self.refused_capture(issue, number)
			self.assertEqual(refused.exception.gateway_code, issue)

	def test_an_order_that_nobody_approved_cannot_be_captured(self):
		payment = self.open()
		event = self.gateway.capture(payment, self.status(payment), "k")
		self.assertEqual((event.outcome, event.error_code), (Outcome.PENDING, "ORDER_NOT_APPROVED"))
		self.assertEqual(self.simulator.charges("paypal"), [])

	def test_the_amount_is_what_paypal_says(self):
		"""S2, R8: the engine compares, so the adapter must not repeat our own number."""
		payment = self.approved()
		self.fault("pay", "wrong_amount", amount_minor=100)
		event = self.gateway.capture(payment, self.status(payment), "k")
		self.assertEqual((event.outcome, event.amount), (Outcome.PAID, Decimal("1.00")))

	def test_a_refunded_capture_is_still_paid(self):
		"""REFUNDED and PARTIALLY_REFUNDED are money that was taken."""
		payment, event = self.captured()
		self.gateway.refund(self.make_refund(payment, event))
		again, _refund = self.gateway.status(payment)
		self.assertEqual((again.outcome, again.amount), (Outcome.PAID, Decimal("499.50")))

	def test_an_unknown_payment_is_not_found(self):
		unknown = PaymentRef("X", Decimal(1), "USD", "5O99999999999999N")
		for payment in (
			unknown,
			replace(unknown, order_id=None),
			replace(unknown, order_id=None, payment_id="8X"),
		):
			self.assertEqual(self.status(payment).outcome, Outcome.NOT_FOUND)

	def test_a_payment_is_found_by_its_capture_alone(self):
		payment, event = self.captured()
		found = self.only(self.gateway.status(replace(payment, order_id=None, payment_id=event.payment_id)))
		self.assertEqual((found.outcome, found.order_id), (Outcome.PAID, payment.order_id))

	def test_events_contain_no_personal_data(self):
		_, event = self.captured()
		self.assertNotIn("example.com", json.dumps(asdict(event), default=str))


if __name__ == "__main__":
	unittest.main()
