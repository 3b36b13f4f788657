"""The Python client against a real server: it decides locally, never passes the limit, and loses nothing that was not spent."""

import sys
import threading
from unittest import SkipTest
from unittest.mock import patch

import frappe

from oropendola_payments.engine.keys import rotate
from oropendola_payments.engine.metering.test_usage import remaining, served_customer
from oropendola_payments.tests.browser.host import Host
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.source import ROOT

SOURCE = ROOT / "clients" / "python" / "src"
if not SOURCE.is_dir():
	raise SkipTest("The client is not part of an installation.")
sys.path.insert(0, str(SOURCE))

from oropendola_usage import Client, Meter, Refused, Unavailable  # noqa: E402
from oropendola_usage.book import Lease, next_size  # noqa: E402


class Counting(Client):
	"""Counts the calls, and can lose the network."""

	def __init__(self, site: str):
		super().__init__(site)
		self.calls: list[str] = []
		self.is_away = False
		self.consumed = threading.Event()

	def _post(self, endpoint, key, values):
		self.calls.append(endpoint)
		if self.is_away:
			raise Unavailable("The network is away.")
		answer = super()._post(endpoint, key, values)
		if endpoint == "consume":
			self.consumed.set()
		return answer


class TestClient(TestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.host = Host()
		cls.addClassCleanup(cls.host.close)
		cls.doc, cls.key = served_customer(requests_limit_per_day=1000)

	def setUp(self):
		frappe.db.set_value("AI Subscription", self.doc.name, "daily_quota_remaining", 1000)
		frappe.db.commit()
		self.client = Counting(self.host.url)

	def meter(self, **options) -> Meter:
		meter = Meter(self.client, **options)
		self.addCleanup(meter.close)
		return meter

	def left(self) -> int:
		frappe.db.rollback()
		return remaining(self.doc)

	def check_until_refused(self, meter: Meter, calls: int) -> tuple[int, Refused | None]:
		for passed in range(calls):
			try:
				meter.check(self.key)
			except Refused as refusal:
				return passed, refusal
		return calls, None

	def test_most_calls_are_decided_without_asking_the_site(self):
		meter = self.meter(first=100)
		passed, _refusal = self.check_until_refused(meter, 300)
		self.assertEqual(passed, 300)
		self.assertLessEqual(self.client.calls.count("lease"), 4)
		self.assertNotIn("consume", self.client.calls)
		meter.close()
		self.assertEqual(self.left(), 700)

	def test_two_meters_with_many_threads_never_pass_the_limit(self):
		frappe.db.set_value("AI Subscription", self.doc.name, "daily_quota_remaining", 60)
		frappe.db.commit()
		meters = [self.meter(first=7), self.meter(first=5)]
		passed: list[int] = []

		def work(meter: Meter):
			passed.append(self.check_until_refused(meter, 40)[0])

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
		frappe.db.set_value("AI Subscription", self.doc.name, "daily_quota_remaining", 0)
		frappe.db.commit()
		meter = self.meter()
		for _time in range(3):
			with self.assertRaises(Refused) as raised:
				meter.check(self.key)
		self.assertEqual((raised.exception.status, raised.exception.window), (429, "requests:day"))
		self.assertGreater(int(raised.exception.headers()["Retry-After"]), 0)
		self.assertEqual(self.client.calls, ["lease"])

	def test_an_unknown_key_is_refused(self):
		with self.assertRaises(Refused) as raised:
			self.meter().check("oro_nonsense")
		self.assertEqual((raised.exception.status, raised.exception.reason), (401, "key_malformed"))

	def test_a_replaced_key_works_until_its_lease_ends(self):
		now = [0.0]
		doc, key = served_customer(requests_limit_per_day=100)
		meter = self.meter(first=10, clock=lambda: now[0])
		meter.check(key)
		rotate.rotate(doc.user, doc.name)
		meter.check(key)
		now[0] += 60
		with self.assertRaises(Refused):
			meter.check(key)

	def test_without_the_site_a_closed_meter_refuses_and_an_open_one_counts_later(self):
		self.client.is_away = True
		with self.assertRaises(Unavailable):
			self.meter().check(self.key)
		with patch("oropendola_usage.meter.RETRY_SETTLING", 0.02):
			self.meter(on_outage="open").check(self.key)
			self.client.is_away = False
			self.assertTrue(self.client.consumed.wait(timeout=10))
		self.assertEqual(self.left(), 999)

	def test_a_running_lease_survives_an_outage(self):
		meter = self.meter(first=5)
		meter.check(self.key)
		self.client.is_away = True
		for _time in range(4):
			meter.check(self.key)
		with self.assertRaises(Unavailable):
			meter.check(self.key)

	def test_neither_the_client_nor_a_refusal_shows_the_key(self):
		for text in (repr(self.client), repr(self.meter()), str(self.refusal())):
			self.assertNotIn("oro_", text)

	def refusal(self) -> Exception:
		try:
			self.meter().check("oro_nonsense")
		except Refused as refusal:
			return refusal
		raise AssertionError("It was not refused.")


class TestBook(TestCase):
	def test_a_lease_is_spent_to_its_last_request_and_not_after_its_end(self):
		lease = Lease("l", granted=3, ends_at=10.0)
		self.assertEqual(
			[lease.spend(2, 0.0), lease.spend(2, 0.0), lease.spend(1, 9.9), lease.spend(1, 9.9)],
			[True, False, True, False],
		)
		self.assertFalse(Lease("l", 3, 10.0).spend(1, 10.0))

	def test_the_next_lease_follows_the_rate(self):
		self.assertEqual(next_size(100, 1.0, 10, 10, 10_000), 1250)
		self.assertEqual(next_size(1, 100.0, 10, 10, 10_000), 10)
		self.assertEqual(next_size(10**6, 0.1, 10, 10, 10_000), 10_000)
