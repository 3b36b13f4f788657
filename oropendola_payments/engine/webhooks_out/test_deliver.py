"""Deliveries: signatures, retries, order, one worker at a time."""

import threading
import unittest
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from importlib.util import find_spec

import frappe
from frappe.utils import add_to_date, now_datetime

from oropendola_payments.engine.monitoring import invariants
from oropendola_payments.engine.webhooks_out import deliver, endpoints, outcome, relay, schedule
from oropendola_payments.engine.webhooks_out.post import Answer, Limits
from oropendola_payments.tests.support.factories import payment_settings
from oropendola_payments.tests.support.parallel import in_parallel
from oropendola_payments.tests.support.receiver import Reply, WebhookTestCase, conf

if find_spec("standardwebhooks"):
	from standardwebhooks.webhooks import Webhook, WebhookVerificationError


@unittest.skipUnless(
	find_spec("standardwebhooks"), "A bench need not have the library; it is in benchless/requirements.txt."
)
class TestSignatures(WebhookTestCase):
	def test_the_official_library_verifies_what_is_sent(self):
		"""W1."""
		endpoint = self.endpoint()
		self.announce("invoice.paid", invoice_id="INV-1", note="₹ नमस्ते")
		self.send(endpoint)
		received = self.receiver.received[0]
		body = Webhook(endpoint["secret"]).verify(received.body, received.headers)
		self.assertEqual(body["data"], {"invoice_id": "INV-1", "note": "₹ नमस्ते"})
		self.assertEqual((body["type"], body["version"]), ("invoice.paid", 1))
		self.assertTrue(datetime.fromisoformat(body["timestamp"]).tzinfo)
		self.assertNotIn(".", received.headers["webhook-id"])

	def test_a_changed_body_or_another_secret_is_refused(self):
		"""W1."""
		endpoint, other = self.endpoint(), self.endpoint()
		self.announce()
		self.send(endpoint)
		received = self.receiver.received[0]
		for secret, body in ((endpoint["secret"], received.body + b" "), (other["secret"], received.body)):
			with self.assertRaises(WebhookVerificationError):
				Webhook(secret).verify(body, received.headers)

	def test_both_secrets_verify_during_a_rotation_and_only_the_new_one_after_it(self):
		"""W2."""
		old = self.endpoint()
		new = endpoints.rotate_secret(old["endpoint"], 24)
		self.announce()
		self.send(old)
		received = self.receiver.received[0]
		for secret in (old["secret"], new["secret"]):
			Webhook(secret).verify(received.body, received.headers)
		past = add_to_date(now_datetime(), seconds=-1)
		frappe.db.set_value("AI Webhook Endpoint", old["endpoint"], "secret_before_until", past)
		self.announce()
		self.send(old)
		received = self.receiver.received[1]
		Webhook(new["secret"]).verify(received.body, received.headers)
		with self.assertRaises(WebhookVerificationError):
			Webhook(old["secret"]).verify(received.body, received.headers)

	def test_a_repeat_has_the_same_id_and_body_and_a_new_time(self):
		endpoint = self.endpoint()
		self.receiver.replies = [Reply(500)]
		self.announce()
		self.send(endpoint)
		self.make_due(endpoint)
		self.send(endpoint)
		first, second = self.receiver.received
		self.assertEqual(first.headers["webhook-id"], second.headers["webhook-id"])
		self.assertEqual(first.body, second.body)
		Webhook(endpoint["secret"]).verify(second.body, second.headers)


