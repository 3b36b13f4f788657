"""Sums are the sums of the rows: after crashes, with two jobs at once, and until the rows are deleted."""

from datetime import timedelta

import frappe
from frappe.utils import now_datetime

from oropendola_payments.ai_billing.current import forget
from oropendola_payments.ai_billing.doctype.ai_usage_day.ai_usage_day import name_of
from oropendola_payments.ai_billing.doctype.payment_event.payment_event import REDACTED
from oropendola_payments.ai_billing.periods import today
from oropendola_payments.engine import privacy
from oropendola_payments.engine.jobs import usage_jobs
from oropendola_payments.engine.metering import leases
from oropendola_payments.engine.metering.test_usage import served_customer
from oropendola_payments.engine.monitoring import invariants
from oropendola_payments.engine.usage_ledger import events, retention, rollup
from oropendola_payments.engine.usage_ledger.test_events import DAY, ENTRY, LedgerCase
from oropendola_payments.exceptions import NotAllowed
from oropendola_payments.tests.flows.test_statement_budgets import counted_statements
from oropendola_payments.tests.support.crashes import count_crash_points, crashing
from oropendola_payments.tests.support.parallel import in_parallel

FIGURES = ("model", "requests", "input_tokens", "output_tokens", "units", "entries")


class SumsCase(LedgerCase):
	def setUp(self):
		super().setUp()
		rollup.roll_up()  # what other tests left

	def sums(self) -> list[tuple]:
		rows = frappe.get_all(DAY, {"subscription": self.doc.name}, [*FIGURES], order_by="model")
		return [tuple(row[field] for field in FIGURES) for row in rows]

	def age(self, days: int):
		"""As if everything had happened so many days earlier."""
		past = {"day": today() - timedelta(days=days), "creation": now_datetime() - timedelta(days=days)}
		own = {"subscription": self.doc.name}
		for row in frappe.get_all(DAY, own, ["name", *rollup.GROUP]):
			moved = {**past, "name": name_of(*({**row, **past}[field] for field in rollup.GROUP))}
			frappe.db.set_value(DAY, row.name, moved, update_modified=False)
		frappe.db.set_value(ENTRY, own, past, update_modified=False)
		frappe.db.commit()

	def violated(self) -> set[str]:
		names = {self.doc.name, *frappe.get_all(ENTRY, {"subscription": self.doc.name}, pluck="name")}
		names |= set(frappe.get_all("AI Usage Window", {"subscription": self.doc.name}, pluck="name"))
		rules = [rule for rule in invariants.RULES if rule.startswith("usage_")]
		return {rule for rule, found in invariants.check(tuple(rules)).items() if names & set(found)}


class TestRollUp(SumsCase):
	def test_the_sum_of_each_model_is_that_of_its_rows(self):
		"""U12"""
		self.use("e-1", 2)
		self.use("e-2", 3)
		self.reserve("e-3", 1, (1000, 500))
		rollup.roll_up()
		self.assertEqual(self.sums(), [("large", 5, 0, 0, 5000, 2), ("small-1", 1, 1000, 500, 2000, 1)])
		row = frappe.get_last_doc(DAY, {"subscription": self.doc.name})
		self.assertEqual((row.user, row.day, row.source), (self.doc.user, today(), "Plan"))

	def test_what_comes_later_is_added(self):
		self.reserve("e-1", 1, (1000, 500))
		rollup.roll_up()
		self.settle("e-1", 800, 100)
		rollup.roll_up()
		rollup.roll_up()
		self.assertEqual(self.sums(), [("small-1", 1, 800, 100, 1000, 2)])

	def test_rows_of_a_clock_that_runs_behind_are_not_left_out(self):
		"""U7"""
		self.use("e-1")
		rollup.roll_up()
		self.use("e-2")
		frappe.db.set_value(ENTRY, {"event_id": "e-2"}, "creation", now_datetime() - timedelta(days=1))
		frappe.db.commit()
		rollup.roll_up()
		self.assertEqual(self.sums(), [("large", 2, 0, 0, 2000, 2)])

	def test_a_crash_after_any_statement_sums_up_once(self):
		"""U12"""
		self.use("e-0")
		points = count_crash_points(rollup.roll_up)
		for point in range(1, points + 1):
			self.use(f"e-{point}")
			with crashing(at=point):
				rollup.roll_up()
		rollup.roll_up()
		self.assertEqual([row[1] for row in self.sums()], [points + 1])
		self.assertEqual([row[-1] for row in self.sums()], [points + 1])

	def test_two_jobs_at_once_sum_up_once(self):
		"""U12"""
		for number in range(20):
			self.use(f"e-{number}")
		results = in_parallel(3, lambda _number: rollup.roll_up())
		self.assertEqual([result for result in results if isinstance(result, Exception)], [])
		self.assertEqual(self.sums(), [("large", 20, 0, 0, 20_000, 20)])

	def test_a_batch_takes_the_same_statements_whatever_it_holds(self):
		def statements(count: int) -> int:
			for number in range(count):
				self.use(f"{count}-{number}", model=f"small-{count}-{number}")
			with counted_statements() as seen:
				rollup.roll_up()
			return len(seen)

		self.assertEqual(statements(12), statements(3))

	def test_nobody_edits_a_sum(self):
		"""U3"""
		self.use("e-1")
		rollup.roll_up()
		row = frappe.get_last_doc(DAY, {"subscription": self.doc.name})
		row.requests = 0
		for work in (row.save, row.delete):
			self.fails(NotAllowed, work)


