"""Paying and giving back through the simulated PayPal. Facts: PayPal's Orders v2 and Payments v2 pages."""

import json
import unittest
from dataclasses import asdict, replace
from decimal import Decimal

from oropendola_payments.gateways.base import Outcome, PaymentRef, RefundOutcome
from oropendola_payments.gateways.errors import (
	BadAnswer,
	CredentialsRefused,
	GatewayRefused,
	MaybeSent,
	NotSent,
)
from oropendola_payments.gateways.paypal.adapter import PayPal
from oropendola_payments.gateways.paypal.test_case import PayPalCase


class Forgetful(dict):
	"""PayPal's memory of tokens when it accepts none of those it gave."""

	def get(self, key, default=None):
		return default


class TestCreate(PayPalCase):
	def test_the_customer_is_sent_to_the_approval_link(self):
		"""paypal.md pitfall 4: with payment_source.paypal the link is called payer-action, and no address is built by hand."""
		checkout = self.gateway.create(self.request())
		self.assertEqual(checkout.next_action, "redirect")
		self.assertIn("/checkoutnow?token=" + checkout.order_id, checkout.url)

	def test_the_older_link_name_is_understood_too(self):
		"""Facts, "Create an order": accept either rel."""
		self.simulator.configure("paypal", link_rel="approve")
		self.assertIn("/checkoutnow", self.gateway.create(self.request()).url)

	def test_an_answer_without_an_approval_link_is_a_bad_answer(self):
		self.simulator.configure("paypal", link_rel="self-service")
		with self.assertRaises(BadAnswer):
			self.gateway.create(self.request())

	def test_the_attempt_is_the_reference_and_the_invoice_id(self):
		"""paypal.md pitfall 6: an invoice_id that is used twice is DUPLICATE_INVOICE_ID, so it is the attempt."""
		self.opened()
		unit = self.simulator.order("paypal", self.reference).fields["unit"]
		self.assertEqual((unit["custom_id"], unit["invoice_id"]), (self.reference, self.reference))
		self.assertEqual(unit["amount"], {"currency_code": "USD", "value": "499.50"})
		with self.assertRaises(GatewayRefused) as refused:
			self.gateway.create(self.request(idempotency_key="another"))
		self.assertEqual(refused.exception.gateway_code, "DUPLICATE_INVOICE_ID")

	def test_the_same_key_opens_the_same_order(self):
		"""Facts, Idempotency: PayPal-Request-Id; a replay answers 200."""
		first, again = self.gateway.create(self.request()), self.gateway.create(self.request())
		self.assertEqual(first.order_id, again.order_id)

	def test_a_key_that_is_too_long_is_shortened_the_same_way_each_time(self):
		"""Facts, Idempotency: 1 to 108 characters."""
		key = "k" * 300
		first = self.gateway.create(self.request(idempotency_key=key))
		self.assertEqual(first.order_id, self.gateway.create(self.request(idempotency_key=key)).order_id)

	def test_currencies_without_decimals_get_none(self):
		"""paypal.md pitfall 5, R17: HUF, JPY and TWD take no decimal point, although ISO 4217 gives HUF and TWD two."""
		for currency in ("HUF", "JPY", "TWD"):
			with self.subTest(currency):
				reference = self.reference + currency
				self.opened(
					amount="500", currency=currency, reference=reference, idempotency_key=currency + reference
				)
				unit = self.simulator.order("paypal", reference).fields["unit"]
				self.assertEqual(unit["amount"]["value"], "500")

	def test_an_amount_finer_than_paypal_takes_is_refused_before_it_is_sent(self):
		for amount, currency in (("10.50", "HUF"), ("10.505", "USD")):
			with self.subTest(currency), self.assertRaises(GatewayRefused):
				self.gateway.create(self.request(amount=amount, currency=currency))

	def test_cents_that_a_float_would_lose_arrive(self):
		"""R17: int(8.35 * 100) is 834."""
		self.opened(amount="8.35")
		self.assertEqual(self.simulator.order("paypal", self.reference).amount_minor, 835)

	def test_rupees_are_not_offered(self):
		"""Facts, INR: PayPal India ended domestic payments in April 2021. R18: nothing becomes another currency."""
		self.assertNotIn("INR", PayPal.capabilities.currencies)
		with self.assertRaises(GatewayRefused) as refused:
			self.gateway.create(self.request(currency="INR"))
		self.assertEqual(refused.exception.gateway_code, "CURRENCY_NOT_SUPPORTED")

	def test_no_answer_means_that_it_may_have_happened(self):
		self.gateway.test_connection()
		self.simulator.faults.add("paypal", "create", "timeout_after")
		with self.assertRaises(MaybeSent):
			self.gateway.create(self.request())
		self.assertIsNotNone(self.gateway.create(self.request()).order_id)

	def test_garbage_and_server_errors_are_told_apart(self):
		for kind, error in (("garbage", BadAnswer), ("error_500_before", MaybeSent)):
			with self.subTest(kind), self.assertRaises(error):
				self.simulator.faults.add("paypal", "create", kind)
				self.gateway.create(self.request())


