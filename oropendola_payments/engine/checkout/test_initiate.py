"""Starting a payment: one attempt for many clicks, the amount of the invoice, and a page for every gateway."""

from decimal import Decimal

import frappe

from oropendola_payments.api import payment
from oropendola_payments.engine.checkout import gateway_choice
from oropendola_payments.engine.settlement.settle import settle
from oropendola_payments.exceptions import BadRequest
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import as_user, enable_gateway
from oropendola_payments.tests.support.gateway_events import paid
from oropendola_payments.tests.support.http import call, message
from oropendola_payments.tests.support.journey import GATEWAYS, Journey
from oropendola_payments.tests.support.simulated import open_pay_page
from oropendola_payments.tests.support.time_travel import clear_due_records, sweep_until_settled

# The other gateways find a payment only by their own id, and without it nobody can have reached the pay page.
KNOWN_BY_OUR_REFERENCE = ("razorpay", "stripe", "phonepe", "cashfree")


class TestStarting(TestCase):
	def test_a_second_click_gets_the_same_attempt(self):
		"""P3."""
		for gateway in GATEWAYS:
			with self.subTest(gateway):
				journey = Journey(gateway)
				first, second = journey.initiate(), journey.initiate()
				self.assertEqual(first["attempt"], second["attempt"])
				self.assertEqual(first["payment_url"], second["payment_url"])

	def test_another_upi_id_or_bank_is_asked_and_not_the_first_one_again(self):
		"""A typing error in a UPI ID asks a stranger for the money."""
		for method, name, wrong, right in (
			("upi_collect", "upi_id", "asah@bank", "asha@bank"),
			("netbanking", "bank_code", "3003", "3021"),
		):
			with self.subTest(method):
				journey = Journey("cashfree")
				first, other, again = (
					journey.initiate(method=method, **{name: value}) for value in (wrong, right, right)
				)
				self.assertNotEqual(first["attempt"], other["attempt"])
				self.assertEqual(
					(again["attempt"], again["payment_url"]), (other["attempt"], other["payment_url"])
				)

	def test_the_amount_comes_from_the_invoice_alone(self):
		"""S1, S11: whatever the browser sends."""
		journey = Journey("payu", settings={"api_base_url": None})
		fields = {
			"invoice_id": journey.invoice,
			"gateway": "payu",
			"currency": "JPY",
			"total_amount": 1,
		}
		answer = call("payment.initiate_payment", journey.user, json=fields)
		attempt = frappe.get_doc("Payment Attempt", message(answer)["attempt"])
		self.assertEqual((attempt.amount, attempt.currency), (499, "INR"))

	def test_every_answer_has_a_payment_url_that_works_by_plain_navigation(self):
		for gateway in GATEWAYS:
			with self.subTest(gateway):
				answer = Journey(gateway).initiate()
				self.assertTrue(answer["payment_url"].startswith(("http://", "https://")))
				self.assertTrue(answer["is_mocked"])

	def test_a_currency_that_the_gateway_does_not_take_is_refused(self):
		"""R18: the same number is never charged in another currency."""
		journey = Journey("payu", currency="USD")
		answer = journey.initiate()
		self.assertEqual((answer["success"], answer["error_code"]), (False, "bad_request"))
		self.assertEqual(journey.attempts(), [])

	def test_a_gateway_is_not_offered_an_amount_with_decimals_that_it_has_not(self):
		"""R17: PayPal takes whole dollars of Taiwan only, which a tax does not care about."""
		enable_gateway("paypal")
		offered = {
			text: next(
				e for e in gateway_choice.available("TWD", Decimal(text))["gateways"] if e["id"] == "paypal"
			)
			for text in ("2538.73", "2538.00")
		}
		self.assertEqual([entry["available"] for entry in offered.values()], [False, True])
		with self.assertRaisesRegex(BadRequest, r"PayPal does not accept NT\$2,538.73. Please"):
			gateway_choice.choose("paypal", "TWD", Decimal("2538.73"))

	def test_a_gateway_whose_last_digit_must_be_zero_is_refused_before_there_is_an_attempt(self):
		"""Razorpay and Stripe count KWD in fils and take steps of ten."""
		for gateway, label in (("razorpay", "Razorpay"), ("stripe", "Stripe")):
			with self.subTest(gateway):
				journey = Journey(gateway, price=Decimal("99.991"), currency="KWD")
				answer = journey.initiate()
				self.assertEqual((answer["error_code"], journey.attempts()), ("bad_request", []))
				self.assertIn(f"{label} does not accept KWD", answer["error"])
				self.assertIn("99.991", answer["error"])
				self.assertTrue(
					Journey(gateway, price=Decimal("99.990"), currency="KWD").initiate()["success"]
				)

	def test_a_gateway_is_neither_offered_nor_used_below_its_minimum_amount(self):
		journey = Journey("razorpay", price=Decimal("0.50"))
		answer = journey.initiate()
		self.assertEqual((answer["error_code"], journey.attempts()), ("bad_request", []))
		self.assertEqual(
			answer["error"], "Razorpay accepts payments of ₹1.00 or more. Please choose another way to pay."
		)
		enable_gateway("payu")
		offered = gateway_choice.available("INR", Decimal("0.50"))
		usable = {entry["id"] for entry in offered["gateways"] if entry["available"]}
		self.assertNotIn("razorpay", usable)
		self.assertIn(offered["default"], usable)
		everything = gateway_choice.available("INR")["gateways"]
		self.assertTrue(next(entry["available"] for entry in everything if entry["id"] == "razorpay"))

	def test_an_unknown_or_disabled_gateway_is_refused(self):
		journey = Journey("payu")
		with as_user(journey.user):
			for code in ("nosuch", "manual", "credit", "../payu", ""):
				answer = payment.initiate_payment(invoice_id=journey.invoice, gateway=code or "%")
				self.assertEqual(answer["error_code"], "bad_request", code)
		enable_gateway("payu", enabled=0)
		self.assertFalse(journey.initiate()["success"])
		enable_gateway("payu")

	def test_one_payment_method_can_be_requested(self):
		journey = Journey("cashfree")
		answer = journey.initiate(method="upi_collect", upi_id="asha.example@okbank")
		self.assertEqual((answer["next_action"], answer["success"]), ("upi", True))
		self.assertEqual(journey.initiate(flow="upi")["upi"]["intent"][:6], "upi://")
		bank = journey.initiate(method="netbanking", bank_code="3333")
		self.assertEqual(bank["next_action"], "redirect")

	def test_a_method_that_the_gateway_does_not_have_is_refused(self):
		journey = Journey("payu")
		answer = journey.initiate(method="saved_card", instrument_id="x")
		self.assertEqual((answer["error_code"], journey.attempts()), ("bad_request", []))
		self.assertIn("netbanking", answer["error"])

	def test_card_numbers_are_refused_before_anything_is_stored(self):
		"""S32."""
		for gateway in ("cashfree", "payu"):
			journey = Journey(gateway)
			for field in ("upi_id", "bank_code", "instrument_id"):
				answer = journey.initiate(**{field: "4111 1111 1111 1111"})
				self.assertEqual((answer["error_code"], journey.attempts()), ("gateway_refused", []))

	def test_a_reused_idempotency_key_with_other_details_is_a_conflict(self):
		journey = Journey("cashfree")
		key = {"idempotency_key": "k1", "method": "upi_collect"}
		self.assertTrue(journey.initiate(upi_id="asha.example@okbank", **key)["success"])
		again = journey.initiate(upi_id="other@okbank", **key)
		self.assertEqual(again["error_code"], "conflict")

	def test_a_paid_invoice_cannot_be_paid_again(self):
		"""R30: a paid document offers nothing to pay."""
		journey = Journey("payu")
		settle("payu", paid(journey.start()))
		for answer in (journey.initiate(), journey.retry()):
			self.assertEqual(answer["error_code"], "conflict")
		with as_user(journey.user):
			open_invoices = [row["name"] for row in payment.get_pending_invoices()["invoices"]]
		self.assertNotIn(journey.invoice, open_invoices)

	def test_an_invoice_with_a_total_of_zero_is_paid_without_a_gateway(self):
		journey = Journey("payu")
		values = {
			"user": journey.user,
			"subscription": journey.subscription,
			"plan": journey.doc().plan,
			"currency": "INR",
		}
		invoice = frappe.get_doc({"doctype": "AI Invoice", "purpose": "New", "net_amount": 0, **values})
		journey.invoice = invoice.insert(ignore_permissions=True).name
		frappe.db.commit()
		answers = [journey.initiate() for _click in range(2)]
		self.assertEqual((answers[0]["success"], answers[0]["attempt"]), (True, None))
		self.assertEqual((journey.status(), journey.subscription_status()), ("Paid", "Active"))
		self.assertEqual(journey.events().count("subscription_served"), 1)

	def test_a_definite_refusal_fails_the_attempt_and_allows_another(self):
		journey = Journey("razorpay")
		journey.sim.faults.add("razorpay", "create", "error_500_before", status=429)
		self.assertFalse(journey.initiate()["success"])
		self.assertEqual(
			frappe.get_all("Payment Attempt", {"invoice": journey.invoice}, pluck="status"), ["Failed"]
		)
		self.assertTrue(journey.initiate()["success"])

	def test_after_a_lost_response_the_next_click_still_leads_to_a_page(self):
		"""R1: an order whose page is unknown does not block the customer."""
		for gateway in (code for code in GATEWAYS if code != "payu"):
			with self.subTest(gateway):
				clear_due_records()
				journey = Journey(gateway)
				journey.sim.faults.add(gateway, "create", "timeout_after")
				self.assertFalse(journey.initiate()["success"])
				self.assertEqual(journey.status(), "Processing")
				attempt = journey.start()
				journey.deliver_return(journey.customer_pays(attempt))
				sweep_until_settled(journey)
				self.assertEqual(journey.problems(), [])
				self.assertEqual(journey.status(), "Paid")

	def test_a_notice_for_an_order_whose_creation_timed_out_is_settled(self):
		"""R9: the webhook arrives before the response, or the response is lost."""
		for gateway in (code for code in GATEWAYS if code in KNOWN_BY_OUR_REFERENCE):
			with self.subTest(gateway):
				clear_due_records()
				journey = Journey(gateway)
				journey.sim.faults.add(gateway, "create", "timeout_after")
				self.assertFalse(journey.initiate()["success"])
				journey.customer_pays(journey.attempts()[0])
				journey.deliver_all()
				sweep_until_settled(journey)
				self.assertEqual(journey.problems(), [])
				self.assertEqual(journey.status(), "Paid")