class TestRetention(SumsCase):
	def setUp(self):
		super().setUp()
		self.keep(30)
		self.addCleanup(self.keep, 90)

	def keep(self, days: int):
		frappe.db.set_single_value("Payment Settings", "usage_retention_days", days)
		forget("Payment Settings")
		frappe.db.commit()

	def test_old_rows_are_deleted_and_their_sums_stay(self):
		"""U12"""
		self.use("e-1", 4)
		rollup.roll_up()
		self.age(31)
		self.use("e-2", 1)
		usage_jobs.run_clear_entries()
		self.assertEqual([row[1] for row in self.rows()], [1])
		self.assertEqual(sorted(row[1] for row in self.sums()), [1, 4])

	def test_rows_that_are_not_summed_up_are_never_deleted(self):
		"""U12"""
		self.use("e-1", 4)
		self.age(31)
		self.assertEqual(retention.clear_old_entries(), 0)
		self.assertEqual(len(self.rows()), 1)
		usage_jobs.run_clear_entries()
		self.assertEqual((self.rows(), [row[1] for row in self.sums()]), ([], [4]))

	def test_rows_that_differ_from_their_sum_are_kept_and_logged(self):
		"""U12"""
		self.use("e-1", 4)
		rollup.roll_up()
		frappe.db.set_value(DAY, {"subscription": self.doc.name}, "requests", 3)
		self.age(31)
		retention.clear_old_entries()
		self.assertEqual(len(self.rows()), 1)
		title = {"method": ("like", f"Usage of {self.doc.name}%differs%")}
		self.assertTrue(frappe.db.exists("Error Log", title))

	def test_a_crash_while_deleting_does_not_stop_the_next_run(self):
		self.use("e-1", 4)
		self.use("e-2", 2, model="small-1")
		rollup.roll_up()
		self.age(31)
		points = count_crash_points(retention.clear_old_entries)
		self.assertEqual(self.rows(), [])
		for point in range(1, points + 1):
			self.setUp()
			self.use("e-1", 4)
			self.use("e-2", 2, model="small-1")
			rollup.roll_up()
			self.age(31)
			with crashing(at=point):
				retention.clear_old_entries()
			retention.clear_old_entries()
			self.assertEqual(self.rows(), [], point)
			self.assertEqual(sorted(row[1] for row in self.sums()), [2, 4])

	def test_without_a_number_of_days_nothing_is_deleted(self):
		self.keep(0)
		self.use("e-1")
		rollup.roll_up()
		self.age(1000)
		retention.clear_old_entries()
		self.assertEqual(len(self.rows()), 1)

	def test_rows_are_kept_for_at_least_eight_days(self):
		settings = frappe.get_doc("Payment Settings")
		settings.usage_retention_days = 7
		with self.assertRaisesRegex(frappe.ValidationError, "at least 8 days"):
			settings.save(ignore_permissions=True)
		frappe.db.rollback()


