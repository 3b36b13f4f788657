"""PayU's adapter against the simulated PayU: the pay form, and queries about it."""

import unittest
from datetime import timedelta
from decimal import Decimal

from oropendola_payments.gateways.base import Customer, Outcome
from oropendola_payments.gateways.errors import GatewayRefused
from oropendola_payments.gateways.payu.adapter import PayU
from oropendola_payments.gateways.payu.signature import request_hash
from oropendola_payments.gateways.payu.test_case import PayUCase


class TestCreate(PayUCase):
	def setUp(self):
		super().setUp()
		self.gateway = self.make_gateway(mode="Test")

	def fields(self, **changes) -> dict:
		return self.gateway.create(self.make_request(**changes)).form.fields

	def test_a_customer_is_sent_to_the_page_of_the_mode(self):
		self.assertEqual(
			self.gateway.create(self.make_request()).form.action, "https://test.payu.in/_payment"
		)
		live = self.make_gateway(mode="Live").create(self.make_request())
		self.assertEqual(live.form.action, "https://secure.payu.in/_payment")

	def test_the_form_holds_what_is_hashed_and_never_the_salt(self):
		fields = self.fields()
		self.assertEqual(fields["txnid"], "A7T2K9")
		self.assertEqual(fields["amount"], "1499.50")
		self.assertEqual(
			(fields["firstname"], fields["lastname"], fields["udf1"]), ("Asha", "Example", "INV-0001")
		)
		self.assertEqual(fields["hash"], request_hash(fields, PayU.simulator_secrets["key_secret"]))
		self.assertNotIn(PayU.simulator_secrets["key_secret"], "".join(fields.values()))

	def test_whole_rupees_are_posted_with_two_decimals(self):
		"""R17, payu.md pitfall 1: one way of writing an amount, without a float."""
		self.assertEqual(self.fields(amount=Decimal("500"))["amount"], "500.00")
		self.assertEqual(self.fields(amount=Decimal("8.35"))["amount"], "8.35")

	def test_pipes_and_characters_that_become_entities_do_not_reach_the_hash(self):
		"""payu.md pitfall 2: a pipe moves the borders, & and ' come back as entities."""
		fields = self.fields(
			description="R&D | <b>Plan</b>", customer=Customer("O'Brien|x", "a@example.com", "1")
		)
		self.assertEqual(fields["productinfo"], "R D b Plan /b")
		self.assertEqual(fields["firstname"], "O")

	def test_long_texts_are_cut_to_payus_limits(self):
		fields = self.fields(description="x" * 300, customer=Customer("y" * 90, "a@example.com", "1"))
		self.assertEqual((len(fields["productinfo"]), len(fields["firstname"])), (100, 20))

	def test_another_currency_is_refused_instead_of_charged_in_rupees(self):
		"""R18."""
		with self.assertRaisesRegex(GatewayRefused, "INR only"):
			self.gateway.create(self.make_request(currency="USD"))

	def test_a_customer_without_a_phone_number_is_refused(self):
		with self.assertRaisesRegex(GatewayRefused, "phone number"):
			self.gateway.create(self.make_request(customer=Customer("Asha", "a@example.com")))

	def test_bolt_gets_the_same_fields_and_says_inline_or_embedded(self):
		for flow in ("inline", "embedded"):
			with self.subTest(flow=flow):
				checkout = self.gateway.create(self.make_request(flow=flow))
				self.assertEqual((checkout.next_action, checkout.sdk.driver), ("sdk", "bolt"))
				self.assertEqual(checkout.sdk.script, "https://jssdk-uat.payu.in/bolt/bolt.min.js")
				self.assertEqual(checkout.sdk.config["pg_redirect_flow"], flow)
				self.assertEqual(checkout.sdk.config["show_payment_mode"], "CC,DC,NB,UPI,CASH")
				self.assertEqual(checkout.sdk.config["hash"], checkout.form.fields["hash"])


class TestStatus(PayUCase):
	def test_an_unknown_payment_is_not_found(self):
		self.assertIs(self.status().outcome, Outcome.NOT_FOUND)

	def test_an_open_pay_page_is_pending(self):
		self.open()
		self.assertIs(self.status().outcome, Outcome.PENDING)

	def test_a_paid_payment_has_its_id_amount_and_currency(self):
		self.come_back()
		(charge,) = self.simulator.captures("payu")
		event = self.status()
		self.assertIs(event.outcome, Outcome.PAID)
		self.assertEqual((event.payment_id, event.reference), (charge.payment_id, "A7T2K9"))
		self.assertEqual((event.amount, event.currency, event.method), (Decimal("1499.50"), "INR", "card"))

	def test_a_fee_on_top_does_not_change_the_amount(self):
		"""`amt` and net_amount_debit hold the fee; transaction_amount is what we posted."""
		self.configure(additional_charges="29.99")
		self.come_back()
		event = self.status()
		self.assertEqual((event.amount, event.details["net_amount_debit"]), (Decimal("1499.50"), "1529.49"))

	def test_the_amount_is_what_payu_says(self):
		"""R8: the engine compares; the adapter never repeats our own number."""
		self.fault("pay", "wrong_amount", amount_minor=100)
		self.come_back()
		self.assertEqual(self.status().amount, Decimal("1.00"))

	def test_a_decline_is_failed_with_its_reason(self):
		self.come_back("failure")
		event = self.status()
		self.assertEqual((event.outcome, event.error_code), (Outcome.FAILED, "E308"))
		self.assertIn("not completed", event.reason)

	def test_a_late_success_of_a_failed_payment_is_paid(self):
		"""R5."""
		self.come_back("failure")
		self.simulator.finish("payu", self.reference, "success")
		self.assertIs(self.status().outcome, Outcome.PAID)

	def test_a_payment_left_at_the_bank_is_pending_for_half_an_hour(self):
		"""dropped and bounced can still become a success when the bank answers late."""
		self.open()
		order = self.provider.ledger.find_order_by_reference(self.reference)
		self.provider.record_charge(order, "403993710000000777", "failure", "card", unmapped="dropped")
		now = self.simulator.clock.now()
		self.assertIs(
			self.status(self.make_ref(created_at=now - timedelta(minutes=5))).outcome, Outcome.PENDING
		)
		self.assertIs(
			self.status(self.make_ref(created_at=now - timedelta(minutes=31))).outcome, Outcome.FAILED
		)

	def test_a_paid_transaction_cannot_be_paid_again(self):
		"""txnid is PayU's natural key: a second success under it is refused as a duplicate order."""
		self.come_back()
		form = self.gateway.create(self.make_request()).form
		self.assertIn("duplicate", self.simulator.open(form.action, form.fields).text)
		self.assertEqual(len(self.simulator.captures("payu")), 1)


if __name__ == "__main__":
	unittest.main()
