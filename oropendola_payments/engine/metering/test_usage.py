"""Quota is consumed with a key, completely or not at all, and never twice, however many calls run at once."""

import logging

import frappe

from oropendola_payments.ai_billing.doctype.ai_api_key.ai_api_key import make_key
from oropendola_payments.ai_billing.periods import today, tomorrow
from oropendola_payments.engine.keys import reveal, rotate
from oropendola_payments.engine.metering import usage
from oropendola_payments.engine.metering.key_check import authenticate
from oropendola_payments.engine.self_service import commands
from oropendola_payments.exceptions import BadRequest, PaymentRequired, TooManyRequests, Unauthorized
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import (
	create_active_subscription,
	create_invoice,
	create_user,
)
from oropendola_payments.tests.support.http import call, message
from oropendola_payments.tests.support.parallel import in_parallel, meanwhile


def served_customer(**plan_values):
	"""A paid subscription and its key."""
	doc = create_active_subscription(**{"requests_limit_per_day": 100, **plan_values})
	return doc, reveal.reveal(doc.user)["api_key"]


def remaining(doc) -> int:
	return frappe.db.get_value("AI Subscription", doc.name, "daily_quota_remaining")


def told_after(key: str, doc, values: dict, requests: int = 1) -> dict:
	"""What a call is answered whose subscription changed after its key was read."""
	frappe.db.commit()
	read, rows = authenticate(key)

	def change() -> None:
		frappe.db.set_value("AI Subscription", doc.name, values)
		frappe.db.commit()

	meanwhile(change)
	answer = usage.answer(read, usage.take(read, rows, usage.checked_call(requests, None, 0, 0)), requests)
	frappe.db.commit()
	return answer


