"""Every time in every answer has one shape, with its offset."""

import re
from collections.abc import Iterator
from datetime import datetime

import frappe
from frappe.utils import now_datetime

from oropendola_payments.engine.core.times import iso_time
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.endpoints import ROWS, OwnerRecords, People
from oropendola_payments.tests.support.factories import enable_gateway, unique
from oropendola_payments.tests.support.http import call, message
from oropendola_payments.tests.support.journey import GATEWAYS, Journey

LIKE_A_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")
SHAPE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d")


def texts_in(value) -> Iterator[str]:
	if isinstance(value, dict):
		value = list(value.values())
	if isinstance(value, list):
		for item in value:
			yield from texts_in(item)
	elif isinstance(value, str):
		yield value


class TestTimes(TestCase):
	def times_in(self, answer: dict) -> list[str]:
		times = [text for text in texts_in(answer) if LIKE_A_TIME.match(text)]
		for text in times:
			self.assertTrue(SHAPE.fullmatch(text), text)
		return times

	def test_every_time_of_every_endpoint_has_its_offset(self):
		people, seen = People(), {}
		alert = frappe.get_doc(
			{"doctype": "Payment Alert", "kind": "Dead Letters", "subject": unique("subject")}
		)
		alert.update({"status": "Open", "opened_on": now_datetime(), "last_seen_on": now_datetime()})
		alert.insert(ignore_permissions=True)
		for row in ROWS:
			if row.endpoint.startswith(("desk.", "callbacks.", "webhooks.", "health.metrics", "receipts.")):
				continue  # no envelope
			who = (
				people.manager
				if row.status_for("owner") == 403 or row.endpoint == "health.status"
				else people.owner
			)
			arguments = row.arguments(OwnerRecords(people))
			with self.subTest(row.endpoint):
				method = "POST" if "POST" in row.methods else "GET"
				sent = {"json": arguments} if method == "POST" else {"query_string": arguments}
				answer = call(row.endpoint, who, method=method, **sent)
				self.assertEqual(
					answer.status_code, row.status_for("manager" if who == people.manager else "owner")
				)
				seen[row.endpoint] = self.times_in(message(answer))
		self.assertTrue(seen["health.status"], "alerts have times")
		self.assertTrue(seen["cashfree.create_cashfree_order"], "orders expire")

	def test_a_payment_that_expires_says_so_alike_at_every_gateway_and_again(self):
		for gateway in GATEWAYS:
			with self.subTest(gateway):
				enable_gateway(gateway)
				journey = Journey(gateway)
				first, second = journey.initiate(), journey.initiate()
				self.assertEqual(first["attempt"], second["attempt"])
				self.assertEqual(first["expires_at"], second["expires_at"])
				self.times_in(first)

	def test_a_time_of_the_database_gets_the_offset_of_the_site(self):
		stored = datetime(2026, 11, 20, 20, 20, 20, 123456)
		self.assertRegex(iso_time(stored), r"^2026-11-20T20:20:20[+-]\d\d:\d\d$")
		self.assertEqual(iso_time(str(stored)), iso_time(stored))
		self.assertIsNone(iso_time(None))
