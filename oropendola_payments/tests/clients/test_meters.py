"""The Python client against a real server: it decides locally, never passes the limit, and loses nothing that was not spent."""

import json
import threading

from oropendola_payments.ai_billing.doctype.ai_api_key.ai_api_key import make_key
from oropendola_payments.engine.keys import rotate
from oropendola_payments.engine.metering.test_usage import served_customer
from oropendola_payments.tests.clients.python_client import ClientCase, Refused, Unavailable
from oropendola_payments.tests.support.case import TestCase

from oropendola_usage.book import Lease, Purse, lease_from, next_size  # isort: skip
from oropendola_usage.protocol import read, require_form  # isort: skip


class MeterTests:
	"""What holds for `Meter` and `AsyncMeter`."""

	def test_most_calls_are_decided_without_asking_the_site(self):
		meter = self.meter(first=100)
		passed, _refusal = self.pass_until_refused(meter, 300)
		self.assertEqual(passed, 300)
		self.assertLessEqual(self.network.calls.count("lease"), 5)
		self.assertNotIn("consume", self.network.calls)
		meter.close()
		self.assertEqual(self.left(), 700)

	def test_two_meters_with_many_threads_never_pass_the_limit(self):
		self.fill(60)
		meters = [self.meter(first=7), self.meter(first=5)]
		passed: list[int] = []

		def work(meter):
			passed.append(self.pass_until_refused(meter, 40)[0])

		threads = [threading.Thread(target=work, args=(meter,)) for meter in meters for _time in range(3)]
		for thread in threads:
			thread.start()
		for thread in threads:
			thread.join()
		for meter in meters:
			meter.close()
		self.assertLessEqual(sum(passed), 60)
		self.assertEqual(self.left(), 60 - sum(passed))

	def test_a_used_up_quota_says_when_to_come_back_and_is_not_asked_for_again_at_once(self):
		self.fill(0)
		meter = self.meter()
		for _time in range(3):
			with self.assertRaises(Refused) as raised:
				meter.check(self.key)
		self.assertEqual((raised.exception.status, raised.exception.window), (429, "requests:day"))
		self.assertGreater(int(raised.exception.headers()["Retry-After"]), 0)
		self.assertEqual(self.network.calls, ["lease"])

	def test_a_key_with_a_wrong_form_is_refused_without_asking(self):
		meter = self.meter()
		for key, reason in (
			("", "key_missing"),
			("oro_nonsense", "key_malformed"),
			(self.key[:-1], "key_malformed"),
			("sk-ü", "key_malformed"),
		):
			with self.assertRaises(Refused) as raised:
				meter.check(key)
			self.assertEqual((raised.exception.status, raised.exception.reason), (401, reason))
			self.assertEqual(raised.exception.headers(), {"WWW-Authenticate": "Bearer"})
		self.assertEqual(self.network.calls, [])

	def test_an_unknown_key_is_asked_about_once_as_long_as_a_lease_lives(self):
		now = [0.0]
		meter, key = self.meter(clock=lambda: now[0]), make_key()
		for second in (0.0, 5.0, 9.0, 11.0):
			now[0] = second
			with self.assertRaises(Refused) as raised:
				meter.check(key)
			self.assertEqual(raised.exception.reason, "key_unknown")
		self.assertEqual(self.network.calls, ["lease", "lease"])

	def test_made_up_keys_fill_no_memory(self):
		meter = self.meter(most_keys=5)
		meter.check(self.key)
		for _number in range(12):
			with self.assertRaises(Refused):
				meter.check(make_key())
		before = len(self.network.calls)
		meter.check(self.key)
		self.assertEqual(len(self.network.calls), before, "the key that works was forgotten")

	def test_a_call_larger_than_the_lease_is_counted_by_itself_once(self):
		self.fill(100)
		meter = self.meter(first=10)
		meter.check(self.key, 80)
		self.assertIn("consume", self.network.calls)
		meter.close()
		self.assertEqual(self.left(), 20)

	def test_a_replaced_key_works_until_its_lease_ends(self):
		now = [0.0]
		doc, key = served_customer(requests_limit_per_day=100)
		meter = self.meter(first=10, clock=lambda: now[0])
		meter.check(key)
		rotate.rotate(doc.user, doc.name)
		meter.check(key)
		now[0] += 60
		with self.assertRaises(Refused) as raised:
			meter.check(key)
		self.assertEqual(raised.exception.reason, "key_retired")

	def test_what_an_idle_key_did_not_spend_is_given_back_when_its_lease_ends(self):
		now = [0.0]
		meter = self.meter(first=50, clock=lambda: now[0])
		meter.check(self.key)
		self.assertEqual(self.left(), 950)
		now[0] += 10
		meter.sweep()
		self.assertTrue(meter.flush())
		self.assertEqual(self.left(), 999)

	def test_the_next_lease_is_there_before_it_is_needed(self):
		meter = self.meter(first=100)
		for _time in range(75):
			meter.check(self.key)
		self.assertTrue(meter.flush())
		self.wait_for(lambda: self.network.calls.count("lease") == 2)

	def wait_for(self, condition):
		waiter = threading.Event()
		for _time in range(400):
			if condition():
				return
			waiter.wait(0.01)
		self.fail("It did not happen.")

	def test_neither_the_client_nor_a_refusal_shows_the_key(self):
		meter = self.meter()
		meter.check(self.key)
		with self.assertRaises(Refused) as raised:
			meter.check(make_key())
		for text in (
			repr(meter),
			repr(raised.exception),
			str(raised.exception),
			repr(Purse(self.key, "h", None, 1)),
		):
			self.assertNotIn("oro_", text)


