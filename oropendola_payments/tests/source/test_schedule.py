"""What the scheduler calls and when, against hooks.py and the table of docs/operations.md."""

import re
from unittest.mock import patch

import frappe

from oropendola_payments.engine.gateway import polling
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.source import ROOT

SWEEPS = "oropendola_payments.engine.jobs.payment_jobs"
SUBSCRIPTIONS = "oropendola_payments.engine.jobs.subscription_jobs"
CREDITS = "oropendola_payments.engine.jobs.credit_jobs"
PARTS = "oropendola_payments.engine.jobs.part_jobs"
PLAN_CHANGES = "oropendola_payments.engine.jobs.plan_change_jobs"
PROPOSALS = "oropendola_payments.engine.jobs.proposal_jobs"
DOCUMENTS = "oropendola_payments.engine.jobs.document_jobs"
PAYOUTS = "oropendola_payments.engine.jobs.payout_jobs"
USAGE = "oropendola_payments.engine.jobs.usage_jobs"
REPORTS = "oropendola_payments.engine.jobs.report_jobs"
OTHER_APPS = "oropendola_payments.integrations.dispatch"
WEBHOOKS = "oropendola_payments.engine.jobs.webhook_jobs"

# Job, its cron expression, how docs/operations.md puts it, the function that it queues.
JOBS = (
	(f"{SWEEPS}.reconcile_attempts", "* * * * *", "every minute", "run_reconcile"),
	(f"{WEBHOOKS}.send_webhooks", "* * * * *", "every minute", "run_webhooks"),
	(f"{SWEEPS}.process_inbox", "*/2 * * * *", "every 2 minutes", "run_inbox"),
	(f"{SWEEPS}.poll_refunds", "*/2 * * * *", "every 2 minutes", "run_refunds"),
	(f"{DOCUMENTS}.issue_documents", "*/5 * * * *", "every 5 minutes", "run_documents"),
	(f"{USAGE}.send_usage_alerts", "*/2 * * * *", "every 2 minutes", "run_usage_alerts"),
	(f"{USAGE}.sum_up_usage", "*/5 * * * *", "every 5 minutes", "run_sum_up"),
	(f"{OTHER_APPS}.post_postings", "*/5 * * * *", "every 5 minutes", "run_postings"),
	(f"{SWEEPS}.count_successes", "*/5 * * * *", "every 5 minutes", "run_count_successes"),
	(f"{SWEEPS}.tell_untold", "*/5 * * * *", "every 5 minutes", "run_untold"),
	(f"{SWEEPS}.sum_up_days", "*/10 * * * *", "every 10 minutes", "run_sum_up_days"),
	(f"{SWEEPS}.check_alerts", "*/10 * * * *", "every 10 minutes", "run_alerts"),
	(f"{SUBSCRIPTIONS}.send_payment_reminders", "*/10 * * * *", "every 10 minutes", "run_payment_reminders"),
	(f"{SWEEPS}.check_abandoned_payments", "*/30 * * * *", "every 30 minutes", "run_abandoned"),
	(f"{SWEEPS}.check_invariants", "5 * * * *", "5 past every hour", "run_invariants"),
	(f"{SWEEPS}.check_all_invariants", "30 23 * * *", "23:30", "run_all_invariants"),
	(f"{SUBSCRIPTIONS}.expire_subscriptions", "5 * * * *", "5 past every hour", "run_expiry"),
	(f"{PLAN_CHANGES}.settle_plan_changes", "*/10 * * * *", "every 10 minutes", "run_plan_changes"),
	(f"{SUBSCRIPTIONS}.retire_api_keys", "20 * * * *", "20 past every hour", "run_retire_keys"),
	(f"{CREDITS}.give_back_held_credits", "35 * * * *", "35 past every hour", "run_give_back"),
	(f"{PAYOUTS}.fetch_payouts", "30 5 * * *", "05:30", "run_payouts"),
	(f"{PROPOSALS}.expire_proposals", "20 * * * *", "20 past every hour", "run_proposal_expiry"),
	(f"{SUBSCRIPTIONS}.reset_quotas", "1 0 * * *", "00:01", "run_reset"),
	(f"{CREDITS}.expire_credits", "10 0 * * *", "00:10", "run_credit_expiry"),
	(f"{CREDITS}.send_expiry_reminders", "0 9 * * *", "09:00", "run_expiry_reminders"),
	(f"{SUBSCRIPTIONS}.release_unpaid_coupons", "15 0 * * *", "00:15", "run_coupon_release"),
	(f"{REPORTS}.keep_reports", "25 0 * * *", "00:25", "run_keep_reports"),
	(f"{SUBSCRIPTIONS}.send_renewal_reminders", "0 9 * * *", "09:00", "run_reminders"),
	(f"{PARTS}.send_part_reminders", "0 9 * * *", "09:00", "run_part_reminders"),
	(f"{PARTS}.close_unfinished_invoices", "daily_long", "daily", "run_closing"),
	(f"{USAGE}.clear_usage_entries", "daily_long", "daily", "run_clear_entries"),
	(f"{SWEEPS}.clear_raw_payloads", "daily_long", "daily", "run_clear_payloads"),
)
# What reads for minutes on a large site, and would delay the others.
LONG = {"run_keep_reports": {"queue": "long", "timeout": 10800}}
ROW = re.compile(r"^\| (?P<when>[^|]+) \| `(?P<job>\w+\.\w+)` \|", re.MULTILINE)

