"""Leases: all callers together never pass the limit, and what was not spent is given back once, in time."""

from datetime import timedelta
from unittest.mock import patch

import frappe
from frappe.utils import now_datetime
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oropendola_payments.ai_billing.periods import today, tomorrow
from oropendola_payments.engine.ending import now as ending
from oropendola_payments.engine.metering import leases, usage
from oropendola_payments.engine.metering.test_quota import QuotaCase, limit
from oropendola_payments.engine.metering.test_usage import remaining, served_customer
from oropendola_payments.exceptions import (
	BadRequest,
	Conflict,
	NotFound,
	QuotaUsedUp,
	Unauthorized,
	Unprocessable,
)
from oropendola_payments.tests.support.factories import create_plan, unique
from oropendola_payments.tests.support.http import call, message
from oropendola_payments.tests.support.parallel import in_parallel
from oropendola_payments.tests.support.proofs import examples

LEASE = "AI Usage Lease"


class LeaseCase(QuotaCase):
	def setUp(self):
		frappe.db.delete(LEASE, {"subscription": self.doc.name})
		super().setUp()

	def lease(self, requests: int = 10, **options) -> dict:
		options = {"seconds": 30, "model": None, "holder": "test", "idempotency_key": None, **options}
		answer = leases.grant(self.key, requests, **options)
		frappe.db.commit()
		return answer

	def settle(self, lease: dict, spent: int, close: bool = True) -> dict:
		answer = leases.settle(self.key, lease["lease"], spent, close)
		frappe.db.commit()
		return answer

	def settling_fails(self, error: type[Exception], lease: dict, spent: int):
		with self.assertRaises(error):
			leases.settle(self.key, lease["lease"], spent)
		frappe.db.rollback()


class TestGranting(LeaseCase):
	def test_a_lease_is_taken_from_the_quota_at_once(self):
		lease = self.lease(10)
		self.assertEqual((lease["granted"], lease["remaining"], remaining(self.doc)), (10, 90, 90))
		self.assertLessEqual(lease["expires_in"], 30)

	def test_grants_shrink_so_that_others_get_something_too(self):
		granted = [self.lease(80)["granted"] for _time in range(5)]
		self.assertEqual(granted[0], 50)
		self.assertEqual(granted, sorted(granted, reverse=True))
		self.assertEqual(remaining(self.doc), 100 - sum(granted))

	def test_an_empty_quota_grants_nothing_and_says_until_when(self):
		frappe.db.set_value("AI Subscription", self.doc.name, "daily_quota_remaining", 0)
		with self.assertRaises(QuotaUsedUp) as raised:
			self.lease(1)
		self.assertEqual(raised.exception.window, "requests:day")
		self.assertGreater(raised.exception.retry_after, 0)

	def test_a_lease_that_is_taken_at_midnight_belongs_to_the_day_that_counted_it(self):
		days = [tomorrow(), *[tomorrow() + timedelta(days=1)] * 3]
		with patch.object(leases, "tomorrow", side_effect=days):  # midnight comes before the lease is stored
			lease = self.lease(10)
		self.assertEqual(frappe.db.get_value("AI Usage Lease", lease["lease"], "quota_day"), tomorrow())

	def test_the_same_idempotency_key_takes_nothing_twice(self):
		key = unique("key")
		first = self.lease(10, idempotency_key=key)
		again = self.lease(10, idempotency_key=key)
		self.assertEqual((first["lease"], remaining(self.doc)), (again["lease"], 90))
		results = in_parallel(6, lambda _number: self.lease(5, idempotency_key=f"{key}-2"))
		self.assertEqual(len({result["lease"] for result in results if isinstance(result, dict)}), 1, results)
		self.assertEqual(remaining(self.doc), 85)

	def test_idempotency_keys_that_differ_in_case_or_accents_are_different_requests(self):
		key = unique("cle")
		names = {
			self.lease(1, idempotency_key=text)["lease"] for text in (key, key.upper(), f"{key}é", f"{key}e")
		}
		self.assertEqual((len(names), remaining(self.doc)), (4, 96))

	def test_absurd_requests_are_refused(self):
		for requests, seconds in ((0, 30), (-1, 30), (100_001, 30), (1, 0), (1, 61)):
			with self.assertRaises(BadRequest):
				self.lease(requests, seconds=seconds)

	def test_fifty_lessees_at_once_never_get_more_than_the_limit(self):
		"""S55"""
		results = in_parallel(
			50, lambda _number: leases.grant(self.key, 10, 30, None, None, None) and frappe.db.commit()
		)
		unexpected = [r for r in results if isinstance(r, Exception) and not isinstance(r, QuotaUsedUp)]
		self.assertEqual(unexpected, [])
		granted = frappe.get_all(LEASE, {"subscription": self.doc.name}, pluck="granted")
		self.assertEqual(sum(granted) + remaining(self.doc), 100)
		self.assertGreaterEqual(remaining(self.doc), 0)


