"""Cashfree without its hosted page: UPI, netbanking, saved cards and the bank's code on our own page."""

import unittest
from dataclasses import replace

from oropendola_payments.gateways.base import Checkout, Outcome
from oropendola_payments.gateways.cards import refuse_card_data
from oropendola_payments.gateways.cashfree.adapter import Cashfree
from oropendola_payments.gateways.cashfree.mapping import checkout_of
from oropendola_payments.gateways.cashfree.test_case import CashfreeCase
from oropendola_payments.gateways.errors import BadAnswer, GatewayRefused, MaybeSent

RIGHT_CODE = "111000"  # the code of Cashfree's sandbox
SAVED = {"instrument_id": "b9c1a2de-0000-4000-8000-5f1e2d3c4b5a"}


class WithOrderPay(CashfreeCase):
	def pay_by(self, reference: str, method: str, **details):
		return self.create(reference, method=method, method_details=details, flow="upi")

	def waiting(self, reference: str, checkout: Checkout):
		return replace(self.ref(reference), data=checkout.data)


class TestFlows(WithOrderPay):
	def test_every_offered_flow_has_its_own_checkout(self):
		opened = {
			flow: self.create(f"FLOW{n}", flow=flow) for n, flow in enumerate(Cashfree.capabilities.flows)
		}
		targets = {flow: checkout.sdk.config["redirectTarget"] for flow, checkout in opened.items()}
		self.assertEqual(targets, {"redirect": "_self", "embedded": "_modal", "upi": "_self", "otp": "_self"})
		self.assertEqual(
			{f: c.next_action for f, c in opened.items() if c.next_action != "sdk"}, {"upi": "upi"}
		)
		self.assertTrue(opened["upi"].upi["intent"].startswith("upi://pay?"))

	def test_a_method_overrides_its_flow(self):
		self.assertIn("qr", self.pay_by("FLOW9", "upi_qr").upi)


