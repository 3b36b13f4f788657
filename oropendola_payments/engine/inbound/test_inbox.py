import json
from dataclasses import replace
from unittest.mock import patch

import frappe
from frappe.utils import now_datetime

from oropendola_payments.ai_billing.known_gateways import adapter_class
from oropendola_payments.api import admin
from oropendola_payments.engine.inbound import inbox, notice_codec
from oropendola_payments.engine.jobs import payment_jobs
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.crashes import count_crash_points, crashing
from oropendola_payments.tests.support.factories import as_user, create_user, enable_gateway
from oropendola_payments.tests.support.gateway_events import UNSIGNED_NOTICES
from oropendola_payments.tests.support.http import call
from oropendola_payments.tests.support.journey import GATEWAYS, Journey
from oropendola_payments.tests.support.simulated import deliver, simulator
from oropendola_payments.tests.support.time_travel import clear_due_records, make_due

LOG = "Payment Webhook Log"
SIGNED = tuple(code for code in GATEWAYS if code not in UNSIGNED_NOTICES)


def logs_of(gateway: str, since: str) -> list:
	fields = ["name", "status", "attempts", "attempt", "event_key", "next_attempt_at", "error"]
	return frappe.get_all(LOG, {"gateway": gateway, "creation": (">=", since)}, fields, order_by="creation")


class InboxCase(TestCase):
	def setUp(self):
		clear_due_records()
		self.since = frappe.utils.now()

	def logs(self, gateway: str = "payu") -> list:
		return logs_of(gateway, self.since)

	def paid_with_webhooks(self, gateway: str) -> tuple[Journey, list]:
		"""A payment, and the webhooks about it that were not delivered yet."""
		journey = Journey(gateway)
		journey.customer_pays(journey.start())
		return journey, journey.take_webhooks()


class TestMessages(InboxCase):
	def test_a_webhook_alone_settles_the_payment(self):
		"""razorpay.md pitfall 4, stripe.md pitfall 2: the customer closes the tab after the debit and never returns."""
		for gateway in GATEWAYS:
			with self.subTest(gateway):
				journey, messages = self.paid_with_webhooks(gateway)
				for message in messages:
					deliver(message)
				self.assertEqual(journey.status(), "Paid")
				self.assertEqual(journey.problems(), [])
				self.assertIn(journey.attempts()[0], [row.attempt for row in self.logs(gateway)])

	def test_cashflows_gets_both_references_back_at_top_level(self):
		"""cashflows.md pitfall 2; P15: otherwise Cashflows repeats the webhook for weeks."""
		journey, messages = self.paid_with_webhooks("cashflows")
		settings = {"api_base_url": f"{journey.sim.url}/cashflows"}
		enable_gateway("cashflows", **settings)  # a request reads its own configuration
		self.addCleanup(enable_gateway, "cashflows")
		for message in [*messages, *messages]:
			query, headers = {"gateway": "cashflows"}, dict(message.headers)
			answer = call("webhooks.receive", query_string=query, data=message.body, headers=headers)
			self.assertEqual((answer.status_code, answer.mimetype), (200, "application/json"))
			self.assertEqual(answer.get_json(), dict(message.echo))
			self.assertEqual(len(message.echo), 2)
		self.assertEqual(journey.status(), "Paid")

	def test_a_guest_posts_a_raw_body_over_http_and_gets_200(self):
		"""cashfree.md pitfall 6, payu.md pitfall 7: a consumed body, a redirect or a login page counts as not delivered."""
		for gateway in GATEWAYS:
			with self.subTest(gateway):
				settings = {"api_base_url": f"{simulator().url}/{gateway}"}
				journey = Journey(gateway, settings=settings)
				self.addCleanup(enable_gateway, gateway)
				journey.customer_pays(journey.start())
				for message in journey.take_webhooks():
					query, headers = {"gateway": gateway}, dict(message.headers)
					answer = call("webhooks.receive", query_string=query, data=message.body, headers=headers)
					self.assertEqual((answer.status_code, answer.headers.get("Location")), (200, None))
				self.assertEqual(journey.status(), "Paid")

	def test_a_repeated_notice_is_a_duplicate_and_stored_once(self):
		"""R11, R12: the unique key decides, and only a repeated notice has the same key."""
		for gateway in SIGNED:
			with self.subTest(gateway):
				journey, messages = self.paid_with_webhooks(gateway)
				answers = [deliver(message) for message in messages for _time in range(3)]
				statuses = [
					answer["status"] for answer in answers if isinstance(answer, dict) and "status" in answer
				]
				if statuses:
					self.assertEqual(statuses.count("duplicate"), 2 * len(messages), statuses)
				keys = [row.event_key for row in self.logs(gateway)]
				self.assertEqual((len(keys), len(set(keys))), (len(messages), len(messages)))
				self.assertEqual(journey.problems(), [])

	def test_two_different_notices_about_one_order_are_both_stored(self):
		"""R11: a log keyed by the order would drop the second event."""
		journey = Journey("payu")
		attempt = journey.start()
		journey.customer_pays(attempt, "failure")
		journey.sim.finish("payu", attempt, "success")
		messages = journey.take_webhooks()
		self.assertEqual(len(messages), 2)
		for message in messages:
			deliver(message)
		self.assertEqual(len(self.logs()), 2)

	def test_a_stored_notice_is_read_back_unchanged(self):
		from oropendola_payments.engine.gateway.registry import adapter_of
		from oropendola_payments.gateways.base import Callback

		for gateway in GATEWAYS:
			with self.subTest(gateway):
				_journey, messages = self.paid_with_webhooks(gateway)
				adapter = adapter_of(gateway)
				for message in messages:
					callback = Callback(
						"webhook", "POST", message.headers, {"gateway": gateway}, message.body
					)
					notice = adapter.receive(callback)
					again = notice_codec.unpack_notice(frappe.as_json(notice_codec.pack_notice(notice)))
					self.assertEqual(again.events, notice.events)
					self.assertEqual(
						(again.verified, again.reference, again.order_id),
						(notice.verified, notice.reference, notice.order_id),
					)