class TestBolt(TestCase):
	def test_bolt_receives_the_values_that_were_hashed(self):
		journey = Journey("payu")
		for mode in ("inline", "embedded"):
			with as_user(journey.user):
				answer = payment.create_bolt_payment(invoice_id=journey.invoice, embed_mode=mode)
			self.assertEqual((answer["mode"], answer["embed_mode"]), (f"bolt_{mode}", mode == "embedded"))
			config = answer["bolt_config"]
			self.assertEqual((config["txnid"], config["amount"]), (answer["attempt"], "499.00"))
			self.assertEqual(
				open_pay_page(
					{"form": {"action": f"{journey.sim.url}/payu/_payment", "fields": config}}
				).status,
				200,
			)

	def test_embed_mode_is_a_boolean_or_its_name(self):
		journey = Journey("payu")
		given = {"embedded": (True, "true", "TRUE", "embedded"), "inline": (False, "false", "inline", None)}
		for mode, values in given.items():
			for value in values:
				with self.subTest(value), as_user(journey.user):
					answer = payment.create_bolt_payment(invoice_id=journey.invoice, embed_mode=value)
					self.assertEqual(
						(answer["mode"], answer["embed_mode"]), (f"bolt_{mode}", mode == "embedded")
					)
		for value in ("yes", 1, "bolt", "popup"):
			with self.subTest(value), as_user(journey.user):
				answer = payment.create_bolt_payment(invoice_id=journey.invoice, embed_mode=value)
				self.assertEqual(answer["error_code"], "bad_request")

	def test_the_second_payment_of_an_invoice_is_for_the_outstanding_amount(self):
		journey = Journey("payu")
		settle("payu", paid(journey.start(), 100))
		with as_user(journey.user):
			answer = payment.create_bolt_payment(invoice_id=journey.invoice)
		self.assertEqual(Decimal(answer["bolt_config"]["amount"]), Decimal(399))