class TestMethods(WithOrderPay):
	def test_upi_intent_gives_the_address_of_the_app(self):
		checkout = self.pay_by("UPI1", "upi_intent")
		self.assertEqual(checkout.next_action, "upi")
		self.assertTrue(checkout.upi["intent"].startswith("upi://pay?"))
		self.assertEqual(checkout.data["cf_payment_id"], checkout.payment_id)
		page = self.simulator.open(checkout.upi["web"])
		back = self.simulator.open(page.forms[0].action, {"outcome": "success"})
		self.assertIn("attempt=UPI1", back.location)
		event = self.status_of("UPI1")
		self.assertEqual((event.outcome, event.payment_id), (Outcome.PAID, checkout.payment_id))

	def test_upi_qr_gives_a_picture(self):
		checkout = self.pay_by("UPI2", "upi_qr")
		self.assertTrue(checkout.upi["qr"].startswith("data:image/png;base64,"))
		self.assertEqual(self.status_of("UPI2").outcome, Outcome.PENDING)

	def test_upi_collect_waits_for_the_app(self):
		checkout = self.pay_by("UPI3", "upi_collect", vpa="asha.example@okbank")
		self.assertEqual((checkout.next_action, checkout.upi), ("upi", {}))
		self.simulator.finish("cashfree", "UPI3")
		self.assertEqual(self.status_of("UPI3").outcome, Outcome.PAID)

	def test_the_hosted_page_stays_open_beside_upi_and_codes(self):
		"""There is always a way by plain navigation."""
		for number, (method, details) in enumerate({"upi_qr": {}, "saved_card": SAVED}.items()):
			self.assertEqual(self.pay_by(f"UPI4{number}", method, **details).sdk.driver, "cashfree")

	def test_netbanking_redirects_to_the_bank(self):
		checkout = self.pay_by("NB1", "netbanking", bank_code="3333")
		self.assertEqual((checkout.next_action, checkout.sdk), ("redirect", None))
		page = self.simulator.open(checkout.url)
		self.simulator.open(page.forms[0].action, {"outcome": "failure"})
		self.assertEqual(self.status_of("NB1").outcome, Outcome.PENDING)

	def test_missing_and_impossible_details_are_refused_before_an_order_is_created(self):
		cases = [
			("upi_collect", {}, "UPI ID"),
			("upi_collect", {"vpa": "no-at-sign"}, "name@bank"),
			("netbanking", {}, "choose the bank"),
			("netbanking", {"bank_code": "HDFC"}, "bank code"),
			("saved_card", {}, "saved cards"),
		]
		for method, details, message in cases:
			with self.subTest(method), self.assertRaisesRegex(GatewayRefused, message):
				self.pay_by("BAD1", method, **details)
		self.assertIsNone(self.simulator.order("cashfree", "BAD1"))

	def test_without_order_pay_the_same_order_is_paid_on_the_hosted_page(self):
		"""cashfree.md pitfall 5: seamless calls need a flag on the account."""
		self.configure(has_order_pay=False)
		checkout = self.pay_by("FLAG1", "upi_intent")
		self.assertEqual(checkout.next_action, "sdk")
		self.assertIn("order_pay_refused", checkout.data)
		self.simulator.pay("cashfree", "FLAG1")
		self.assertEqual(self.status_of("FLAG1").outcome, Outcome.PAID)

	def test_an_order_pay_call_that_timed_out_is_unknown(self):
		self.fault("order_pay", "timeout_after")
		with self.assertRaises(MaybeSent):
			self.pay_by("TIME1", "upi_collect", vpa="asha.example@okbank")
		self.simulator.finish("cashfree", "TIME1")
		self.assertEqual(self.status_of("TIME1").outcome, Outcome.PAID)

	def test_a_repeated_call_makes_one_payment(self):
		self.stop_the_clock()
		first, again = (self.pay_by("TWICE1", "upi_qr") for _ in range(2))
		self.assertEqual(first.payment_id, again.payment_id)
		self.assertEqual(len(self.simulator.charges("cashfree")), 1)

	def test_other_methods_are_chosen_on_the_hosted_page(self):
		self.assertEqual(self.pay_by("HOST1", "card").next_action, "sdk")

	def test_a_form_of_the_bank_is_passed_on(self):
		hosted = Checkout("sdk", "1", data={})
		answer = {
			"action": "form",
			"cf_payment_id": "5",
			"data": {"url": "https://bank.example", "payload": {"a": "b", "n": 1}},
		}
		checkout = checkout_of(answer, hosted)
		self.assertEqual((checkout.next_action, checkout.form.fields), ("form", {"a": "b", "n": "1"}))

	def test_unreadable_answers_lead_to_the_hosted_page(self):
		hosted = Checkout("sdk", "1", data={})
		odd = [{}, {"action": "link"}, {"action": "post"}, {"action": 5, "data": []}]
		odd += [
			{"action": "link", "data": {"url": "javascript:alert(1)"}},
			{"action": "form", "data": {"url": None}},
		]
		for answer in odd:
			self.assertEqual(checkout_of(answer, hosted).next_action, "sdk")
		answer = {
			"action": "custom",
			"data": {"payload": {"default": "javascript:1", "qrcode": "https://x.example"}},
		}
		self.assertEqual(checkout_of(answer, hosted).upi, {})