class TestRetries(WebhookTestCase):
	def test_an_error_is_tried_ten_times_over_three_days_and_then_given_up(self):
		endpoint = self.endpoint()
		self.receiver.reply = Reply(500, body=b"Sorry")
		self.announce()
		relay.distribute()
		waited = timedelta()
		for number in range(1, 11):
			self.make_due(endpoint)
			deliver.run(endpoint["endpoint"])
			delivery = self.deliveries(endpoint)[0]
			self.assertEqual(delivery.attempts, number)
			if number < 10:
				wait, planned = delivery.next_attempt_at - now_datetime(), schedule.DELAYS[number]
				self.assertLess(abs(wait.total_seconds() - planned), planned * 0.1 + 5)
				waited += wait
		self.assertEqual((delivery.status, len(delivery.attempt_log)), ("Given Up", 10))
		self.assertGreater(waited, timedelta(hours=67))
		self.assertEqual(
			(delivery.attempt_log[0].status_code, delivery.attempt_log[0].response), (500, "Sorry")
		)
		self.assertEqual(self.send(endpoint), 0)

	def test_a_redirect_is_a_failure_and_is_not_followed(self):
		"""W7."""
		endpoint = self.endpoint()
		self.receiver.reply = Reply(302, {"Location": self.receiver.url + "/elsewhere"})
		self.announce()
		self.send(endpoint)
		self.assertEqual([one.path for one in self.receiver.received], ["/hook"])
		self.assertEqual(self.deliveries(endpoint)[0].last_error, "HTTP 302")

	def test_gone_disables_the_endpoint_at_once(self):
		endpoint = self.endpoint()
		self.receiver.reply = Reply(410)
		for _event in range(2):
			self.announce()
		self.send(endpoint)
		doc = self.doc(endpoint)
		self.assertEqual((doc.status, doc.disabled_reason), ("Disabled", "Gone"))
		self.assertEqual([row.status for row in self.deliveries(endpoint)], ["Given Up"] * 2)
		self.assertEqual(len(self.receiver.received), 1)

	def test_retry_after_is_honoured_in_both_forms(self):
		for status, header in (
			(429, "3600"),
			(503, format_datetime(datetime.now(timezone.utc) + timedelta(hours=1), usegmt=True)),
		):
			endpoint = self.endpoint()
			self.receiver.replies = [Reply(status, {"Retry-After": header})]
			self.announce()
			self.send(endpoint)
			wait = self.deliveries(endpoint)[0].next_attempt_at - now_datetime()
			self.assertGreater(wait, timedelta(minutes=58))
			self.assertLess(wait, timedelta(minutes=61))
			self.assertGreater(self.doc(endpoint).not_before, add_to_date(now_datetime(), minutes=58))
			endpoints.delete(endpoint["endpoint"])

	def test_a_hostile_retry_after_changes_nothing(self):
		for header in ("-5", "9" * 400, "tomorrow", "Mon, 99 Foo 0000 00:00:00 GMT", "١٢"):
			self.assertLessEqual(
				outcome.schedule.next_attempt(1, _parsed(header)) - now_datetime(), timedelta(hours=24)
			)

	def test_a_slow_receiver_is_hung_up_on(self):
		"""W8."""
		endpoint, end = self.endpoint(), threading.Event()
		self.addCleanup(end.set)
		self.receiver.reply = Reply(before=lambda: end.wait(5))
		self.announce()
		self.send(endpoint, limits=Limits(total=0.2))
		self.assertEqual(self.deliveries(endpoint)[0].last_error, "There was no complete answer in time.")

	def test_of_the_answer_only_the_beginning_is_stored_and_personal_data_is_not(self):
		"""W9."""
		endpoint = self.endpoint()
		self.receiver.reply = Reply(500, body=b"asha@example.com\x00\x07 " + b"x" * 100_000)
		self.announce()
		self.send(endpoint)
		stored = self.deliveries(endpoint)[0].attempt_log[0].response
		self.assertTrue(stored.startswith("***"))
		self.assertLessEqual(len(stored), 1000)

	def test_days_of_failures_warn_and_then_disable(self):
		endpoint = self.endpoint()
		self.receiver.reply = Reply(500)
		self.announce()
		self.send(endpoint)
		self.make_due(endpoint, failing_since=add_to_date(now_datetime(), days=-1, minutes=-1))
		self.send(endpoint)
		self.assertTrue(self.doc(endpoint).warned_on)
		self.make_due(endpoint, failing_since=add_to_date(now_datetime(), days=-5, minutes=-1))
		self.send(endpoint)
		self.assertEqual(self.doc(endpoint).disabled_reason, "Failing")
		self.assertEqual(self.deliveries(endpoint)[0].status, "Given Up")

	def test_one_success_ends_the_count_of_failures(self):
		endpoint = self.endpoint()
		self.receiver.replies = [Reply(500)]
		self.announce()
		self.send(endpoint)
		self.make_due(endpoint, failing_since=add_to_date(now_datetime(), days=-6))
		self.send(endpoint)
		doc = self.doc(endpoint)
		self.assertEqual((doc.status, doc.failures, doc.failing_since), ("Active", 0, None))


def _parsed(header: str) -> int:
	from oropendola_payments.engine.webhooks_out.post import _retry_after

	return _retry_after(header)


