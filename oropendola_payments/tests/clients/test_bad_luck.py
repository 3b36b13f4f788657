"""What the client does when the site is away, the network loses answers, or what it was told changes meanwhile."""

import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path
from unittest.mock import patch

import frappe

from oropendola_payments.engine.ending import now as ending
from oropendola_payments.engine.metering import leases
from oropendola_payments.engine.metering.test_usage import served_customer
from oropendola_payments.tests.clients.python_client import SOURCE, ClientCase, Refused, Unavailable
from oropendola_payments.tests.support.factories import create_plan


class OutageTests:
	"""What holds for `Meter` and `AsyncMeter`."""

	def test_without_the_site_a_closed_meter_refuses(self):
		"""U13"""
		self.network.is_away = True
		meter = self.meter()
		for _time in range(3):
			with self.assertRaises(Unavailable) as raised:
				meter.check(self.key)
			self.assertEqual(raised.exception.headers(), {"Retry-After": "1"})
		self.assertEqual(self.network.calls, ["lease"], "each caller waited for a time-out")

	def test_a_running_lease_survives_an_outage(self):
		meter = self.meter(first=5)
		meter.check(self.key)
		self.network.is_away = True
		passed, refusal = self.pass_until_refused(meter, 10)
		self.assertEqual((passed, type(refusal)), (4, Unavailable))

	def test_an_open_meter_lets_known_keys_pass_and_counts_them_once_the_site_is_back(self):
		"""U13"""
		now = [0.0]
		meter = self.meter(first=2, on_outage="open", clock=lambda: now[0])
		self.pass_until_refused(meter, 2)
		self.network.is_away = True
		self.assertEqual(self.pass_until_refused(meter, 30), (30, None))
		self.network.is_away = False
		now[0] += 6
		self.assertTrue(meter.flush())
		self.assertTrue(meter.flush())
		meter.close()
		self.assertEqual(self.left(), 1000 - 32)

	def test_an_open_meter_lets_no_key_pass_that_the_site_has_not_confirmed(self):
		"""U13"""
		self.network.is_away = True
		_doc, key = served_customer()
		with self.assertRaises(Unavailable):
			self.meter(on_outage="open").check(key)

	def test_an_open_meter_lets_so_many_calls_pass_and_no_more(self):
		"""U13"""
		meter = self.meter(first=1, most=1, on_outage="open", open_limit=7)
		meter.check(self.key)
		self.network.is_away = True
		passed, refusal = self.pass_until_refused(meter, 20)
		self.assertIs(type(refusal), Unavailable)
		self.assertIn(passed, (7, 8), "with the spare lease, if it came in time")

	def test_a_report_whose_answer_was_lost_counts_once(self):
		"""U14"""
		now = [0.0]
		meter = self.meter(first=1, on_outage="open", clock=lambda: now[0])
		meter.check(self.key)
		self.network.is_away = True
		self.pass_until_refused(meter, 5)
		self.network.is_away, self.network.loses_answers_to = False, {"consume", "settle"}
		now[0] += 6
		self.assertFalse(meter.flush(timeout=0))
		self.network.loses_answers_to = set()
		now[0] += 6
		self.assertTrue(meter.flush())
		meter.close()
		self.assertEqual(self.left(), 994)

	def test_a_large_call_whose_answer_was_lost_counts_once(self):
		"""U14: a call that no lease has room for is counted by itself."""
		now = [0.0]
		other = self.meter(first=5)
		other.check(self.key)
		meter = self.meter(first=5, on_outage="open", clock=lambda: now[0])
		meter.check(self.key)
		self.network.loses_answers_to = {"consume"}
		meter.check(self.key, 300)
		self.network.loses_answers_to = set()
		now[0] += 6
		self.assertTrue(meter.flush())
		meter.close()
		other.close()
		self.assertIn("consume", self.network.calls)
		self.assertEqual(self.left(), 1000 - 302)

	def test_a_lease_whose_answer_was_lost_is_not_taken_twice(self):
		"""U14"""
		now = [0.0]
		meter = self.meter(first=100, clock=lambda: now[0])
		self.network.loses_answers_to = {"lease"}
		with self.assertRaises(Unavailable):
			meter.check(self.key)
		self.network.loses_answers_to = set()
		now[0] += 1
		meter.check(self.key)
		self.assertEqual(self.left(), 900)
		meter.close()
		self.assertEqual(self.left(), 999)

	def test_unsent_reports_survive_the_process_without_its_keys(self):
		"""U14"""
		with tempfile.TemporaryDirectory() as folder:
			path = Path(folder, "journal.db")
			meter = self.meter(first=50, journal=path)
			self.pass_until_refused(meter, 10)
			self.network.is_away = True
			meter.close(timeout=0)
			self.assertEqual(self.left(), 950)
			written = b"".join(file.read_bytes() for file in Path(folder).iterdir())
			self.assertNotIn(self.key.encode(), written)
			self.network.is_away = False
			again = self.meter(first=50, journal=path)
			self.assertEqual(again.unsent(), 1)
			again.check(self.key)
			self.assertTrue(again.flush())
			again.close()
		self.assertEqual(self.left(), 989)

	def test_two_processes_that_share_a_journal_count_calls_of_an_outage_once(self):
		"""U14"""
		from oropendola_usage.journal import Journal

		with tempfile.TemporaryDirectory() as folder:
			path = Path(folder, "journal.db")
			one = Journal(path)
			one.count_later(self.key, "owner", None, 3)
			one.sync()
			two = Journal(path)  # would send what it has read
			one.count_later(self.key, "owner", None, 4)
			two.adopt("owner", self.key)
			seen = {
				report.values["event_id"]: report.values["requests"] for report in (*one.due(0), *two.due(0))
			}
			self.assertEqual(sorted(seen.values()), [3, 4])
			one.close()
			two.close()

	def test_a_report_of_a_lease_that_somebody_else_closed_is_kept(self):
		"""U29"""
		from oropendola_usage.errors import Refused
		from oropendola_usage.journal import Journal
		from oropendola_usage.keeper import Keeper, Policy

		keeper = Keeper(Policy(), Journal(None))
		keeper.journal.add(self.key, "owner", "settle", {"lease": "a", "spent": 3, "close": 1})
		(report,) = keeper.due()
		keeper.reported(report, Refused("This lease is closed.", 409, "conflict"))
		self.assertEqual((len(keeper.journal), keeper.due()), (1, []))
		keeper.reported(report, Refused("5 were reported.", 409, "conflict", reason="lease_reported"))
		self.assertEqual(len(keeper.journal), 0)

	def test_the_journal_is_bounded_and_says_what_it_dropped(self):
		from oropendola_usage.journal import Journal

		journal = Journal(most=3)
		with self.assertLogs("oropendola_usage", "ERROR") as logged:
			for number in range(5):
				journal.add(self.key, "owner", "settle", {"lease": str(number), "spent": 1})
		self.assertEqual((len(journal), journal.dropped), (3, 2))
		self.assertNotIn(self.key, str(logged.output))

	def test_a_clock_that_is_wrong_or_jumps_changes_nothing(self):
		meter = self.meter(first=100)
		meter.check(self.key)
		for wrong in (time.time() + 10**7, time.time() - 10**7):
			with patch("time.time", return_value=wrong):
				meter.check(self.key)
		self.assertEqual(self.network.calls, ["lease"])
		meter.close()
		self.assertEqual(self.left(), 997)


