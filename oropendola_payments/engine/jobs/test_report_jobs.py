"""Reports that a job counts at night on a large site: what they show is what they would count, as of then, and anything else is read."""

from datetime import timedelta
from types import ModuleType
from unittest.mock import patch

import frappe
from frappe.utils import now_datetime

from oropendola_payments.ai_billing import kept
from oropendola_payments.ai_billing.periods import today
from oropendola_payments.ai_billing.report.mrr_movements import mrr_movements
from oropendola_payments.ai_billing.report.recovered_payments import recovered_payments
from oropendola_payments.ai_billing.report.subscriptions_and_mrr import subscriptions_and_mrr
from oropendola_payments.ai_billing.report.usage import usage
from oropendola_payments.engine.jobs import report_jobs
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.customers import pay
from oropendola_payments.tests.support.factories import (
	create_active_subscription,
	create_invoice,
	create_user,
	payment_settings,
)

NAMES = {name for report in report_jobs.REPORTS for name in report.KEPT}
LAST_YEAR = {"from_date": str(today() - timedelta(days=300)), "to_date": str(today())}
QUICK = (subscriptions_and_mrr, usage)
AS_OPENED = (
	(mrr_movements, {}),
	(mrr_movements, LAST_YEAR),
	(mrr_movements, {**LAST_YEAR, "to_date": str(today() - timedelta(days=100)), "currency": "INR"}),
	(subscriptions_and_mrr, {}),
	(subscriptions_and_mrr, {"currency": "INR"}),
	(usage, {}),
	(usage, {"from_date": str(today() - timedelta(days=29)), "to_date": str(today()), "group_by": "Model"}),
	(usage, {"group_by": "Paid From"}),
	(recovered_payments, {}),
	(recovered_payments, {"from_date": str(today() - timedelta(days=90)), "to_date": str(today())}),
	(recovered_payments, {"currency": "INR"}),
)
NARROWED = (
	(mrr_movements, {"user": "nobody@example.com"}),
	(mrr_movements, {"from_date": "2001-01-01", "to_date": "2001-03-01"}),
	(usage, {"group_by": "Customer"}),
	(usage, {"source": "Credits"}),
	(usage, {"from_date": str(today())}),
	(recovered_payments, {"from_date": str(today() - timedelta(days=9))}),
)


class ReportCase(TestCase):
	def setUp(self):
		super().setUp()
		self.enterContext(payment_settings(tax_rate=0))
		self.addCleanup(self.forget)

	def forget(self):
		kept.forget(NAMES)
		frappe.db.commit()

	def site(self, rows: int) -> None:
		"""From this many rows on, the reports of a table are kept."""
		self.enterContext(patch.dict(frappe.conf, {kept.SETTING: rows}))

	def large_site(self, *reports: ModuleType) -> set[str]:
		"""Keep these reports, by default those that are counted quickly whatever other tests have left."""
		self.site(0)
		self.enterContext(patch.object(report_jobs, "REPORTS", reports or QUICK))
		return set(report_jobs.run_keep_reports())