class TestCodes(WithOrderPay):
	def setUp(self):
		super().setUp()
		self.checkout = self.pay_by("OTP1", "saved_card", **SAVED)
		self.payment = self.waiting("OTP1", self.checkout)

	def test_the_right_code_is_accepted_and_the_payment_is_paid(self):
		"""The bank checks the code; even SUCCESS is confirmed by the payment's state."""
		self.assertEqual(self.checkout.next_action, "otp")
		self.assertEqual(self.status_of("OTP1").outcome, Outcome.PENDING)
		self.assertTrue(self.gateway.submit_otp(self.payment, RIGHT_CODE).accepted)
		self.assertEqual(self.status_of("OTP1").outcome, Outcome.PAID)

	def test_a_wrong_code_takes_no_money_and_may_be_corrected(self):
		result = self.gateway.submit_otp(self.payment, "123456")
		self.assertEqual((result.accepted, result.reason), (False, "otp is invalid"))
		self.assertEqual(self.simulator.captures("cashfree"), [])
		self.assertTrue(self.gateway.submit_otp(self.payment, RIGHT_CODE).accepted)

	def test_after_five_wrong_codes_the_right_one_is_refused(self):
		for _ in range(5):
			self.assertFalse(self.gateway.submit_otp(self.payment, "000000").accepted)
		result = self.gateway.submit_otp(self.payment, RIGHT_CODE)
		self.assertEqual((result.accepted, result.attempts_left), (False, 0))
		self.assertTrue(result.url.startswith(self.simulator.url))
		self.assertEqual(self.simulator.captures("cashfree"), [])

	def test_a_code_is_accepted_once(self):
		self.gateway.submit_otp(self.payment, RIGHT_CODE)
		self.assertFalse(self.gateway.submit_otp(self.payment, RIGHT_CODE).accepted)
		self.assertEqual(len(self.simulator.captures("cashfree")), 1)

	def test_a_new_code_can_be_requested(self):
		self.assertTrue(self.gateway.resend_otp(self.payment).accepted)
		self.assertEqual(self.simulator.charges("cashfree")[0].fields["otps_sent"], 2)

	def test_a_text_that_is_no_code_is_not_sent(self):
		for text in ("", "12", "12345678901", "12a456", "\u0661\u0662\u0663\u0664", "1234\n"):
			result = self.gateway.submit_otp(self.payment, text)
			self.assertIn("digits only", result.reason)
		self.assertNotIn("otp_attempts", self.simulator.charges("cashfree")[0].fields)

	def test_no_error_shows_the_code(self):
		"""S21: one-time codes never appear in logs or errors."""
		self.fault("submit_otp", "timeout_after")
		with self.assertRaises(MaybeSent) as caught:
			self.gateway.submit_otp(self.payment, "918273")
		self.assertNotIn("918273", str(caught.exception))
		self.fault("submit_otp", "garbage")
		with self.assertRaises(BadAnswer):
			self.gateway.submit_otp(self.payment, "918273")

	def test_a_bank_without_codes_is_reached_by_redirect(self):
		"""Order Pay may answer with a link in place of a code."""
		self.configure(has_native_otp=False)
		checkout = self.pay_by("OTP2", "saved_card", **SAVED)
		self.assertEqual(checkout.next_action, "redirect")
		page = self.simulator.open(checkout.url)
		self.simulator.open(page.forms[0].action, {"outcome": "success"})
		self.assertEqual(self.status_of("OTP2").outcome, Outcome.PAID)

	def test_a_code_for_a_payment_that_waits_for_none_is_refused(self):
		with self.assertRaisesRegex(GatewayRefused, "not waiting for a code"):
			self.gateway.submit_otp(self.ref("OTP3"), RIGHT_CODE)

	def test_the_page_of_the_bank_is_kept(self):
		self.assertTrue(self.checkout.data["bank_page"].startswith(self.simulator.url))


class TestCardData(WithOrderPay):
	def test_card_numbers_are_refused_in_any_field_and_spelling(self):
		"""Made-up numbers of the sandbox; none may reach this server's calls."""
		for number in (
			"4706131211212123",
			"4706 1312 1121 2123",
			"4706-1312-1121-2123",
			"x 5105105105105100.",
		):
			with self.subTest(number), self.assertRaises(GatewayRefused) as caught:
				self.pay_by("CARD1", "saved_card", instrument_id=number)
			self.assertNotIn(number, str(caught.exception))
		self.assertIsNone(self.simulator.order("cashfree", "CARD1"))

	def test_fields_of_a_card_are_refused_by_name(self):
		for name in ("card_number", "cardNumber", "card_cvv", "cvv", "cvc", "card_expiry_mm", "pan"):
			with self.subTest(name), self.assertRaises(GatewayRefused):
				refuse_card_data({name: "x"})

	def test_other_numbers_are_accepted(self):
		refuse_card_data({"vpa": "9876543210@okbank", **SAVED, "bank_code": "3333"})
		refuse_card_data({"instrument_id": "4706131211212124"})


if __name__ == "__main__":
	unittest.main()
