"""Nothing that runs more often than daily reads a whole large table, as MariaDB plans the statements that were really sent."""

import unittest
from collections.abc import Callable
from datetime import timedelta
from unittest.mock import patch

import frappe

from oropendola_payments import hooks
from oropendola_payments.engine.jobs import credit_jobs, payment_jobs, subscription_jobs
from oropendola_payments.engine.monitoring import checks
from oropendola_payments.tests.growth import generator, jobs, meter, paths, plans
from oropendola_payments.tests.growth.statements import PREFIX
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import create_user
from oropendola_payments.tests.support.http import call

try:
	from oropendola_payments.tests.growth import desk
except ImportError:
	desk = None  # there is no Desk without a bench, and no plan of MariaDB either

SCALE = 0.003
PATHS = (
	*("usage.consume", "open a payment, razorpay", "settling webhook, razorpay", "payment status", "retry"),
	*("payment.get_pending_invoices", "subscription.get_my_subscriptions"),
	*("page billing, largest customer", "page usage, largest customer", "page checkout"),
)

# Jobs that run once a day. The checks of all records, and the summing up of old usage, read what exists by their nature.
DAILY = {
	"expire_credits": credit_jobs.run_credit_expiry,
	"reset_quotas": subscription_jobs.run_reset,
	"clear_raw_payloads": payment_jobs.run_clear_payloads,
	"release_unpaid_coupons": subscription_jobs.run_coupon_release,
	"send_renewal_reminders": subscription_jobs.run_reminders,
}
VIEWS = (
	*(
		"list AI Invoice by status",
		"list AI Subscription by status",
		"list Payment Webhook Log by event_type",
	),
	*("list Payment Refund by gateway", "report Payments by Gateway"),
	*("report Payout Reconciliation", "report Reconciliation Differences"),
)


def often() -> dict[str, Callable]:
	"""The jobs of our hooks that run every hour or more often, by the names of what they queue."""
	known = {name.rpartition(".")[2]: work for name, work in jobs.jobs().items()}
	queued = []
	for when, methods in hooks.scheduler_events["cron"].items():
		if when.split()[1] == "*":
			queued += [method.rpartition(".")[2] for method in methods]
	return {name: known[function] for name in queued if (function := RUNS.get(name, f"run_{name}")) in known}


# What cron calls, and what that lets a worker run.
RUNS = {
	"reconcile_attempts": "run_reconcile",
	"send_webhooks": "run_webhooks",
	"process_inbox": "run_inbox",
	"poll_refunds": "run_refunds",
	"send_usage_alerts": "run_usage_alerts",
	"check_alerts": "run_alerts",
	"send_payment_reminders": "run_payment_reminders",
	"settle_plan_changes": "run_plan_changes",
	"count_successes": "run_count_successes",
	"issue_documents": "run_documents",
	"sum_up_usage": "run_sum_up",
	"check_abandoned_payments": "run_abandoned",
	"check_invariants": "run_invariants",
	"tell_untold": "run_untold",
	"expire_subscriptions": "run_expiry",
	"retire_api_keys": "run_retire_keys",
	"expire_proposals": "run_proposal_expiry",
	"give_back_held_credits": "run_give_back",
}


class TestQueryPlans(TestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		if not meter.connected():
			raise unittest.SkipTest("Only MariaDB explains its plans as MariaDB does; benchless has SQLite.")
		cls.addClassCleanup(generator.clear, say=lambda _text: None)
		generator.fill(SCALE, say=lambda _text: None)
		jobs.postpone()
		cls.large = plans.sizes()
		recent = frappe.db.count("Payment Attempt", {"name": ("not like", f"{PREFIX}%")})
		if recent > plans.FOREIGN * cls.large["Payment Attempt"]:
			raise unittest.SkipTest(
				"Other tests' payments of today are a large part of the table, so reading all of it is a good plan."
				" Run this on an emptied site."
			)

	def check(self, name: str, work: Callable) -> None:
		with self.subTest(name):
			with meter.measured() as reading:
				work()
			found = [
				scan for statement in reading.statements for scan in plans.scans(statement.text, self.large)
			]
			self.assertEqual(sorted({str(scan) for scan in found}), [])
			self.assertTrue(reading.statements, "It sent no statement, so nothing was checked.")

	def test_a_scan_is_recognised(self):
		scan = "SELECT name FROM `tabAI Invoice` i WHERE i.description = 'x'"
		self.assertEqual([found.table for found in plans.scans(scan, self.large)], ["AI Invoice"])
		self.assertEqual(plans.scans("SELECT name FROM `tabAI Invoice` WHERE name = 'x'", self.large), [])

	def test_an_index_that_is_read_up_to_a_limit_is_no_scan(self):
		newest = "SELECT name FROM `tabAI Subscription` WHERE status = 'Active' ORDER BY {} DESC LIMIT 20"
		self.assertEqual(plans.scans(newest.format("creation"), self.large), [])
		counted = f"SELECT COUNT(*) FROM ({newest.format('creation')} OFFSET 0) p"
		self.assertEqual(plans.scans(counted, self.large), [])
		found = plans.scans(newest.format("cancel_note"), self.large)
		self.assertEqual([scan.table for scan in found], ["AI Subscription"])

	def test_all_frequent_jobs_are_among_those_that_are_checked(self):
		cron = [
			method
			for when, methods in hooks.scheduler_events["cron"].items()
			if when.split()[1] == "*"
			for method in methods
		]
		left = {method.rpartition(".")[2] for method in cron} - set(often())
		self.assertEqual(left, {"post_postings"}, "Another app's books decide what that job reads.")

	def test_no_frequent_job_reads_a_whole_table(self):
		checks.check_all()
		self.addCleanup(checks.forget)
		# What other tests have changed lately may be most of the site.
		self.enterContext(patch.object(checks, "OVERLAP", timedelta(0)))
		for name, work in often().items():
			self.check(name, work)

	def test_nothing_that_a_customer_or_gateway_waits_for_reads_a_whole_table(self):
		works = paths.paths()
		for name in PATHS:
			self.check(name, works[name]())

	def test_daily_jobs_read_what_is_due_and_not_what_exists(self):
		for name, work in DAILY.items():
			work()  # so that nothing is due any more
			self.check(name, work)

	def test_number_cards_charts_lists_and_quick_reports_read_no_whole_table(self):
		payment_jobs.run_sum_up_days()
		checks.check_all()
		self.addCleanup(checks.forget)
		self.addCleanup(frappe.db.delete, "Payment Day")
		works = desk.views()
		for name in sorted(works):
			if name.startswith(("card ", "chart ", "shortcut ")) or name in VIEWS:
				self.check(name, works[name])

	def test_health_and_metrics_read_no_whole_table(self):
		checks.check_all()
		self.addCleanup(checks.forget)
		staff = create_user("Payments Manager")
		for endpoint in ("status", "metrics"):
			self.check(endpoint, lambda endpoint=endpoint: call(f"health.{endpoint}", staff, method="GET"))

	def tearDown(self):
		frappe.db.rollback()