class TestKeptReports(ReportCase):
	def test_a_small_site_counts_when_a_report_is_opened(self):
		self.site(10**9)
		self.assertEqual(report_jobs.run_keep_reports(), [])
		for report, filters in AS_OPENED:
			self.assertIsNone(report.execute(filters)[2])

	def test_what_is_kept_is_what_would_be_counted(self):
		for currency in ("INR", "USD"):
			pay(create_invoice(currency=currency).name)
		self.assertEqual(self.large_site(*report_jobs.REPORTS), NAMES)
		for report, filters in AS_OPENED:
			with self.subTest(f"{report.__name__} {filters}"):
				columns, rows, note, chart = report.execute(dict(filters))
				counted = report.execute({**filters, "count_now": 1})
				self.assertIn("Count Now", note)
				self.assertIsNone(counted[2])
				self.assertEqual(
					frappe.as_json([columns, rows, chart]),
					frappe.as_json([counted[0], counted[1], counted[3]]),
				)

	def test_another_period_or_one_customer_is_read_from_the_records(self):
		pay(create_invoice().name)
		self.large_site(*report_jobs.REPORTS)
		for report, filters in NARROWED:
			with self.subTest(f"{report.__name__} {filters}"):
				self.assertIsNone(report.execute(filters)[2])

	def test_what_happens_later_counts_from_the_next_night_on(self):
		self.large_site()
		plan = create_active_subscription().plan
		self.assertEqual(subscriptions_and_mrr.execute({"plan": plan})[1], [])
		self.assertEqual(subscriptions_and_mrr.execute({"plan": plan, "count_now": 1})[1][0]["active"], 1)
		report_jobs.run_keep_reports()
		self.assertEqual(subscriptions_and_mrr.execute({"plan": plan})[1][0]["active"], 1)

	def test_the_report_says_as_of_when_it_is(self):
		self.large_site()
		frappe.db.set_value(kept.TABLE, subscriptions_and_mrr.NAME, "counted_on", "2026-01-02 00:25:00")
		self.assertIn("2 Jan 2026", subscriptions_and_mrr.execute({})[2])

	def test_a_second_run_replaces_what_was_kept(self):
		names = self.large_site()
		before = now_datetime()
		self.assertEqual(set(report_jobs.run_keep_reports()), names)
		rows = frappe.get_all(kept.TABLE, {"name": ("in", NAMES)}, ["name", "counted_on"])
		self.assertEqual({row.name for row in rows}, names)
		self.assertEqual(len(rows), len(names))
		self.assertTrue(all(row.counted_on >= before for row in rows))

	def test_a_site_that_became_small_counts_at_once_again(self):
		self.large_site()
		self.site(10**9)
		report_jobs.run_keep_reports()
		self.assertEqual(frappe.get_all(kept.TABLE, {"name": ("in", NAMES)}), [])

	def test_a_report_that_fails_is_logged_and_stops_no_other(self):
		class Broken:
			NAME, READS, KEPT = "Broken", "AI Invoice", ()

			@staticmethod
			def results() -> dict[str, list[dict]]:
				raise ZeroDivisionError

		self.assertEqual(self.large_site(Broken, subscriptions_and_mrr), set(subscriptions_and_mrr.KEPT))
		self.assertTrue(frappe.db.exists("Error Log", {"method": "Broken could not be counted"}))

	def test_nothing_is_kept_of_single_customers(self):
		user = create_user()
		create_active_subscription(user)
		self.large_site(*report_jobs.REPORTS)
		for text in frappe.get_all(kept.TABLE, pluck="result"):
			self.assertNotIn(user, text)
			self.assertNotIn("@", text)

	def test_nobody_edits_what_is_kept(self):
		self.large_site()
		doc = frappe.get_doc(kept.TABLE, subscriptions_and_mrr.NAME)
		doc.result = "[]"
		with self.assertRaises(frappe.ValidationError):
			doc.save(ignore_permissions=True)


class TestPreparedReports(ReportCase):
	"""Frappe itself ticks Prepared Report once a report took 15 seconds."""

	NAME = subscriptions_and_mrr.NAME

	def setUp(self):
		super().setUp()
		self.addCleanup(frappe.db.set_value, "Report", self.NAME, "prepared_report", 0)

	def is_prepared(self) -> bool:
		return bool(frappe.db.get_value("Report", self.NAME, "prepared_report"))

	def ticked(self, *values: int) -> None:
		"""As the form does: each change leaves a version."""
		for number, value in enumerate(values):
			data = frappe.as_json({"changed": [["prepared_report", 1 - value, value]]})
			made = now_datetime() + timedelta(minutes=number)
			version = frappe.new_doc("Version")
			version.update({"ref_doctype": "Report", "docname": self.NAME, "data": data, "creation": made})
			version.db_insert()
			self.addCleanup(frappe.db.delete, "Version", {"name": version.name})

	def test_a_report_that_frappe_made_a_prepared_one_is_shown_at_once_again(self):
		frappe.db.set_value("Report", self.NAME, "prepared_report", 1)
		self.large_site()
		self.assertFalse(self.is_prepared())

	def test_what_an_administrator_ticked_stays(self):
		frappe.db.set_value("Report", self.NAME, "prepared_report", 1)
		self.ticked(1, 0, 1)
		self.large_site()
		self.assertTrue(self.is_prepared())

	def test_what_an_administrator_ticked_off_is_shown_at_once(self):
		frappe.db.set_value("Report", self.NAME, "prepared_report", 1)
		self.ticked(1, 0)
		self.large_site()
		self.assertFalse(self.is_prepared())

	def test_on_a_small_site_nothing_is_changed(self):
		frappe.db.set_value("Report", self.NAME, "prepared_report", 1)
		self.site(10**9)
		report_jobs.run_keep_reports()
		self.assertTrue(self.is_prepared())


class TestSize(ReportCase):
	def test_the_statistics_of_the_database_decide_and_not_a_count(self):
		self.site(1)
		known = frappe.db.db_type in kept.STATISTICS
		create_invoice()
		self.assertEqual(kept.is_large("AI Invoice"), known and kept._estimated_rows("AI Invoice") > 0)
		self.assertFalse(kept.is_large("No Such Table"))