class TestProcessingFailures(InboxCase):
	def test_a_slow_gateway_does_not_delay_the_answer_to_its_webhook(self):
		"""razorpay.md pitfall 5; P1: what takes longer is processed by the sweep."""
		journey, messages = self.paid_with_webhooks("razorpay")
		self.assertLess(max(inbox.TIMEOUT), 5)
		journey.sim.faults.add("razorpay", "status", "delay", times=None, seconds=2)
		with patch.object(inbox, "TIMEOUT", (0.2, 0.2)):
			self.assertEqual({deliver(message)["status"] for message in messages}, {"queued"})
		self.assertEqual(journey.status(), "Processing")
		journey.sim.faults.clear()
		make_due(journey.invoice)
		payment_jobs.run_inbox()
		self.assertEqual(journey.status(), "Paid")

	def test_a_notice_that_cannot_be_processed_is_kept_and_retried(self):
		"""R4, R9: acknowledged, and retried by us instead of by another delivery."""
		journey, messages = self.paid_with_webhooks("payu")
		journey.sim.faults.add("payu", "status", "error_500_before")
		self.assertEqual(deliver(messages[0])["status"], "queued")
		row = self.logs()[0]
		self.assertEqual((row.status, row.attempts), ("Failed", 1))
		make_due(journey.invoice)
		payment_jobs.run_inbox()
		self.assertEqual((self.logs()[0].status, journey.status()), ("Processed", "Paid"))

	def test_a_notice_left_by_a_crashed_worker_is_processed_by_the_sweep(self):
		"""R3: it was stored as Received and not processed."""
		journey, messages = self.paid_with_webhooks("payu")
		with crashing(at=1) as rehearsal:
			pass
		self.assertFalse(rehearsal.has_crashed)
		for point in range(1, 20):
			with crashing(at=point):
				deliver(messages[0])
			if self.logs():
				break
		self.assertEqual([row.status for row in self.logs()], ["Received"])
		make_due(journey.invoice)
		payment_jobs.run_inbox()
		self.assertEqual((self.logs()[0].status, journey.status()), ("Processed", "Paid"))

	def test_a_payment_and_its_notice_are_recorded_together(self):
		"""Wherever the process dies, no notice is processed without its payment, and no payment without its notice."""
		message = self.paid_with_webhooks("stripe")[1][0]
		points, seen = count_crash_points(lambda: deliver(message)), set()
		for point in range(points, points - 12, -1):
			journey, messages = self.paid_with_webhooks("stripe")
			self.since = frappe.utils.now()
			with crashing(at=point):
				deliver(messages[0])
			seen.add((self.logs("stripe")[0].status, journey.status()))
		self.assertEqual(seen, {("Received", "Processing"), ("Processed", "Paid")})

	def test_after_the_last_retry_a_notice_is_a_dead_letter_that_can_be_replayed(self):
		journey, messages = self.paid_with_webhooks("payu")
		fault = journey.sim.faults.add("payu", "status", "error_500_before", None)
		deliver(messages[0])
		pauses = []
		for _round in range(inbox.MAX_TRIES + 2):
			row = self.logs()[0]
			if row.next_attempt_at:
				pauses.append(round((row.next_attempt_at - frappe.utils.now_datetime()).total_seconds()))
			make_due(journey.invoice)
			payment_jobs.run_inbox()
		row = self.logs()[0]
		self.assertEqual((row.status, row.attempts, row.next_attempt_at), ("Dead", inbox.MAX_TRIES, None))
		self.assertEqual(pauses, sorted(pauses), "the pauses grow")
		journey.sim.faults._waiting.remove(fault)
		self.replay([row.name])
		self.assertEqual((self.logs()[0].status, journey.status()), ("Processed", "Paid"))
		self.assertEqual(journey.problems(), [])

	def replay(self, names: list[str]) -> dict:
		with as_user(create_user("Payments Manager")):
			answer = admin.replay_messages(names=json.dumps(names))
		self.assertTrue(answer["success"], answer)
		return answer["results"]

	def test_replaying_many_notices_changes_nothing_of_processed_ones(self):
		journeys = [self.paid_with_webhooks("payu") for _number in range(3)]
		for _journey, messages in journeys:
			deliver(messages[0])
		results = self.replay([row.name for row in self.logs()])
		self.assertEqual(list(results.values()), ["processed"] * 3)
		for journey, _messages in journeys:
			self.assertEqual(journey.problems(), [])

	def test_a_notice_for_an_unknown_payment_is_retried_and_then_ignored(self):
		"""R9: for some hours it may merely be early."""
		self.assertEqual(self.end_of_a_message_about(b"another-shops-order1"), ["Ignored"])

	def test_a_notice_for_a_missing_attempt_of_ours_becomes_a_dead_letter(self):
		"""R1: the reference is ours and the attempt is missing, perhaps after a restore, while the money was taken."""
		self.assertEqual(self.end_of_a_message_about(b"ZZZZZZZZZZZZZZZZZZZZ"), ["Dead"])

	def end_of_a_message_about(self, reference: bytes) -> list[str]:
		journey, messages = self.paid_with_webhooks("razorpay")
		attempt = journey.attempts()[0]
		body = messages[0].body.replace(attempt.encode(), reference)
		order = frappe.db.get_value("Payment Attempt", attempt, "gateway_order_id")
		body = body.replace(order.encode(), b"order_nobodys0")
		self.sign_and_deliver(messages[0], body)
		for _round in range(inbox.MAX_TRIES):
			make_due(journey.invoice)
			payment_jobs.run_inbox()
		self.assertEqual(journey.captures(), [])
		return [row.status for row in self.logs("razorpay")]

	@staticmethod
	def sign_and_deliver(message, body: bytes):
		import hashlib
		import hmac

		from oropendola_payments.tests.support.simulated import simulator

		secret = simulator().providers["razorpay"].config["webhook_secret"]
		signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
		headers = {
			**message.headers,
			"X-Razorpay-Signature": signature,
			"x-razorpay-event-id": frappe.generate_hash(length=14),
		}
		return deliver(replace(message, body=body, headers=headers))