class TestSettling(LeaseCase):
	def test_what_was_not_spent_is_given_back_once(self):
		"""S55"""
		lease = self.lease(10)
		self.assertEqual(self.settle(lease, 4)["given_back"], 6)
		self.assertEqual(remaining(self.doc), 96)
		self.assertEqual(self.settle(lease, 4)["given_back"], 6)
		self.assertEqual(remaining(self.doc), 96)

	def test_a_closed_lease_takes_no_report_of_less(self):
		lease = self.lease(10)
		self.settle(lease, 4)
		self.settling_fails(Conflict, lease, 3)
		self.settling_fails(Unprocessable, lease, 11)
		self.assertEqual(remaining(self.doc), 96)

	def test_a_customer_who_closes_a_lease_first_pays_for_what_its_holder_spends(self):
		"""U29"""
		lease = self.lease(10)
		self.settle(lease, 0)
		self.assertEqual(remaining(self.doc), 100)
		for _time in range(2):
			answer = self.settle(lease, 7)
		self.assertEqual((answer["given_back"], answer["spent"], remaining(self.doc)), (3, 7, 93))
		self.settle(lease, 10)
		self.assertEqual(remaining(self.doc), 90)

	def test_a_late_report_of_more_never_makes_the_day_unlimited(self):
		"""U29"""
		lease = self.lease(10)
		self.settle(lease, 0)
		frappe.db.set_value("AI Subscription", self.doc.name, "daily_quota_remaining", 4)
		self.settle(lease, 5)
		row = frappe.get_last_doc("AI Usage Entry", {"subscription": self.doc.name, "kind": "Lease"})
		self.assertEqual((remaining(self.doc), row.requests, row.overdraft), (0, 5, 1))

	def test_a_late_report_takes_nothing_that_had_not_gone_back(self):
		lease = self.lease(10)
		frappe.db.set_value(LEASE, lease["lease"], "windows_end_at", now_datetime() - timedelta(seconds=1))
		self.settle(lease, 0)
		self.assertEqual((self.settle(lease, 5)["given_back"], remaining(self.doc)), (0, 90))

	def test_reports_are_totals_and_never_fall(self):
		lease = self.lease(10)
		self.settle(lease, 3, close=False)
		self.settle(lease, 3, close=False)
		self.settling_fails(Conflict, lease, 2)
		self.assertEqual(remaining(self.doc), 90)
		self.settle(lease, 7)
		self.assertEqual(remaining(self.doc), 93)

	def test_nobody_can_have_spent_more_than_the_lease_holds(self):
		lease = self.lease(10)
		for spent in (11, -1):
			self.settling_fails(Unprocessable, lease, spent)

	def test_a_lease_that_was_never_reported_stays_spent(self):
		lease = self.lease(10)
		frappe.db.set_value(LEASE, lease["lease"], "expires_at", now_datetime() - timedelta(minutes=1))
		self.assertEqual(remaining(self.doc), 90)
		self.assertEqual(self.settle(lease, 0)["given_back"], 10)

	def test_nothing_is_given_back_to_a_window_that_has_ended(self):
		lease = self.lease(10)
		frappe.db.set_value(LEASE, lease["lease"], "windows_end_at", now_datetime() - timedelta(seconds=1))
		self.assertEqual(self.settle(lease, 0)["given_back"], 0)
		self.assertEqual(remaining(self.doc), 90)

	def test_giving_back_never_fills_above_the_limit(self):
		lease = self.lease(40)
		frappe.db.set_value(
			"AI Subscription", self.doc.name, {"daily_quota_limit": 70, "daily_quota_remaining": 60}
		)
		self.settle(lease, 0)
		self.assertEqual(remaining(self.doc), 70)
		frappe.db.set_value("AI Subscription", self.doc.name, "daily_quota_limit", 100)

	def test_a_lease_of_another_customer_is_not_found(self):
		lease = self.lease(10)
		_doc, key = served_customer()
		with self.assertRaises(NotFound):
			leases.settle(key, lease["lease"], 0)
		frappe.db.rollback()

	def test_after_a_cancellation_a_lease_is_settled_with_its_key_and_fills_nothing(self):
		doc, key = served_customer(requests_limit_per_day=100)
		lease = leases.grant(key, 10, 30, None, None, None)
		ending.end(doc.name)
		frappe.db.commit()
		settled = leases.settle(key, lease["lease"], 4)
		self.assertEqual((settled["spent"], settled["given_back"], remaining(doc)), (4, 0, 0))
		with self.assertRaises(Unauthorized):
			leases.settle(key, "another", 0)
		frappe.db.rollback()

	@settings(max_examples=examples(25), deadline=None, suppress_health_check=list(HealthCheck))
	@given(st.lists(st.tuples(st.integers(1, 60), st.integers(0, 60), st.booleans()), max_size=8))
	def test_spent_and_open_and_free_always_sum_to_the_limit(self, story):
		self.setUp()
		for wanted, spent, closes in story:
			try:
				lease = self.lease(wanted)
			except QuotaUsedUp:
				frappe.db.rollback()
				break
			self.settle(lease, min(spent, lease["granted"]), closes)
		rows = frappe.get_all(
			LEASE, {"subscription": self.doc.name}, ["status", "granted", "spent", "given_back"]
		)
		for row in rows:
			if row.status == "Closed":
				self.assertEqual(row.spent + row.given_back, row.granted)
		held = sum(row.granted - row.given_back for row in rows)
		self.assertEqual(held + remaining(self.doc), 100)


