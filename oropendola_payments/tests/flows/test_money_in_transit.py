"""Money that is on its way for days, as with a bank debit: it is never called unpaid, and nobody is asked to pay again."""

import frappe
from frappe.utils import add_to_date, now_datetime

from oropendola_payments.engine.core.transactions import in_transaction
from oropendola_payments.engine.dunning import planning
from oropendola_payments.engine.inbound import abandonment
from oropendola_payments.engine.jobs import payment_jobs
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import enable_gateway, payment_settings
from oropendola_payments.tests.support.http import call
from oropendola_payments.tests.support.journey import Journey
from oropendola_payments.tests.support.links import new_link, start
from oropendola_payments.tests.support.pages import cookie_of, page
from oropendola_payments.tests.support.simulated import deliver
from oropendola_payments.tests.support.time_travel import clear_due_records, make_due

GATEWAYS = ("stripe", "paypal")
DAY = 24 * 60
THREE_WEEKS = 21
SENTENCE = "You do not need to pay again."


class TransitCase(TestCase):
	def setUp(self):
		clear_due_records()

	def in_transit(self, gateway: str, *, told: bool = True) -> tuple[Journey, str]:
		"""A payment whose money is on its way. `told`: the customer returned, and the webhooks about it arrived."""
		journey = Journey(gateway)
		attempt = journey.start()
		back = journey.customer_pays(attempt, "pending")
		messages = journey.take_webhooks()
		if told:
			journey.deliver_return(back)
			for message in [*messages, *journey.take_webhooks()]:
				deliver(message)
		return journey, attempt

	def state(self, attempt: str) -> tuple:
		return frappe.db.get_value("Payment Attempt", attempt, ["status", "in_transit"])

	def finish(self, journey: Journey, attempt: str, outcome: str = "success") -> list:
		"""The bank has decided, days later. Returns the webhooks about it."""
		make_due(journey.invoice)
		journey.sim.finish(journey.gateway, attempt, outcome)
		return journey.take_webhooks()