class TestUnsignedNotices(InboxCase):
	def test_an_unsigned_notice_for_an_unknown_payment_is_counted_and_not_stored(self):
		for gateway in UNSIGNED_NOTICES:
			with self.subTest(gateway):
				journey, messages = self.paid_with_webhooks(gateway)
				ours = (
					journey.attempts()[0],
					frappe.db.get_value("Payment Attempt", journey.attempts()[0], "gateway_order_id"),
				)
				body = messages[0].body
				for name in ours:
					body = body.replace((name or "-").encode(), b"9" * len(name or "-"))
				deliver(replace(messages[0], body=body))
				self.assertEqual(self.logs(gateway), [])
				deliver(messages[0])
				self.assertEqual(journey.status(), "Paid")

	def test_a_phonepe_notice_with_wrong_authentication_only_triggers_a_status_query(self):
		"""S4, S5, S9: PhonePe wants such a message discarded and the order read by the status API."""
		journey, messages = self.paid_with_webhooks("phonepe")
		forged = replace(
			messages[-1], headers={"Authorization": "0" * 64, "Content-Type": "application/json"}
		)
		asked_at = frappe.utils.add_to_date(now_datetime(), minutes=30)
		frappe.db.set_value("Payment Attempt", journey.attempts()[0], "next_check_at", asked_at)
		answers = [
			deliver(forged),
			deliver(replace(forged, body=b"{}")),
			deliver(replace(forged, body=b"\xff")),
		]
		unknown = forged.body.replace(journey.attempts()[0].encode(), b"A" * 20)
		answers.append(deliver(replace(forged, body=unknown)))
		self.assertEqual({answer["error_code"] for answer in answers}, {"invalid_signature"})
		self.assertEqual((journey.status(), self.logs("phonepe")), ("Processing", []))
		due = frappe.db.get_value("Payment Attempt", journey.attempts()[0], "next_check_at")
		self.assertLessEqual((due - now_datetime()).total_seconds(), 60)
		make_due(journey.invoice)
		payment_jobs.run_reconcile()
		self.assertEqual((journey.status(), journey.problems()), ("Paid", []))

	def test_a_forged_notice_for_an_unpaid_payment_changes_nothing(self):
		journey = Journey("phonepe")
		attempt = journey.start()
		other, messages = self.paid_with_webhooks("phonepe")
		body = messages[-1].body.replace(other.attempts()[0].encode(), attempt.encode())
		deliver(replace(messages[-1], headers={"Authorization": "x"}, body=body))
		make_due(journey.invoice)
		payment_jobs.run_reconcile()
		self.assertEqual(journey.captures(), [])

	def test_a_burst_of_unsigned_notices_triggers_one_status_query(self):
		"""S38."""
		journey, messages = self.paid_with_webhooks("cashflows")
		for _ring in range(10):
			deliver(messages[0])
		count = frappe.db.get_value("Payment Attempt", journey.attempts()[0], "check_count")
		self.assertEqual((count, journey.status()), (1, "Paid"))