INTERVAL = re.compile(
	r"^\| up to (\d+) (minute|hour|day)s? \| every (?:(\d+) )?(minute|hour|day)s? \|$", re.MULTILINE
)
MINUTES = {"minute": 1, "hour": 60, "day": 24 * 60}
PAID = "A paid payment is checked again after an hour, a day, three days and five days"


def scheduled() -> set[tuple[str, str]]:
	"""(job, cron expression) of everything in our hooks."""
	events = dict(frappe.get_hooks("scheduler_events", app_name="oropendola_payments"))
	cron = events.pop("cron")
	return {(job, when) for table in (cron, events) for when, jobs in table.items() for job in jobs}


def queued_by(job: str) -> list[dict]:
	"""What a scheduled job enqueues."""
	asked = []
	with patch.object(frappe, "enqueue", lambda method, **how: asked.append({"method": method, **how})):
		frappe.get_attr(job)()
	return asked


def in_minutes(steps) -> list[tuple[int, int]]:
	return [(int(age.total_seconds()) // 60, int(pause.total_seconds()) // 60) for age, pause in steps]


class TestSchedule(TestCase):
	def test_hooks_schedule_each_job_at_its_time_and_no_other(self):
		self.assertEqual(scheduled(), {(job, when) for job, when, _documented, _work in JOBS})

	def test_each_job_enqueues_its_work_deduplicated_on_its_queue(self):
		"""A cron job itself has 300 seconds, and two schedulers may call it at the same time."""
		for job, _when, _documented, work in JOBS:
			with self.subTest(job):
				expected = {
					"method": f"{job.rpartition('.')[0]}.{work}",
					"queue": "default",
					"enqueue_after_commit": False,
					"timeout": 1500,
					"job_id": f"oropendola::{work}",
					"deduplicate": True,
					**LONG.get(work, {}),
				}
				self.assertEqual(queued_by(job), [expected])
				self.assertTrue(callable(frappe.get_attr(expected["method"])))

	def test_no_two_jobs_share_a_job_id(self):
		self.assertEqual(len({work for _job, _when, _documented, work in JOBS}), len(JOBS))

	def test_the_operations_page_lists_the_same_schedule(self):
		if not (ROOT / "docs").is_dir():
			self.skipTest("The documents are not installed with the app")
		table = {(row["job"], row["when"]) for row in ROW.finditer((ROOT / "docs/operations.md").read_text())}
		self.assertEqual(
			table, {(".".join(job.split(".")[-2:]), documented) for job, _when, documented, _work in JOBS}
		)

	def test_the_operations_page_describes_the_polling_intervals(self):
		if not (ROOT / "docs").is_dir():
			self.skipTest("The documents are not installed with the app")
		text = (ROOT / "docs/operations.md").read_text()
		documented = [
			(int(age) * MINUTES[unit], int(pause or 1) * MINUTES[step])
			for age, unit, pause, step in INTERVAL.findall(text)
		]
		self.assertEqual(in_minutes(polling.STEPS), documented)
		self.assertIn(PAID, " ".join(text.split()))
		hour, day = 60, 24 * 60
		self.assertEqual(in_minutes(polling.PAID_STEPS), [(30, hour), (12 * hour, day), (6 * day, 2 * day)])

	def test_the_site_has_a_record_for_every_scheduled_job(self):
		"""The framework runs these records, which it makes from the hooks."""
		methods = frappe.get_all("Scheduled Job Type", {"stopped": 0}, pluck="method")
		self.assertEqual({job for job, *_rest in JOBS} - set(methods), set())