class TestToken(PayPalCase):
	def test_one_token_serves_many_calls(self):
		"""paypal.md pitfall 8: a token per request ends in 429."""
		self.opened()
		before = dict(self.provider.access_tokens)
		self.gateway.status(PaymentRef(self.reference, Decimal(1), "USD", "5O"))
		self.assertEqual(self.provider.access_tokens, before)

	def test_a_token_that_died_is_renewed_once(self):
		"""Facts, Errors: on 401 fetch a new token once."""
		payment = self.opened()
		old = next(iter(self.tokens.kept.values()))
		self.provider.access_tokens.clear()
		self.assertEqual(self.only(self.gateway.status(payment)).outcome, Outcome.PENDING)
		self.assertNotIn(old, self.tokens.kept.values())

	def test_other_keys_never_meet_an_old_token(self):
		"""R25: settings changed elsewhere must count at once."""
		self.opened()
		with self.assertRaisesRegex(CredentialsRefused, "Client ID and the Secret"):
			self.adapter(key_secret="another-obviously-fake").status(
				PaymentRef(self.reference, Decimal(1), "USD", "5O")
			)

	def test_a_refused_token_is_not_asked_for_ever(self):
		self.opened()
		self.provider.access_tokens.clear()
		self.simulator.configure("paypal", key_secret="rotated-at-paypal")
		with self.assertRaises(CredentialsRefused):
			self.gateway.status(PaymentRef(self.reference, Decimal(1), "USD", "5O"))

	def test_tokens_that_are_always_refused_end_after_one_renewal(self):
		self.addCleanup(setattr, self.provider, "access_tokens", {})
		self.provider.access_tokens = Forgetful()
		with self.assertRaises(CredentialsRefused):
			self.opened()
		self.assertEqual(len(self.provider.access_tokens), 2)

	def test_no_token_means_that_nothing_was_sent(self):
		for kind in ("timeout_after", "error_500_after", "garbage"):
			with self.subTest(kind), self.assertRaises(NotSent):
				self.simulator.faults.add("paypal", "token", kind)
				self.gateway.create(self.request())

	def test_the_connection_test_says_what_is_wrong(self):
		"""paypal.md pitfall 9: a webhook id of the other environment makes every signature wrong."""
		self.assertIn("accepts the keys", self.gateway.test_connection())
		with self.assertRaisesRegex(CredentialsRefused, "Webhook ID"):
			self.adapter(webhook_id="0XX00000CD000000E").test_connection()
		with self.assertRaisesRegex(CredentialsRefused, "Client ID and the Secret"):
			self.adapter(key_id="wrong").test_connection()

	def test_impossible_credentials_are_told_before_any_call(self):
		secrets = {"key_id": "same", "key_secret": "same", "webhook_id": "https://shop.example.com/hook"}
		problems = PayPal.credential_problems(secrets, "Live")
		self.assertEqual(len(problems), 2)
		self.assertEqual(PayPal.credential_problems(PayPal.simulator_secrets, "Test"), [])
		self.assertIn("e-mail", PayPal.credential_problems({"key_id": "a@example.com"}, "Live")[0])