class TestMeter(MeterTests, ClientCase):
	pass


class TestAsyncMeter(MeterTests, ClientCase):
	is_async = True


class TestBook(TestCase):
	def test_a_lease_is_spent_to_its_last_request_and_not_after_its_end(self):
		lease = Lease("l", granted=3, ends_at=10.0)
		self.assertEqual(
			[lease.spend(2, 0.0), lease.spend(2, 0.0), lease.spend(1, 9.9), lease.spend(1, 9.9)],
			[True, False, True, False],
		)
		self.assertFalse(Lease("l", 3, 10.0).spend(1, 10.0))

	def test_the_time_of_a_lease_counts_from_before_it_was_asked_for_and_ends_with_its_window(self):
		answer = {"lease": "l", "granted": 1, "expires_in": 10, "window_ends_in": 3}
		self.assertEqual(lease_from(answer, asked_at=100.0).ends_at, 102.5)

	def test_the_next_lease_follows_the_rate(self):
		self.assertEqual(next_size(100, 1.0, 10, 10, 10_000), 1250)
		self.assertEqual(next_size(1, 100.0, 10, 10, 10_000), 10)
		self.assertEqual(next_size(10**6, 0.1, 10, 10, 10_000), 10_000)

	def test_the_form_of_keys_is_the_sites(self):
		for _time in range(20):
			key = make_key()
			require_form(key)
			swapped = key[:10] + ("0" if key[10] != "0" else "1") + key[11:]
			with self.assertRaises(Refused):
				require_form(swapped)

	def test_a_refusal_carries_what_the_site_offers(self):
		offer = {"type": "pack", "name": "small"}
		answer = {
			"success": False,
			"error": "Please buy more.",
			"error_code": "payment_required",
			"offer": offer,
		}
		with self.assertRaises(Refused) as raised:
			read(402, json.dumps({"message": answer}).encode())
		self.assertEqual((raised.exception.status, raised.exception.offer), (402, offer))
		self.assertEqual(raised.exception.again().offer, offer)

	def test_an_answer_that_is_none_of_the_sites_is_no_decision(self):
		for status, body in (
			(200, b"<html>"),
			(502, b""),
			(404, b"{}"),
			(200, b'{"message": "pong"}'),
			(302, b""),
		):
			with self.assertRaises(Unavailable, msg=body):
				read(status, body)