class TestWaiting(TransitCase):
	def test_it_is_never_abandoned_and_settled_when_it_arrives(self):
		"""R6."""
		for gateway in GATEWAYS:
			for told in (True, False):
				with self.subTest(gateway, told=told):
					journey, attempt = self.in_transit(gateway, told=told)
					make_due(journey.invoice)
					payment_jobs.run_abandoned()
					self.assertEqual(
						(journey.status(), self.state(attempt)), ("Processing", ("Processing", 1))
					)
					for message in self.finish(journey, attempt):
						deliver(message)
					self.assertEqual((journey.status(), self.state(attempt)), ("Paid", ("Paid", 0)))
					self.assertEqual(journey.problems(), [])

	def test_the_search_for_abandoned_payments_does_not_ask_again(self):
		journey, attempt = self.in_transit("stripe")
		make_due(journey.invoice)
		checks = frappe.db.get_value("Payment Attempt", attempt, "check_count")
		payment_jobs.run_abandoned()
		self.assertEqual(frappe.db.get_value("Payment Attempt", attempt, "check_count"), checks)

	def test_news_of_it_after_the_status_query_of_the_search_is_respected(self):
		"""R28: a message arrives between the query, which found nothing, and the lock."""
		journey, attempt = self.in_transit("stripe")
		make_due(journey.invoice)
		closed = in_transaction(abandonment._abandon_locked, [journey.invoice], [attempt], 30)
		self.assertEqual((closed, journey.status()), ([], "Processing"))

	def test_the_gateway_is_asked_for_three_weeks(self):
		"""R23."""
		for gateway in GATEWAYS:
			with self.subTest(gateway):
				journey, attempt = self.in_transit(gateway)
				days = []
				for day in range(THREE_WEEKS + 2):
					make_due(journey.invoice, day * DAY)
					payment_jobs.run_reconcile()
					if frappe.db.get_value("Payment Attempt", attempt, "next_check_at"):
						days.append(day)
				self.assertEqual(days, list(range(THREE_WEEKS)))

	def test_an_outcome_on_the_tenth_day_is_found_without_its_webhook(self):
		"""R23."""
		for gateway in GATEWAYS:
			with self.subTest(gateway):
				journey, attempt = self.in_transit(gateway)
				make_due(journey.invoice, 7 * DAY)
				payment_jobs.run_reconcile()
				payment_jobs.run_abandoned()
				self.assertEqual(journey.status(), "Processing")
				self.finish(journey, attempt)
				make_due(journey.invoice, 10 * DAY)
				payment_jobs.run_reconcile()
				self.assertEqual((journey.status(), journey.problems()), ("Paid", []))

	def test_money_that_is_first_heard_of_on_the_last_day_is_asked_about_again(self):
		journey, attempt = self.in_transit("stripe", told=False)
		make_due(journey.invoice, 7 * DAY)
		payment_jobs.run_reconcile()
		self.assertEqual((journey.status(), self.state(attempt)), ("Processing", ("Processing", 1)))
		self.assertTrue(frappe.db.get_value("Payment Attempt", attempt, "next_check_at"))

	def test_a_payment_that_is_not_decided_in_three_weeks_is_flagged(self):
		journey, attempt = self.in_transit("stripe")
		make_due(journey.invoice, THREE_WEEKS * DAY)
		payment_jobs.run_reconcile()
		self.assertEqual(self.state(attempt), ("Expired", 0))
		self.assertIn(attempt, journey.doc().review_reason)
		for message in self.finish(journey, attempt):
			deliver(message)
		self.assertEqual(journey.status(), "Paid")

	def test_an_authorized_payment_that_is_not_decided_in_three_weeks_is_flagged(self):
		"""R30: the first call to capture failed, and the capture of the second one waits for the bank."""
		journey = Journey("paypal")
		attempt = journey.start()
		journey.sim.faults.add("paypal", "capture", "error_500_before")
		journey.deliver_return(journey.customer_pays(attempt, "pending"))
		self.assertEqual(self.state(attempt), ("Authorized", 0))
		make_due(journey.invoice)
		payment_jobs.run_reconcile()
		self.assertEqual(self.state(attempt), ("Authorized", 1))
		make_due(journey.invoice, THREE_WEEKS * DAY)
		payment_jobs.run_reconcile()
		self.assertEqual(self.state(attempt), ("Expired", 0))
		self.assertIn(attempt, journey.doc().review_reason)
		self.assertTrue(journey.initiate()["success"])

	def test_a_card_that_was_declined_before_does_not_close_it(self):
		journey = Journey("paypal")
		config = journey.sim.provider("paypal").config
		self.addCleanup(config.update, declined_capture="refused")
		config["declined_capture"] = "recorded"
		attempt = journey.start()
		journey.deliver_return(journey.customer_pays(attempt, "failure"))
		make_due(journey.invoice)
		journey.deliver_return(journey.customer_pays(attempt, "pending"))
		for _time in range(2):
			make_due(journey.invoice)
			payment_jobs.run_reconcile()
		self.assertEqual((journey.status(), self.state(attempt)), ("Processing", ("Processing", 1)))
		self.assertEqual(journey.events().count("attempt_failed"), 0)
		self.assertEqual(journey.events().count("attempt_in_transit"), 1)

	def test_an_order_that_waits_for_the_customer_again_can_be_abandoned(self):
		journey, attempt = self.in_transit("paypal")
		self.finish(journey, attempt, "failure")
		ledger = journey.sim.provider("paypal").ledger
		ledger.find_order_by_reference(attempt).fields["status"] = "PAYER_ACTION_REQUIRED"
		payment_jobs.run_reconcile()
		self.assertEqual(self.state(attempt), ("Processing", 0))
		make_due(journey.invoice)
		payment_jobs.run_abandoned()
		self.assertEqual(journey.status(), "Abandoned")

	def test_a_debit_that_the_bank_refuses_leaves_the_invoice_to_be_paid(self):
		for gateway in GATEWAYS:
			with self.subTest(gateway):
				journey, attempt = self.in_transit(gateway)
				for message in self.finish(journey, attempt, "failure"):
					deliver(message)
				self.assertEqual((journey.status(), self.state(attempt)), ("Failed", ("Failed", 0)))
				self.assertTrue(journey.retry()["success"])