class TestStatusAndCapture(PayPalCase):
	def test_an_approved_order_is_authorized_and_not_paid(self):
		"""paypal.md pitfall 3: APPROVED moved no money."""
		event = self.only(self.gateway.status(self.approved()))
		self.assertEqual(event.outcome, Outcome.AUTHORIZED)
		self.assertEqual((event.reference, event.amount), (self.reference, Decimal("499.50")))
		self.assertEqual(self.simulator.captures("paypal"), [])

	def test_capture_takes_the_money_once_and_says_how_much(self):
		payment = self.approved()
		authorized = self.only(self.gateway.status(payment))
		first = self.gateway.capture(payment, authorized, "k1")
		again = self.gateway.capture(payment, authorized, "k1")
		self.assertEqual((first.outcome, first.payment_id), (Outcome.PAID, again.payment_id))
		self.assertEqual((first.amount, first.currency), (Decimal("499.50"), "USD"))
		self.assertEqual((first.reference, first.order_id), (self.reference, payment.order_id))
		self.assertEqual(len(self.simulator.captures("paypal")), 1)

	def test_page_and_webhook_capture_with_one_request_id(self):
		"""Facts, Return and capture: not at the same time with different request ids; so the attempt decides it."""
		payment = self.approved()
		first = self.gateway.capture(
			payment, None or self.only(self.gateway.status(payment)), "from-the-page"
		)
		again = self.gateway.capture(payment, first, "from-the-webhook")
		self.assertEqual(first.payment_id, again.payment_id)
		self.assertEqual(
			self.simulator.charges("paypal")[0].fields["request_id"], f"capture-{self.reference}"
		)

	def test_an_order_captured_before_gives_its_capture(self):
		"""Facts, Return and capture: ORDER_ALREADY_CAPTURED is success; take the existing capture."""
		payment, event = self.captured()
		elsewhere = replace(payment, reference="another request id")
		self.assertEqual(self.gateway.capture(elsewhere, event, "k").payment_id, event.payment_id)

	def test_a_capture_that_was_not_answered_is_found_by_asking(self):
		payment = self.approved()
		authorized = self.only(self.gateway.status(payment))
		self.simulator.faults.add("paypal", "capture", "timeout_after")
		with self.assertRaises(MaybeSent):
			self.gateway.capture(payment, authorized, "k")
		self.assertEqual(self.only(self.gateway.status(payment)).outcome, Outcome.PAID)

	def test_a_completed_order_with_a_pending_capture_is_not_paid(self):
		"""paypal.md pitfall 3: order COMPLETED alone is no proof."""
		payment = self.approved(outcome="pending")
		event = self.gateway.capture(payment, self.only(self.gateway.status(payment)), "k")
		self.assertEqual((event.outcome, event.error_code), (Outcome.PENDING, "ECHECK"))
		self.simulator.finish("paypal", self.reference, "success")
		self.assertEqual(self.only(self.gateway.status(payment)).outcome, Outcome.PAID)

	def test_money_that_waits_for_the_merchant_says_so(self):
		"""paypal.md pitfall 7: a currency that the account does not hold stays PENDING until it is accepted by hand."""
		for reason, says in (
			("RECEIVING_PREFERENCE_MANDATES_MANUAL_ACTION", "please accept it in your PayPal account"),
			("UNILATERAL", "please confirm the e-mail address"),
		):
			self.simulator.configure("paypal", pending_reason=reason)
			self.reference = f"PP{reason[:12]}"
			payment = self.approved(outcome="pending")
			event = self.gateway.capture(payment, self.only(self.gateway.status(payment)), "k")
			self.assertEqual((event.outcome, event.error_code), (Outcome.PENDING, reason))
			self.assertIn(says, event.reason)

	def test_a_capture_denied_later_is_failed(self):
		payment = self.approved(outcome="pending")
		self.gateway.capture(payment, self.only(self.gateway.status(payment)), "k")
		self.simulator.finish("paypal", self.reference, "failure")
		self.assertEqual(self.only(self.gateway.status(payment)).outcome, Outcome.FAILED)

	def test_a_refused_card_leaves_the_order_open(self):
		"""Facts, Return and capture: INSTRUMENT_DECLINED sends the customer back; the order can still be paid."""
		payment = self.approved(outcome="failure")
		event = self.gateway.capture(payment, self.only(self.gateway.status(payment)), "k")
		self.assertEqual((event.outcome, event.error_code), (Outcome.PENDING, "INSTRUMENT_DECLINED"))
		self.simulator.pay("paypal", self.reference)
		paid = self.gateway.capture(payment, self.only(self.gateway.status(payment)), "k")
		self.assertEqual(paid.outcome, Outcome.PAID)

	def test_a_refused_card_is_not_tried_for_ever(self):
		payment = self.approved(outcome="failure")
		for _time in range(20):
			self.gateway.capture(payment, self.gateway.status(payment)[0], "k")
			self.provider.ledger.find_order_by_reference(self.reference).fields["status"] = "APPROVED"
		self.assertEqual(
			len(self.provider.ledger.find_order_by_reference(self.reference).fields["refused"]), 11
		)

	def refused_capture(self, issue: str, number: int):
		"""The capture of an order of its own: PayPal answers a repeated request id as it did before."""
		self.reference = f"PPWAIT{number}"
		payment = self.approved()
		authorized = self.only(self.gateway.status(payment))
		self.simulator.configure("paypal", capture_issue=issue)
		try:
			return self.gateway.capture(payment, authorized, "k")
		finally:
			self.simulator.configure("paypal", capture_issue="")

	def test_a_capture_that_has_to_wait_is_neither_money_nor_an_error(self):
		"""Facts, Return and capture: retry later, or send the customer back; the order stays open either way."""
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

	def test_a_refusal_for_good_is_an_error(self):
		"""paypal.md pitfall 10: buyer and merchant in one country that is closed; which issue comes is unconfirmed."""
		issues = ("COMPLIANCE_VIOLATION", "TRANSACTION_REFUSED", "DOMESTIC_TRANSACTION_REFUSED")
		for number, issue in enumerate(issues):
			with self.assertRaises(GatewayRefused) as refused:
				self.refused_capture(issue, number)
			self.assertEqual(refused.exception.gateway_code, issue)

	def test_an_order_that_nobody_approved_cannot_be_captured(self):
		payment = self.opened()
		event = self.gateway.capture(payment, self.only(self.gateway.status(payment)), "k")
		self.assertEqual((event.outcome, event.error_code), (Outcome.PENDING, "ORDER_NOT_APPROVED"))
		self.assertEqual(self.simulator.charges("paypal"), [])

	def test_the_amount_is_what_paypal_says(self):
		"""S2, R8: the engine compares, so the adapter must not repeat our own number."""
		payment = self.approved()
		self.simulator.faults.add("paypal", "pay", "wrong_amount", amount_minor=100)
		event = self.gateway.capture(payment, self.only(self.gateway.status(payment)), "k")
		self.assertEqual((event.outcome, event.amount), (Outcome.PAID, Decimal("1.00")))

	def test_a_refunded_capture_was_still_paid(self):
		"""Facts, Status query: REFUNDED and PARTIALLY_REFUNDED are money that was taken."""
		payment, event = self.captured()
		self.gateway.refund(self.refund_request(payment, event))
		again, _refund = self.gateway.status(payment)
		self.assertEqual((again.outcome, again.amount), (Outcome.PAID, Decimal("499.50")))

	def test_what_paypal_never_heard_of_is_not_found(self):
		unknown = PaymentRef("X", Decimal(1), "USD", "5O99999999999999N")
		for payment in (
			unknown,
			replace(unknown, order_id=None),
			replace(unknown, order_id=None, payment_id="8X"),
		):
			self.assertEqual(self.only(self.gateway.status(payment)).outcome, Outcome.NOT_FOUND)

	def test_a_payment_is_found_by_its_capture_alone(self):
		payment, event = self.captured()
		found = self.only(self.gateway.status(replace(payment, order_id=None, payment_id=event.payment_id)))
		self.assertEqual((found.outcome, found.order_id), (Outcome.PAID, payment.order_id))

	def test_nothing_personal_is_kept(self):
		_, event = self.captured()
		self.assertNotIn("example.com", json.dumps(asdict(event), default=str))


