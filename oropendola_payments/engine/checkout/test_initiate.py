from datetime import timedelta
from decimal import Decimal

import frappe
from frappe.utils import add_to_date, now_datetime

from oropendola_payments.api import payment
from oropendola_payments.engine.checkout import gateway_choice
from oropendola_payments.engine.jobs import payment_jobs
from oropendola_payments.engine.settlement.settle import settle
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import as_user, enable_gateway, payment_settings
from oropendola_payments.tests.support.gateway_events import failed, paid
from oropendola_payments.tests.support.http import call, message
from oropendola_payments.tests.support.journey import GATEWAYS, Journey
from oropendola_payments.tests.support.simulated import open_pay_page
from oropendola_payments.tests.support.time_travel import clear_due_records, make_due, sweep_until_settled

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

	def test_the_amount_comes_from_the_invoice_alone(self):
		"""S1, S11: whatever the browser sends."""
		journey = Journey("payu", settings={"api_base_url": None})
		fields = {
			"invoice_id": journey.invoice,
			"gateway": "payu",
			"amount": "1",
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


class TestFirstStatusQuery(TestCase):
	def test_the_first_status_query_follows_the_delay_of_the_vendor(self):
		"""PhonePe wants the first check 20 to 25 seconds after the start, then 3, 6, 10, 30 seconds, then each minute."""
		for gateway in GATEWAYS:
			with self.subTest(gateway):
				attempt = Journey(gateway).start()
				started, due = frappe.db.get_value(
					"Payment Attempt", attempt, ["initiated_at", "next_check_at"]
				)
				least, most = (20, 25) if gateway == "phonepe" else (55, 65)
				self.assertTrue(least <= (due - started).total_seconds() <= most, due - started)

	def test_an_order_still_open_after_15_minutes_has_been_queried(self):
		"""P2."""
		for gateway in GATEWAYS:
			with self.subTest(gateway):
				journey = Journey(gateway)
				attempt = journey.start()
				started = add_to_date(now_datetime(), minutes=-15)
				frappe.db.set_value("Payment Attempt", attempt, "initiated_at", started)
				due = frappe.db.get_value("Payment Attempt", attempt, "next_check_at")
				self.assertLess(due, add_to_date(now_datetime(), minutes=2))
				frappe.db.set_value("Payment Attempt", attempt, "next_check_at", now_datetime())
				frappe.db.commit()
				payment_jobs.run_reconcile()
				again = frappe.db.get_value("Payment Attempt", attempt, "next_check_at")
				self.assertLessEqual(again, add_to_date(now_datetime(), minutes=5))

	def test_a_pending_phonepe_payment_is_queried_at_phonepes_intervals(self):
		journey = Journey("phonepe")
		attempt = journey.start()
		for age, wait in ((30, 3), (80, 6), (150, 10), (200, 30), (600, 60)):
			started = add_to_date(now_datetime(), seconds=-age)
			frappe.db.set_value(
				"Payment Attempt", attempt, {"initiated_at": started, "next_check_at": started}
			)
			frappe.db.commit()
			payment_jobs.run_reconcile()
			due = frappe.db.get_value("Payment Attempt", attempt, "next_check_at")
			self.assertAlmostEqual((due - now_datetime()).total_seconds(), wait, delta=2)


class TestIdempotencyKeys(TestCase):
	def setUp(self):
		self.journey = Journey("payu")
		self.key = f"key-{self.journey.invoice}"

	def test_the_same_key_gives_the_same_answer(self):
		first, second = (self.journey.initiate(idempotency_key=self.key) for _time in range(2))
		self.assertEqual(first, second)

	def test_the_same_key_gives_the_same_attempt_even_after_it_ended(self):
		attempt = self.journey.initiate(idempotency_key=self.key)["attempt"]
		settle("payu", failed(attempt))
		again = self.journey.initiate(idempotency_key=self.key)
		self.assertEqual((again["attempt"], again["status"]), (attempt, "Failed"))
		self.assertEqual(self.journey.attempts(), [attempt])

	def test_the_same_key_with_another_gateway_is_a_conflict(self):
		self.journey.initiate(idempotency_key=self.key)
		enable_gateway("razorpay")
		with as_user(self.journey.user):
			other = payment.initiate_payment(
				invoice_id=self.journey.invoice, gateway="razorpay", idempotency_key=self.key
			)
		self.assertEqual(other["error_code"], "conflict")

	def test_a_key_that_returned_an_open_attempt_is_remembered(self):
		attempt = self.journey.start()
		self.assertEqual(self.journey.initiate(idempotency_key=self.key)["attempt"], attempt)
		settle("payu", failed(attempt))
		self.assertEqual(self.journey.initiate(idempotency_key=self.key)["attempt"], attempt)

	def test_two_customers_may_use_the_same_key(self):
		from oropendola_payments.tests.support.factories import create_user

		other = Journey("payu", user=create_user())
		mine, theirs = (j.initiate(idempotency_key=self.key)["attempt"] for j in (self.journey, other))
		self.assertNotEqual(mine, theirs)


class TestRetrying(TestCase):
	def fail(self, journey):
		settle("payu", failed(journey.attempts()[-1]))

	def test_the_retry_limit_holds_for_every_endpoint(self):
		"""R30: a failed payment can be tried again, within the limit."""
		for retry in (Journey.retry, Journey.initiate):
			with self.subTest(retry.__name__), payment_settings(max_retries=3):
				journey = Journey("payu")
				journey.start()
				for number in (1, 2, 3):
					self.fail(journey)
					self.assertEqual(journey.status(), "Failed")
					self.assertTrue(retry(journey)["success"])
					self.assertEqual(journey.doc().retry_count, number)
				self.fail(journey)
				for call_again in (Journey.retry, Journey.initiate):
					self.assertEqual(call_again(journey)["error_code"], "conflict")
				self.assertEqual(len(journey.attempts()), 4)

	def test_a_retry_with_an_unavailable_gateway_is_not_counted(self):
		journey = Journey("payu")
		journey.start()
		self.fail(journey)
		with as_user(journey.user):
			answer = payment.retry_payment(invoice_id=journey.invoice, gateway="nonsense")
		self.assertEqual((answer["error_code"], journey.status()), ("bad_request", "Failed"))
		self.assertEqual(journey.doc().retry_count, 0)
		self.assertTrue(journey.retry()["success"])

	def test_a_signed_return_is_processed_right_after_a_status_query_of_the_page(self):
		"""P11: the status is verified after every return, even when the page has just queried it."""
		journey = Journey("payu")
		attempt = journey.start()
		back = journey.customer_pays(attempt)
		just_now = now_datetime() - timedelta(seconds=4)
		frappe.db.set_value("Payment Attempt", attempt, "last_check_at", just_now)
		frappe.db.commit()
		journey.deliver_return(back)
		self.assertEqual(journey.status(), "Paid")

	def test_only_a_failed_or_abandoned_payment_is_retried(self):
		journey = Journey("payu")
		self.assertEqual(journey.retry()["error_code"], "conflict")
		journey.start()
		self.assertEqual(journey.retry()["error_code"], "conflict")

	def test_each_retry_is_an_attempt_with_a_reference_of_its_own(self):
		"""payu.md pitfall 9: a retry needs a new txnid, and all attempts stay linked to one invoice."""
		for gateway in GATEWAYS:
			with self.subTest(gateway):
				clear_due_records()
				journey = Journey(gateway)
				settle(gateway, failed(journey.start()))
				answer = journey.retry()
				self.assertTrue(answer["success"], answer)
				self.assertEqual(len(set(journey.attempts())), 2)

	def test_a_payment_that_succeeded_without_notice_is_found_before_a_retry(self):
		"""R5: the customer paid although we recorded Failed; the retry must not charge twice."""
		journey = Journey("payu")
		attempt = journey.start()
		journey.customer_pays(attempt)
		journey.take_webhooks()
		frappe.db.set_value("Payment Attempt", attempt, "last_check_at", None)
		answer = journey.retry()
		self.assertEqual((answer["success"], journey.status()), (False, "Paid"))


class TestCancelling(TestCase):
	def test_a_cancelled_attempt_returns_the_invoice_to_pending(self):
		for gateway in GATEWAYS:
			with self.subTest(gateway):
				journey = Journey(gateway)
				attempt = journey.start()
				self.assertEqual(journey.cancel(attempt)["status"], "Cancelled")
				self.assertEqual(journey.status(), "Pending")
				self.assertTrue(journey.initiate()["success"])
				self.assertEqual(journey.doc().retry_count, 0, "withdrawn before any money could move")

	def test_an_attempt_whose_creation_timed_out_can_be_cancelled(self):
		for gateway in GATEWAYS:
			if gateway == "payu":
				continue  # the browser opens it: there is no call that could be lost
			with self.subTest(gateway):
				journey = Journey(gateway)
				journey.sim.faults.add(gateway, "create", "timeout_after")
				self.assertFalse(journey.initiate()["success"])
				answer = journey.cancel(journey.attempts()[0])
				self.assertTrue(answer["success"], answer)
				self.assertEqual(answer["status"], "Cancelled")
				self.assertTrue(journey.initiate()["success"])

	def test_a_successful_payment_cannot_be_cancelled(self):
		for gateway in GATEWAYS:
			with self.subTest(gateway):
				journey = Journey(gateway)
				attempt = journey.start()
				journey.customer_pays(attempt)
				journey.take_webhooks()
				journey.cancel(attempt)
				sweep_until_settled(journey)
				self.assertEqual(journey.status(), "Paid")
				self.assertEqual(journey.problems(), [])

	def test_cancelling_twice_is_no_error(self):
		journey = Journey("payu")
		attempt = journey.start()
		self.assertEqual([journey.cancel(attempt)["status"] for _time in range(2)], ["Cancelled"] * 2)


class TestAbandoning(TestCase):
	def test_the_gateway_is_queried_before_a_payment_becomes_abandoned(self):
		"""R6: the customer paid and closed the tab, and no notice arrived."""
		for gateway in GATEWAYS:
			with self.subTest(gateway):
				clear_due_records()
				journey = Journey(gateway)
				journey.customer_pays(journey.start())
				journey.take_webhooks()
				make_due(journey.invoice)
				payment_jobs.run_abandoned()
				self.assertEqual(journey.status(), "Paid")
				self.assertEqual(journey.problems(), [])

	def test_nothing_is_abandoned_while_the_gateway_is_unreachable(self):
		"""R6: an outage does not mean unpaid."""
		for gateway in GATEWAYS:
			with self.subTest(gateway):
				clear_due_records()
				journey = Journey(gateway)
				journey.start()
				make_due(journey.invoice)
				fault = journey.sim.faults.add(gateway, "*", "error_500_before", None)
				try:
					payment_jobs.run_abandoned()
				finally:
					journey.sim.faults._waiting.remove(fault)
				self.assertEqual(journey.status(), "Processing")

	def test_a_closed_tab_is_abandoned_and_its_late_success_is_settled(self):
		"""R5, R21, R23: Abandoned is only displayed; the gateway is queried for days."""
		clear_due_records()
		journey = Journey("payu")
		attempt = journey.start()
		make_due(journey.invoice)
		payment_jobs.run_abandoned()
		self.assertEqual(journey.status(), "Abandoned")
		journey.customer_pays(attempt)
		journey.take_webhooks()
		make_due(journey.invoice, minutes=4 * 24 * 60)
		payment_jobs.run_reconcile()
		self.assertEqual((journey.status(), journey.subscription_status()), ("Paid", "Active"))

	def test_a_closed_attempt_is_queried_for_at_least_five_days(self):
		"""P19. R23: RBI's turnaround rules reverse unconfirmed money within T+5 days."""
		journey = Journey("payu")
		settle("payu", failed(journey.start()))
		days = []
		clear_due_records()
		frappe.db.set_value("Payment Attempt", journey.attempts()[0], "next_check_at", now_datetime())
		for day in range(8):
			make_due(journey.invoice, minutes=day * 24 * 60)
			payment_jobs.run_reconcile()
			if frappe.db.get_value("Payment Attempt", journey.attempts()[0], "next_check_at"):
				days.append(day)
		self.assertEqual(days, [0, 1, 2, 3, 4, 5])


class TestBolt(TestCase):
	def test_bolt_receives_the_values_that_were_hashed(self):
		journey = Journey("payu")
		for mode in ("inline", "embedded"):
			with as_user(journey.user):
				answer = payment.create_bolt_payment(invoice_id=journey.invoice, embed_mode=mode)
			self.assertEqual((answer["mode"], answer["embed_mode"]), (f"bolt_{mode}", mode))
			config = answer["bolt_config"]
			self.assertEqual((config["txnid"], config["amount"]), (answer["attempt"], "499.00"))
			self.assertEqual(
				open_pay_page(
					{"form": {"action": f"{journey.sim.url}/payu/_payment", "fields": config}}
				).status,
				200,
			)

	def test_the_second_payment_of_an_invoice_is_for_the_outstanding_amount(self):
		journey = Journey("payu")
		settle("payu", paid(journey.start(), 100))
		with as_user(journey.user):
			answer = payment.create_bolt_payment(invoice_id=journey.invoice)
		self.assertEqual(Decimal(answer["bolt_config"]["amount"]), Decimal(399))