class TestClosedAttempts(TransitCase):
	"""R21: the attempt was closed because nobody had paid, and then somebody did."""

	def paid_after(self, close, gateway: str) -> tuple[Journey, str, list]:
		journey = Journey(gateway)
		attempt = journey.start()
		close(journey, attempt)
		make_due(journey.invoice)
		journey.customer_pays(attempt, "pending")
		return journey, attempt, journey.take_webhooks()

	def abandon(self, journey: Journey, attempt: str):
		make_due(journey.invoice)
		payment_jobs.run_abandoned()
		self.assertEqual(journey.status(), "Abandoned")

	def test_a_message_opens_it_again(self):
		for gateway in GATEWAYS:
			with self.subTest(gateway):
				journey, attempt, messages = self.paid_after(self.abandon, gateway)
				for message in messages:
					deliver(message)
				self.assertEqual((journey.status(), self.state(attempt)), ("Processing", ("Processing", 1)))
				self.assertIsNone(frappe.db.get_value("Payment Attempt", attempt, "completed_at"))
				make_due(journey.invoice)
				payment_jobs.run_abandoned()
				self.assertEqual(journey.status(), "Processing")

	def test_a_status_query_opens_it_again(self):
		for gateway in GATEWAYS:
			with self.subTest(gateway):
				journey, attempt, _lost = self.paid_after(self.abandon, gateway)
				make_due(journey.invoice, DAY)
				payment_jobs.run_reconcile()
				self.assertEqual((journey.status(), self.state(attempt)), ("Processing", ("Processing", 1)))

	def in_transit_of_a_cancelled_invoice(self) -> tuple[Journey, str]:
		def cancel(journey, attempt):
			self.abandon(journey, attempt)
			journey.doc().mark_as_cancelled()
			frappe.db.commit()

		journey, attempt, messages = self.paid_after(cancel, "stripe")
		for message in messages:
			deliver(message)
		return journey, attempt

	def test_a_cancelled_invoice_stays_cancelled(self):
		journey, attempt = self.in_transit_of_a_cancelled_invoice()
		self.assertEqual((journey.status(), self.state(attempt)), ("Cancelled", ("Processing", 1)))

	def test_one_of_a_cancelled_invoice_that_is_not_decided_in_three_weeks_is_flagged(self):
		journey, attempt = self.in_transit_of_a_cancelled_invoice()
		make_due(journey.invoice, THREE_WEEKS * DAY)
		payment_jobs.run_reconcile()
		self.assertEqual((journey.status(), self.state(attempt)), ("Cancelled", ("Expired", 0)))
		self.assertIn(attempt, journey.doc().review_reason)
		self.assertIsNone(frappe.db.get_value("Payment Attempt", attempt, "next_check_at"))

	def test_a_message_that_is_older_than_the_outcome_opens_nothing(self):
		"""R35."""
		journey = Journey("stripe")
		attempt = journey.start()
		journey.customer_pays(attempt, "pending")
		older = journey.take_webhooks()
		for message in [*self.finish(journey, attempt, "failure"), *older]:
			deliver(message)
		self.assertEqual((journey.status(), self.state(attempt)), ("Failed", ("Failed", 0)))
		self.assertEqual(journey.events().count("attempt_failed"), 1)