class TestRefunds(PayPalCase):
	def test_a_refund_gives_the_money_back_once(self):
		"""Facts, Refunds: the same PayPal-Request-Id is kept 45 days."""
		payment, event = self.captured()
		request = self.refund_request(payment, event)
		first, again = self.gateway.refund(request), self.gateway.refund(request)
		self.assertEqual((first.outcome, first.key), (RefundOutcome.REFUNDED, "RF0001"))
		self.assertEqual(first.refund_id, again.refund_id)
		self.assertEqual((first.amount, first.currency), (Decimal("100.00"), "USD"))
		self.assertEqual(self.simulator.captures("paypal")[0].refunded_minor, 10000)

	def test_a_refund_that_was_not_answered_is_found_by_our_key(self):
		"""R13, R14: a time-out is unknown, and the refund's own id was never learned."""
		payment, event = self.captured()
		request = self.refund_request(payment, event)
		self.assertEqual(self.gateway.refund_status(request).outcome, RefundOutcome.NOT_FOUND)
		self.simulator.faults.add("paypal", "refund", "timeout_after")
		with self.assertRaises(MaybeSent):
			self.gateway.refund(request)
		for known in (request, replace(request, payment=replace(payment, order_id=None))):
			found = self.gateway.refund_status(known)
			self.assertEqual((found.outcome, found.key), (RefundOutcome.REFUNDED, "RF0001"))
			self.assertEqual(found.payment_id, event.payment_id)

	def test_a_pending_refund_is_followed_by_its_id(self):
		self.simulator.configure("paypal", refund_state="pending")
		payment, event = self.captured()
		request = self.refund_request(payment, event)
		made = self.gateway.refund(request)
		self.assertEqual(made.outcome, RefundOutcome.PROCESSING)
		self.simulator.finish_refund("paypal", "RF0001", "failure")
		told = self.gateway.refund_status(replace(request, refund_id=made.refund_id))
		self.assertEqual(told.outcome, RefundOutcome.FAILED)
		gone = self.gateway.refund_status(replace(request, refund_id="1JU0"))
		self.assertEqual(gone.outcome, RefundOutcome.NOT_FOUND)

	def test_more_than_was_taken_is_refused(self):
		payment, event = self.captured()
		with self.assertRaises(GatewayRefused) as refused:
			self.gateway.refund(self.refund_request(payment, event, amount="600.00"))
		self.assertEqual(refused.exception.gateway_code, "REFUND_AMOUNT_EXCEEDED")

	def test_a_full_refund_made_before_is_found_and_one_of_somebody_else_is_not_ours(self):
		"""Facts, Refunds: CAPTURE_FULLY_REFUNDED means look; only our own refund counts as ours."""
		payment, event = self.captured()
		full = self.refund_request(payment, event, amount="499.50")
		made = self.gateway.refund(full)
		self.provider.ledger.refunds[0].fields["request_id"] = "forgotten after 45 days"
		self.assertEqual(self.gateway.refund(full).refund_id, made.refund_id)
		with self.assertRaises(GatewayRefused) as refused:
			self.gateway.refund(replace(full, key="RF0002"))
		self.assertEqual(refused.exception.gateway_code, "CAPTURE_FULLY_REFUNDED")

	def test_a_refund_that_paypal_knows_and_does_not_show_is_unknown_and_not_refused(self):
		"""R13: the invoice id is the refund's own, so an earlier try of this very refund arrived."""
		payment, event = self.captured()
		request = self.refund_request(payment, event)
		self.gateway.refund(request)
		self.provider.ledger.refunds[0].fields.update(request_id="forgotten after 45 days", tags={})
		with self.assertRaises(BadAnswer) as unclear:
			self.gateway.refund(request)
		self.assertEqual(unclear.exception.gateway_code, "DUPLICATE_INVOICE_ID")

	def test_another_currency_is_refused(self):
		payment, event = self.captured()
		with self.assertRaises(GatewayRefused) as refused:
			self.gateway.refund(replace(self.refund_request(payment, event), currency="EUR"))
		self.assertEqual(refused.exception.gateway_code, "REFUND_CAPTURE_CURRENCY_MISMATCH")

	def test_no_error_tells_a_key(self):
		"""Secrets never reach an error text."""
		with self.assertRaises(CredentialsRefused) as refused:
			self.adapter(key_secret="do-not-show-me").test_connection()
		self.assertNotIn("do-not-show-me", str(refused.exception))


if __name__ == "__main__":
	unittest.main()