class TestLedger(LeaseCase):
	def booked(self) -> list[int]:
		filters = {"subscription": self.doc.name, "kind": "Lease"}
		return sorted(frappe.get_all("AI Usage Entry", filters, pluck="requests"))

	def setUp(self):
		frappe.db.delete("AI Usage Entry", {"subscription": self.doc.name})
		super().setUp()

	def test_each_report_books_what_is_new_in_it(self):
		"""U1"""
		lease = self.lease(10)
		for spent, close in ((3, False), (3, False), (7, False), (8, True), (8, True)):
			self.settle(lease, spent, close)
		self.assertEqual(self.booked(), [1, 3, 4])

	def test_a_refused_report_books_nothing(self):
		lease = self.lease(10)
		self.settling_fails(Unprocessable, lease, 11)
		self.settle(lease, 0)
		self.assertEqual(self.booked(), [])

	def test_a_late_report_is_booked_on_the_day_of_the_grant(self):
		"""U7"""
		lease = self.lease(10)
		past = {"windows_end_at": now_datetime() - timedelta(hours=1), "quota_day": today()}
		frappe.db.set_value(LEASE, lease["lease"], past)
		frappe.db.commit()
		self.settle(lease, 4)
		row = frappe.get_last_doc("AI Usage Entry", {"subscription": self.doc.name})
		self.assertEqual((row.day, row.requests), (today() - timedelta(days=1), 4))

	def test_a_lease_whose_model_left_the_plan_can_be_settled(self):
		"""U8"""
		lease = self.lease(10, model="gone")
		other = create_plan(requests_limit_per_day=100, models=[{"pattern": "another"}])
		self.addCleanup(frappe.db.set_value, "AI Subscription", self.doc.name, "plan", self.doc.plan)
		frappe.db.set_value("AI Subscription", self.doc.name, "plan", other.name)
		frappe.db.commit()
		self.assertEqual(self.settle(lease, 4)["given_back"], 6)
		self.assertEqual((self.booked(), remaining(self.doc)), ([4], 96))