class TestOrder(WebhookTestCase):
	def test_events_arrive_in_their_order(self):
		endpoint = self.endpoint()
		for number in range(5):
			self.announce("invoice.paid", number=number)
		self.send(endpoint)
		numbers = [
			frappe.parse_json(one.body.decode())["data"].get("number") for one in self.receiver.received
		]
		self.assertEqual([number for number in numbers if number is not None], [0, 1, 2, 3, 4])

	def test_later_events_wait_for_one_that_has_just_failed_but_not_for_long(self):
		endpoint = self.endpoint()
		self.receiver.replies = [Reply(500)]
		for number in range(2):
			self.announce("invoice.paid", number=number)
		self.send(endpoint)
		name = endpoint["endpoint"]
		frappe.db.set_value("AI Webhook Endpoint", name, "not_before", None)
		frappe.db.commit()
		self.assertEqual(deliver.run(name), 0)
		first = self.deliveries(endpoint)[0]
		first.write(
			first_failed_at=add_to_date(now_datetime(), minutes=-2),
			next_attempt_at=add_to_date(now_datetime(), hours=1),
		)
		frappe.db.commit()
		self.assertEqual(deliver.run(name), 1)
		self.assertEqual([row.status for row in self.deliveries(endpoint)], ["Waiting", "Delivered"])

	def test_an_endpoint_that_is_down_is_tried_once_and_given_a_rest(self):
		endpoint = self.endpoint()
		self.receiver.reply = Reply(500)
		for _event in range(10):
			self.announce()
		self.send(endpoint)
		self.assertEqual(deliver.run(endpoint["endpoint"]), 0)
		self.assertEqual(len(self.receiver.received), 1)
		self.assertNotIn(endpoint["endpoint"], deliver.due_endpoints())


class TestWorkers(WebhookTestCase):
	def test_two_workers_send_each_event_once(self):
		"""W10."""
		endpoint = self.endpoint()
		for number in range(6):
			self.announce("invoice.paid", number=number)
		in_parallel(2, lambda _number: relay.distribute())
		results = in_parallel(3, lambda _number: deliver.run(endpoint["endpoint"]))
		self.assertEqual([result for result in results if isinstance(result, Exception)], [])
		ids = [one.headers["webhook-id"] for one in self.receiver.received]
		self.assertEqual((len(ids), len(set(ids))), (6, 6))

	def test_a_worker_that_died_is_replaced_when_its_claim_ends(self):
		"""W10."""
		endpoint = self.endpoint()
		self.announce()
		relay.distribute()
		self.assertTrue(deliver.in_transaction(deliver._take_next, endpoint["endpoint"], "dead"))
		self.assertEqual(deliver.run(endpoint["endpoint"]), 0)
		past = add_to_date(now_datetime(), seconds=-1)
		frappe.db.set_value("AI Webhook Endpoint", endpoint["endpoint"], "claimed_until", past)
		frappe.db.commit()
		self.assertEqual(deliver.run(endpoint["endpoint"]), 1)

	def test_a_worker_that_lost_its_claim_stores_nothing(self):
		"""W10."""
		endpoint = self.endpoint()
		self.announce()
		relay.distribute()
		_endpoint, delivery = deliver.in_transaction(deliver._take_next, endpoint["endpoint"], "slow")
		frappe.db.set_value("AI Webhook Endpoint", endpoint["endpoint"], "claim", "other")
		self.assertFalse(outcome.store(endpoint["endpoint"], delivery.name, "slow", Answer(200)))
		self.assertEqual(self.deliveries(endpoint)[0].status, "Waiting")

	def test_no_transaction_is_open_while_the_receiver_thinks(self):
		"""W11: another connection can change the same rows during the request."""
		endpoint, seen = self.endpoint(), []
		site, path = frappe.local.site, frappe.local.sites_path

		def change() -> None:
			frappe.init(site=site, sites_path=path)
			frappe.connect()
			seen.append(_touch(endpoint["endpoint"]))
			frappe.destroy()

		self.receiver.reply = Reply(before=change)
		self.announce()
		self.send(endpoint)
		self.assertEqual(seen, ["changed"])
		self.assertEqual(self.deliveries(endpoint)[0].status, "Delivered")

	def test_a_restored_copy_of_the_site_sends_nothing(self):
		"""W12."""
		endpoint = self.endpoint()
		self.announce()
		with conf(host_name="https://copy.example"):
			self.send(endpoint)
		self.assertEqual(self.receiver.received, [])
		self.assertGreater(self.send(endpoint), 0)

	def test_nothing_is_sent_to_customers_where_that_is_switched_off(self):
		endpoint = self.endpoint()
		self.announce()
		with payment_settings(customer_webhooks=0):
			self.send(endpoint)
		self.assertEqual(self.receiver.received, [])

	def test_what_waits_on_purpose_is_no_alarm(self):
		endpoint = self.endpoint()
		self.announce()
		relay.distribute()
		self.make_due(endpoint)
		late = [self.deliveries(endpoint)[0].name]
		rule = ("webhook_delivery_stuck",)
		self.assertEqual(invariants.check(rule), {rule[0]: late})
		with conf(host_name="https://copy.example"):
			self.assertEqual(invariants.check(rule), {})
		with payment_settings(customer_webhooks=0):
			self.assertEqual(invariants.check(rule), {})


def _touch(endpoint: str) -> str:
	frappe.db.set_value("AI Webhook Endpoint", endpoint, "description", "changed", update_modified=False)
	frappe.db.commit()
	return "changed"