class ChangeTests:
	"""What holds for both while a lease is held."""

	def test_a_customer_who_closes_the_lease_of_a_meter_pays_for_what_it_lets_pass(self):
		"""U29"""
		meter = self.meter(first=100)
		self.pass_until_refused(meter, 10)
		held = frappe.get_all("AI Usage Lease", {"subscription": self.doc.name, "status": "Open"})
		for lease in held:
			leases.settle(self.key, lease.name, 0)
		frappe.db.commit()
		meter.close()
		self.assertEqual(self.left(), 990)

	def test_a_revoked_key_stops_within_the_seconds_of_its_lease(self):
		"""U15"""
		now = [0.0]
		doc, key = served_customer(requests_limit_per_day=100, max_api_keys=2)
		meter = self.meter(first=50, clock=lambda: now[0])
		meter.check(key)
		frappe.get_doc("AI API Key", doc.api_key_link).revoke()
		frappe.db.commit()
		now[0] += 8.0
		meter.check(key)
		now[0] += 1.6
		with self.assertRaises(Refused) as raised:
			meter.check(key)
		self.assertEqual(raised.exception.reason, "key_revoked")
		self.assertTrue(meter.flush(), "a report that can never arrive is tried for ever")

	def test_a_cancelled_subscription_stops_within_the_seconds_of_its_lease(self):
		"""U15"""
		now = [0.0]
		doc, key = served_customer(requests_limit_per_day=100)
		meter = self.meter(clock=lambda: now[0])
		meter.check(key)
		ending.end(doc.name)
		frappe.db.commit()
		now[0] += 10
		with self.assertRaises(Refused) as raised:
			meter.check(key)
		self.assertEqual((raised.exception.status, raised.exception.reason), (401, "subscription_cancelled"))
		meter.close()
		self.assertEqual(self.left(doc), 0)

	def test_a_smaller_plan_counts_from_the_next_lease_on(self):
		"""U15"""
		now = [0.0]
		doc, key = served_customer(requests_limit_per_day=100)
		meter = self.meter(first=40, clock=lambda: now[0])
		meter.check(key)
		values = {
			"plan": create_plan(requests_limit_per_day=20).name,
			"daily_quota_limit": 20,
			"daily_quota_remaining": 19,
		}
		frappe.db.set_value("AI Subscription", doc.name, values)
		frappe.db.commit()
		now[0] += 10
		meter.check(key)
		meter.close()
		self.assertLessEqual(self.left(doc), 20)
		passed, _refusal = self.pass_until_refused(self.meter(), 40, key)
		self.assertLessEqual(passed, 20)

	def test_an_emptied_cache_of_the_site_changes_nothing(self):
		meter = self.meter(first=5)
		self.pass_until_refused(meter, 12)
		frappe.cache.delete_keys("")
		self.pass_until_refused(meter, 12)
		meter.close()
		self.assertEqual(self.left(), 976)

	def test_a_site_that_restarts_goes_on_where_it_was(self):
		now = [0.0]
		meter = self.meter(first=5, clock=lambda: now[0])
		self.pass_until_refused(meter, 5)
		self.host.restart()
		now[0] += 6
		self.assertEqual(self.pass_until_refused(meter, 20), (20, None))
		meter.close()
		self.assertEqual(self.left(), 975)

	def test_a_database_that_is_away_for_a_minute_refuses_and_loses_nothing(self):
		"""U14"""
		now = [0.0]
		# Real seconds pass too: a call that fails late makes the meter wait again, for ever by a clock that stands still.
		meter = self.meter(first=5, on_outage="open", clock=lambda: now[0] + time.monotonic())
		self.pass_until_refused(meter, 5)
		with patch("frappe.connect", side_effect=OSError("The database does not answer.")):
			for _second in range(60):
				now[0] += 1
				meter.check(self.key)
		now[0] += 6
		self.assertTrue(meter.flush())
		meter.close()
		self.assertEqual(self.left(), 1000 - 65)