class TestSecondPayment(TransitCase):
	def refusal(self, journey: Journey, gateway: str) -> str:
		answer = call(
			"payment.initiate_payment",
			journey.user,
			json={"invoice_id": journey.invoice, "gateway": gateway},
		)
		self.assertEqual(answer.status_code, 409, answer.get_data(as_text=True))
		return answer.get_json()["message"]["error"]

	def test_it_is_refused_at_every_gateway(self):
		"""R37."""
		for gateway in GATEWAYS:
			other = next(code for code in GATEWAYS if code != gateway)
			journey, attempt = self.in_transit(gateway)
			for code in (gateway, other):
				with self.subTest(gateway, again_at=code):
					settings = {"api_base_url": f"{journey.sim.url}/{code}"}
					enable_gateway(code, **settings)  # a request reads its own configuration
					self.addCleanup(enable_gateway, code)
					self.assertIn(SENTENCE, self.refusal(journey, code))
			self.assertEqual(journey.attempts(), [attempt])

	def test_it_is_refused_when_closing_the_first_one_shows_where_the_money_is(self):
		"""R16: the messages about the first one were lost, and it was called abandoned."""
		journey = Journey("stripe")
		first = journey.start()
		make_due(journey.invoice)
		payment_jobs.run_abandoned()
		journey.customer_pays(first, "pending")
		journey.take_webhooks()
		answer = journey.initiate()
		self.assertIn(SENTENCE, answer["error"])
		self.assertEqual((journey.status(), self.state(first)), ("Processing", ("Processing", 1)))
		second = next(name for name in journey.attempts() if name != first)
		self.assertEqual(self.state(second), ("Cancelled", 0))
		self.assertEqual(journey.poll()["attempt"]["name"], first)

	def test_cancelling_does_not_make_room_for_one(self):
		for gateway in GATEWAYS:
			with self.subTest(gateway):
				journey, attempt = self.in_transit(gateway, told=False)
				self.assertEqual(journey.cancel(attempt)["status"], "Processing")
				self.assertEqual((journey.status(), self.state(attempt)), ("Processing", ("Processing", 1)))

	def test_another_part_of_the_invoice_can_be_paid_meanwhile(self):
		with payment_settings(part_percent=10, max_parts=4):
			journey = Journey("stripe")
			frappe.db.set_value("AI Invoice", journey.invoice, "part_payments", 1)
			frappe.db.commit()
			attempt = journey.start(amount=100)
			journey.deliver_return(journey.customer_pays(attempt, "pending"))
			journey.deliver_all()
			past = add_to_date(now_datetime(), hours=-1)
			frappe.db.set_value("Payment Attempt", attempt, "expires_at", past)  # of the session's page
			frappe.db.commit()
			self.assertIn(SENTENCE, journey.initiate(amount=100)["error"])
			self.assertFalse(journey.initiate()["success"], "everything is more than what is left")
			self.assertTrue(journey.initiate(amount=150)["success"])

	def test_no_reminder_is_planned_or_sent(self):
		"""R37."""
		with payment_settings(send_payment_reminders=1):
			journey, _attempt = self.in_transit("stripe")
			make_due(journey.invoice)
			payment_jobs.run_abandoned()
			planning.plan_all()
			self.assertEqual(frappe.get_all("AI Payment Reminder", {"invoice": journey.invoice}), [])


class TestWhatTheCustomerReads(TransitCase):
	def test_the_answer_of_the_api_says_so(self):
		for gateway in GATEWAYS:
			journey, attempt = self.in_transit(gateway)
			with self.subTest(gateway):
				told = journey.poll(attempt)["attempt"]
				self.assertEqual((told["status"], told["in_transit"]), ("Processing", True))
				self.assertIn(SENTENCE, told["error_message"])

	def test_the_pages_say_so_and_offer_no_second_payment(self):
		journey, attempt = self.in_transit("stripe")
		headers = {"Cookie": cookie_of(journey.user)}
		result = page("/payment-result", query_string={"attempt": attempt}, headers=headers).text
		self.assertIn(SENTENCE, result)
		self.assertNotIn("/checkout?invoice=", result)
		self.assertNotIn('http-equiv="refresh"', result, "nobody waits some days")
		checkout = page("/checkout", query_string={"invoice": journey.invoice}, headers=headers).text
		self.assertIn(SENTENCE, checkout)
		self.assertNotIn(f"/pay?attempt={attempt}", checkout)
		pay = page("/pay", query_string={"attempt": attempt}, headers=headers)
		self.assertEqual(
			(pay.status_code, pay.headers["Location"]), (303, f"/payment-result?attempt={attempt}")
		)

	def test_whoever_pays_through_a_link_reads_it_too(self):
		journey = Journey("stripe")
		enable_gateway(
			"stripe", api_base_url=f"{journey.sim.url}/stripe"
		)  # a request reads its own configuration
		self.addCleanup(enable_gateway, "stripe")
		_link, path = new_link(journey.invoice)
		attempt = start(path, "stripe")
		back = journey.customer_pays(attempt, "pending")
		arrived = journey.deliver_return(back)
		journey.deliver_all()
		result = page(arrived.headers["Location"])
		for text in (result.text, page(path).text):
			self.assertIn(SENTENCE, text)
		self.assertNotIn('http-equiv="refresh"', result.text)