class TestInvariants(SumsCase):
	def setUp(self):
		super().setUp()
		self.use("e-1", 4)
		rollup.roll_up()

	def test_right_books_violate_nothing(self):
		self.assertEqual(self.violated(), set())
		self.age(1)
		self.assertEqual(self.violated(), set())

	def test_a_changed_sum_is_found(self):
		self.age(1)
		for column in ("requests", "input_tokens", "output_tokens", "units", "entries"):
			frappe.db.sql(
				f"UPDATE `tabAI Usage Day` SET {column} = {column} + 1 WHERE subscription = %s", self.doc.name
			)
			self.assertIn("usage_sums_differ", self.violated(), column)
			frappe.db.rollback()

	def test_a_missing_row_and_a_missing_sum_are_found(self):
		self.age(1)
		frappe.db.delete(DAY, {"subscription": self.doc.name})
		self.assertEqual(self.violated(), {"usage_without_sum"})
		frappe.db.rollback()
		frappe.db.delete(ENTRY, {"subscription": self.doc.name})
		self.assertEqual(self.violated(), {"usage_sums_differ"})
		frappe.db.rollback()

	def test_a_row_that_waits_for_an_hour_is_found(self):
		self.use("e-2")
		self.assertEqual(self.violated(), set())
		frappe.db.set_value(ENTRY, {"event_id": "e-2"}, "creation", now_datetime() - timedelta(hours=2))
		self.assertEqual(self.violated(), {"usage_not_summed_up"})
		frappe.db.rollback()


class TestCounters(LedgerCase):
	plan = {"limits": [{"allowance": 50, "meter": "Requests", "time_window": "Day"}]}

	def test_a_window_below_the_ledger_is_found(self):
		self.use("e-1", 4)
		frappe.db.set_value(
			"AI Plan", self.doc.plan, "modified", now_datetime() - timedelta(days=2), update_modified=False
		)
		self.assertEqual(SumsCase.violated(self), set())
		frappe.db.sql("UPDATE `tabAI Usage Window` SET used = 3 WHERE subscription = %s", self.doc.name)
		self.assertEqual(SumsCase.violated(self), {"usage_above_its_window"})
		frappe.db.rollback()


class TestPrivacy(SumsCase):
	def test_a_deleted_users_event_ids_are_redacted_and_the_usage_stays(self):
		self.use("asha@example.com-1", 4)
		rollup.roll_up()
		privacy.forget(self.doc.user)
		frappe.db.commit()
		row = frappe.get_last_doc(ENTRY, {"subscription": self.doc.name})
		self.assertEqual((row.event_id, row.requests), (REDACTED, 4))
		self.assertEqual([row[1] for row in self.sums()], [4])

	def test_the_models_that_a_deleted_user_named_are_redacted_before_they_are_summed_up(self):
		doc, key = served_customer()
		events.consume(key, 4, "ft:small:asha-ltd", event_id="e-1")
		lease = leases.grant(key, 1, 30, "ft:small:asha-ltd", None, None)["lease"]
		frappe.db.commit()
		privacy.forget(doc.user)
		frappe.db.commit()
		rollup.roll_up()
		self.assertEqual(frappe.db.get_value("AI Usage Lease", lease, "model"), REDACTED)
		sums = frappe.get_all(DAY, {"subscription": doc.name}, ["model", "requests"])
		self.assertEqual([(row.model, row.requests) for row in sums], [(REDACTED, 4)])

	def test_the_name_that_a_program_gave_a_lease_is_redacted_with_its_user(self):
		doc, key = served_customer()
		name = leases.grant(key, 1, 30, None, "Asha's laptop", None)["lease"]
		unnamed = leases.grant(key, 1, 30, None, None, None)["lease"]
		frappe.db.commit()
		privacy.forget(doc.user)
		frappe.db.commit()
		found = [frappe.db.get_value("AI Usage Lease", lease, "holder") for lease in (name, unnamed)]
		self.assertEqual(found, [REDACTED, None])