class TestLeasesWithWindows(LeaseCase):
	plan = {
		"limits": [limit(20, "Requests", "Hour"), limit(30, "Units", "Month")],
		"models": [{"pattern": "large", "per_request": 3}],
	}

	def test_a_lease_counts_in_every_window_and_ends_with_the_earliest(self):
		lease = self.lease(4, model="large")
		self.assertEqual((lease["granted"], self.used()), (4, {"Requests": 4, "Units": 12_000}))
		self.assertLessEqual(lease["window_ends_in"], 3600)

	def test_the_rest_goes_back_to_every_window(self):
		lease = self.lease(4, model="large")
		self.settle(lease, 1)
		self.assertEqual((self.used(), remaining(self.doc)), ({"Requests": 1, "Units": 3000}, 99))

	def test_what_a_late_report_says_more_counts_in_every_window(self):
		"""U29"""
		lease = self.lease(4, model="large")
		self.settle(lease, 0)
		self.settle(lease, 3)
		self.assertEqual((self.used(), remaining(self.doc)), ({"Requests": 3, "Units": 9000}, 97))

	def test_never_more_goes_back_than_was_taken_although_the_plan_became_dearer(self):
		"""U29"""
		usage.consume(self.key, 4, "large")
		frappe.db.commit()
		lease = self.lease(2, model="large")
		dearer = create_plan(
			requests_limit_per_day=100,
			limits=[limit(20, "Requests", "Hour"), limit(300, "Units", "Month")],
			models=[{"pattern": "large", "per_request": 30}],
		)
		self.addCleanup(frappe.db.set_value, "AI Subscription", self.doc.name, "plan", self.doc.plan)
		frappe.db.set_value("AI Subscription", self.doc.name, "plan", dearer.name)
		frappe.db.commit()
		self.settle(lease, 1)
		self.assertEqual(self.used(), {"Requests": 5, "Units": 15_000})
		row = frappe.get_last_doc("AI Usage Entry", {"subscription": self.doc.name, "kind": "Lease"})
		self.assertEqual((row.units, row.plan), (3000, self.doc.plan))

	def test_the_scarcest_window_decides_what_is_granted(self):
		self.assertEqual(self.lease(20, model="large")["granted"], 5)

	def test_consume_and_leases_share_the_windows(self):
		self.lease(5, model="large")
		usage.consume(self.key, 5, "large")
		frappe.db.commit()
		with self.assertRaises(QuotaUsedUp):
			self.lease(1, model="large")


class TestOverHttp(LeaseCase):
	def post(self, endpoint: str, **data):
		return call(f"usage.{endpoint}", headers={"X-API-Key": self.key}, json=data)

	def test_a_lease_is_granted_and_settled_with_the_key(self):
		lease = message(self.post("lease", requests=10, holder="worker-1"))
		self.assertEqual((lease["granted"], lease["spent"], lease["status"]), (10, 0, "Open"))
		settled = message(self.post("settle", lease=lease["lease"], spent=9))
		self.assertEqual((settled["given_back"], settled["status"]), (1, "Closed"))

	def test_without_a_key_nothing_is_granted(self):
		self.assertEqual(call("usage.lease", json={"requests": 1}).status_code, 401)
		self.assertEqual(call("usage.settle", json={"lease": "x", "spent": 1}).status_code, 401)