class TestMeterInOutages(OutageTests, ClientCase):
	pass


class TestAsyncMeterInOutages(OutageTests, ClientCase):
	is_async = True


class TestMeterAndChanges(ChangeTests, ClientCase):
	pass


class TestAsyncMeterAndChanges(ChangeTests, ClientCase):
	is_async = True


LESSEE = """
	import sys
	sys.path.insert(0, sys.argv[1])
	from oropendola_usage import Client, Meter
	meter = Meter(Client(sys.argv[2]), first=40)
	key = sys.stdin.readline().strip()
	for _time in range(10):
		meter.check(key)
	print("spent", flush=True)
	sys.stdin.readline()
"""


class TestCrash(ClientCase):
	def test_a_process_that_is_killed_costs_its_customer_what_it_held_and_never_us(self):
		"""U14"""
		program = [sys.executable, "-c", textwrap.dedent(LESSEE), str(SOURCE), self.host.url]
		lessee = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
		self.addCleanup(lessee.stdout.close)
		self.addCleanup(lessee.stdin.close)
		lessee.stdin.write(f"{self.key}\n")
		lessee.stdin.flush()
		self.assertEqual(lessee.stdout.readline(), "spent\n")
		lessee.send_signal(signal.SIGKILL)
		lessee.wait(timeout=30)
		self.assertEqual(self.left(), 960)

	def test_a_forked_process_does_not_spend_the_leases_of_its_parent(self):
		meter = self.meter(first=40)
		meter.check(self.key)
		child = os.fork()
		if not child:
			held = len(meter._keeper.purses)
			os._exit(held)
		_pid, status = os.waitpid(child, 0)
		self.assertEqual(os.waitstatus_to_exitcode(status), 0)
		meter.close()
		self.assertEqual(self.left(), 999)