class TestConsume(TestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.doc, cls.key = served_customer()

	def setUp(self):
		frappe.db.set_value("AI Subscription", self.doc.name, "daily_quota_remaining", 100)
		frappe.db.commit()

	def test_consuming_reduces_the_quota_and_returns_the_rest(self):
		self.assertEqual(
			usage.consume(self.key, 1), {"allowed": True, "remaining": 99, "reset_on": tomorrow()}
		)
		self.assertEqual(usage.consume(self.key, 9)["remaining"], 90)

	def test_a_request_for_more_than_the_remaining_quota_takes_nothing(self):
		with self.assertRaisesRegex(TooManyRequests, "100 requests left today but asked for 101"):
			usage.consume(self.key, 101)
		self.assertEqual(remaining(self.doc), 100)
		self.assertEqual(usage.consume(self.key, 100)["remaining"], 0)
		with self.assertRaisesRegex(TooManyRequests, "0 requests left today but asked for 1"):
			usage.consume(self.key, 1)

	def test_an_invalid_number_of_requests_is_refused(self):
		for requests in (0, -1, -100, 100_001):
			with self.assertRaises(BadRequest):
				usage.consume(self.key, requests)
		self.assertEqual(remaining(self.doc), 100)

	def test_an_unknown_key_is_refused(self):
		typo = self.key[:10] + ("a" if self.key[10] != "a" else "b") + self.key[11:]
		for key, sentence in (
			(None, "Please send"),
			("", "Please send"),
			("oro_short", "copied all of it"),
			(typo, "copied all of it"),
			(self.key[:-1], "copied all of it"),
			("oro_ключ", "copied all of it"),
			("x" * 100_000, "copied all of it"),
			(make_key(), "no longer valid"),
		):
			with self.subTest(key=(key or "")[:12]), self.assertRaisesRegex(Unauthorized, sentence):
				usage.consume(key, 1)
		self.assertEqual(remaining(self.doc), 100)

	def test_a_refusal_is_in_the_language_of_each_caller(self):
		self.addCleanup(setattr, frappe.local, "lang", frappe.local.lang)
		for _time in range(2):
			for language, words in (("en", "valid API key"), ("hi", "मान्य API कुंजी")):
				frappe.local.lang = language
				with self.assertRaisesRegex(Unauthorized, words):
					usage.consume("oro_short", 1)

	def test_the_date_of_the_last_use_is_stored(self):
		usage.consume(self.key, 1)
		self.assertEqual(frappe.db.get_value("AI API Key", self.doc.api_key_link, "last_used_on"), today())


class TestInvalidKeys(TestCase):
	def test_a_rotated_key_is_refused_and_the_new_one_accepted(self):
		doc, old = served_customer()
		usage.consume(old, 1)
		new = rotate.rotate(doc.user)["api_key"]
		with self.assertRaises(Unauthorized):
			usage.consume(old, 1)
		self.assertEqual(usage.consume(new, 1)["remaining"], 98)

	def test_the_key_of_a_cancelled_subscription_is_refused(self):
		doc, key = served_customer()
		commands.cancel(doc.user, wait_for_period_end=False)
		with self.assertRaises(Unauthorized):
			usage.consume(key, 1)

	def test_the_key_of_an_expired_subscription_asks_for_a_renewal(self):
		"""After the sweep has suspended the key; the owner has no other one."""
		for end in ("mark_past_due", "expire"):
			doc, key = served_customer()
			getattr(frappe.get_doc("AI Subscription", doc.name), end)()
			with self.subTest(end), self.assertRaisesRegex(PaymentRequired, "renew"):
				usage.consume(key, 1)
			frappe.db.rollback()

	def test_a_subscription_past_its_end_date_asks_for_a_renewal(self):
		for limit in (100, 0):
			doc, key = served_customer(requests_limit_per_day=limit)
			frappe.db.set_value("AI Subscription", doc.name, "end_date", frappe.utils.add_days(today(), -1))
			with self.subTest(limit=limit), self.assertRaisesRegex(PaymentRequired, "renew"):
				usage.consume(key, 1)
			frappe.db.rollback()

	def test_a_pending_subscription_serves_no_key_that_was_linked_to_it(self):
		self.addCleanup(frappe.db.rollback)
		doc, key = served_customer()
		pending = create_invoice(doc.user).subscription
		values = {"api_key_link": doc.api_key_link, "daily_quota_limit": 5, "daily_quota_remaining": 5}
		frappe.db.set_value("AI Subscription", pending, values)
		frappe.db.set_value("AI Subscription", doc.name, "status", "Cancelled")
		with self.assertRaises(PaymentRequired):
			usage.consume(key, 1)
		self.assertEqual(remaining(frappe.get_doc("AI Subscription", pending)), 5)


class TestUnlimited(TestCase):
	def test_an_unlimited_plan_never_runs_out(self):
		doc, key = served_customer(requests_limit_per_day=0)
		for requests in (1, 100_000, 100_000):
			self.assertEqual(usage.consume(key, requests)["remaining"], -1)
		self.assertEqual(remaining(doc), -1)

	def test_an_unlimited_plan_keeps_working_on_a_new_day(self):
		doc, key = served_customer(requests_limit_per_day=0)
		frappe.db.set_value("AI Subscription", doc.name, "quota_reset_on", today())
		self.assertEqual(usage.consume(key, 1), {"allowed": True, "remaining": -1, "reset_on": tomorrow()})


class TestManyCallers(TestCase):
	def test_fifty_parallel_callers_consume_exactly_the_quota(self):
		"""R28: one statement decides."""
		doc, key = served_customer(requests_limit_per_day=30)
		answers = in_parallel(50, lambda _number: _consume(key, 1))
		served = [answer for answer in answers if isinstance(answer, dict)]
		refused = [answer for answer in answers if isinstance(answer, TooManyRequests)]
		self.assertEqual(
			(len(served), len(refused)), (30, 20), [a for a in answers if not isinstance(a, dict)][:3]
		)
		self.assertEqual(remaining(doc), 0)

	def test_many_callers_at_midnight_reset_the_quota_once(self):
		doc, key = served_customer(requests_limit_per_day=30)
		frappe.db.set_value(
			"AI Subscription", doc.name, {"daily_quota_remaining": 0, "quota_reset_on": today()}
		)
		answers = in_parallel(20, lambda _number: _consume(key, 2))
		self.assertEqual(len([answer for answer in answers if isinstance(answer, dict)]), 15)
		self.assertEqual(remaining(doc), 0)

	def test_callers_at_once_are_told_exactly_what_is_left(self):
		_doc, key = served_customer(requests_limit_per_day=30)
		answers = in_parallel(12, lambda _number: _consume(key, 1)["remaining"])
		self.assertEqual(sorted(answers), list(range(18, 30)))

	def test_a_plan_that_becomes_unlimited_or_limited_after_the_key_was_read_is_told_as_it_is_now(self):
		doc, key = served_customer(requests_limit_per_day=30)
		for limit, left in ((-1, -1), (30, 20), (-1, -1)):
			answer = told_after(key, doc, {"daily_quota_limit": limit, "daily_quota_remaining": left})
			self.assertEqual(answer["remaining"], left - 1 if limit != -1 else -1)

	def test_a_subscription_that_ended_after_the_key_was_read_serves_no_call(self):
		doc, key = served_customer(requests_limit_per_day=30)
		with self.assertRaises(PaymentRequired):
			told_after(key, doc, {"end_date": today()})
		frappe.db.rollback()

	def test_a_refusal_says_what_is_left_now(self):
		doc, key = served_customer(requests_limit_per_day=30)
		with self.assertRaisesRegex(TooManyRequests, "7 requests left today but asked for 10"):
			told_after(key, doc, {"daily_quota_remaining": 7}, requests=10)
		frappe.db.rollback()

	def test_a_limit_that_is_lower_since_the_key_was_read_counts_on_a_new_day(self):
		doc, key = served_customer(requests_limit_per_day=30)
		frappe.db.set_value("AI Subscription", doc.name, "quota_reset_on", today())
		self.assertEqual(told_after(key, doc, {"daily_quota_limit": 10})["remaining"], 9)
		self.assertEqual(remaining(doc), 9)

	def test_parallel_requests_of_different_sizes_never_exceed_the_quota(self):
		doc, key = served_customer(requests_limit_per_day=30)
		answers = in_parallel(16, lambda number: _consume(key, number + 1) and number + 1)
		taken = sum(answer for answer in answers if isinstance(answer, int))
		self.assertLessEqual(taken, 30)
		self.assertEqual(remaining(doc), 30 - taken)


def _consume(key: str, requests: int) -> dict:
	answer = usage.consume(key, requests)
	frappe.db.commit()
	return answer


class TestOverHttp(TestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.doc, cls.key = served_customer()

	def setUp(self):
		frappe.db.set_value("AI Subscription", self.doc.name, "daily_quota_remaining", 100)

	def consume(self, key: str | None = None, **options):
		return call("usage.consume", headers={"X-API-Key": key or self.key}, **options)

	def test_the_key_is_read_from_its_own_header(self):
		answer = self.consume(json={"requests": 2})
		self.assertEqual(answer.status_code, 200)
		self.assertEqual(
			message(answer), {"success": True, "allowed": True, "remaining": 98, "reset_on": str(tomorrow())}
		)

	def test_consumed_quota_is_committed(self):
		before = remaining(self.doc)
		self.consume()
		self.assertEqual(remaining(self.doc), before - 1)

	def test_a_get_request_consumes_nothing(self):
		"""S19."""
		before = remaining(self.doc)
		self.assertEqual(self.consume(method="GET").status_code, 403)
		self.assertEqual(remaining(self.doc), before)

	def test_every_refusal_has_its_own_http_status(self):
		for status, code, options in (
			(401, "unauthorized", {"key": make_key()}),
			(401, "unauthorized", {"key": "not-a-key"}),
			(400, "bad_request", {"json": {"requests": 0}}),
			(429, "too_many_requests", {"json": {"requests": 5000}}),
		):
			answer = self.consume(**options)
			self.assertEqual((answer.status_code, message(answer)["error_code"]), (status, code), answer.text)

	def test_a_key_in_the_address_or_the_body_is_not_accepted(self):
		"""S31: addresses end up in logs."""
		for options in (
			{"query_string": {"api_key": self.key}},
			{"json": {"api_key": self.key, "X-API-Key": self.key}},
		):
			self.assertEqual(call("usage.consume", **options).status_code, 401)

	def test_a_key_that_is_not_ascii_gets_a_refusal(self):
		"""S23."""
		self.assertEqual(self.consume(key="oro_\u00e9\u00ff" + "a" * 47).status_code, 401)

	def test_the_key_does_not_log_in(self):
		"""S31."""
		answer = call("subscription.get_my_subscription", method="GET", headers={"X-API-Key": self.key})
		self.assertEqual(answer.status_code, 403)

	def test_the_key_is_never_logged(self):
		"""S31."""
		records = []
		handler = logging.Handler()
		handler.emit = lambda record: records.append(record.getMessage())
		logging.getLogger().addHandler(handler)
		try:
			for requests in (1, 5000, 0, "many"):
				self.consume(json={"requests": requests})
			self.consume(key=self.key[:-1])
		finally:
			logging.getLogger().removeHandler(handler)
		stored = frappe.get_all("Error Log", fields=["method", "error"], limit=50, order_by="creation desc")
		secret = self.key[12:40]
		self.assertNotIn(secret, "\n".join(records) + frappe.as_json(stored))


class TestOtherSubscriptions(TestCase):
	def test_a_key_consumes_only_the_quota_of_its_own_subscription(self):
		doc, key = served_customer()
		other = create_active_subscription(create_user(), requests_limit_per_day=100)
		usage.consume(key, 10)
		self.assertEqual((remaining(doc), remaining(other)), (90, 100))