class TestSecretRotation(InboxCase):
	def setUp(self):
		super().setUp()
		self.secrets = {}

	def test_both_secrets_are_accepted_during_a_rotation(self):
		"""Two valid webhook secrets: webhooks already sent are signed with the old one."""
		for gateway in ("razorpay", "stripe"):
			with self.subTest(gateway):
				self.addCleanup(enable_gateway, gateway)
				current = simulator().providers[gateway].config["webhook_secret"]
				self.addCleanup(simulator().configure, gateway, webhook_secret=current)
				new = f"{current}-changed"
				self.secrets = {"webhook_secret": new, "webhook_secret_previous": current}
				self.assert_good(gateway, current, new)
				self.secrets = {"webhook_secret": new, "webhook_secret_previous": ""}
				self.assert_refused(gateway, current)

	def test_a_secret_stored_for_other_modes_loses_no_webhook_of_the_simulator(self):
		for gateway in ("razorpay", "stripe"):
			with self.subTest(gateway):
				self.addCleanup(enable_gateway, gateway, webhook_secret="")
				enable_gateway(gateway, webhook_secret="a-secret-of-the-test-mode")
				journey, messages = self.paid_with_webhooks(gateway)
				for message in messages:
					deliver(message)
				self.assertEqual(journey.status(), "Paid")

	def assert_good(self, gateway: str, *secrets: str):
		for secret in secrets:
			journey, answers = self.delivered_with(gateway, secret)
			self.assertEqual({answer["status"] for answer in answers} - {"processed", "ignored"}, set())
			self.assertEqual(journey.status(), "Paid")

	def assert_refused(self, gateway: str, secret: str):
		journey, answers = self.delivered_with(gateway, secret)
		self.assertEqual({answer["error_code"] for answer in answers}, {"invalid_signature"})
		self.assertEqual(journey.status(), "Processing")

	def delivered_with(self, gateway: str, secret: str):
		"""In Test mode, because the simulator's own mode knows only its own secrets."""
		address = {"mode": "Test", "api_base_url": f"{simulator().url}/{gateway}"}
		settings = {**adapter_class(gateway).simulator_secrets, **address, **self.secrets}
		simulator().configure(gateway, webhook_secret=secret)
		journey = Journey(gateway, settings=settings)
		journey.customer_pays(journey.start())
		return journey, [deliver(message) for message in journey.take_webhooks()]
