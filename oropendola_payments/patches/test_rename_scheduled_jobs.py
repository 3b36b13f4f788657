"""What a site had scheduled and queued before the modules moved goes on."""

import frappe

from oropendola_payments.engine.jobs import payment_jobs
from oropendola_payments.engine.refunds import process
from oropendola_payments.patches import rename_scheduled_jobs
from oropendola_payments.tests.support.case import TestCase

OLD_JOB, NEW_JOB = "sweeps.drive_inbox", "payment_jobs.process_inbox"
# What the last release queued, and in which order a site that upgrades may still find it.
QUEUED = (
	"reactions.key_rotated",
	"reactions.payment_failed",
	"reactions.payment_succeeded",
	"reactions.payments_failed",
	"reactions.refund_finished",
	"reactions.renewal_due",
	"refunds.drive_invoice",
	"subscription_sweeps.run_expiry",
	"subscription_sweeps.run_reminders",
	"subscription_sweeps.run_reset",
	"sweeps.drive_inbox",
	"sweeps.run_abandoned",
	"sweeps.run_alerts",
	"sweeps.run_clear_payloads",
	"sweeps.run_inbox",
	"sweeps.run_invariants",
	"sweeps.run_reconcile",
	"sweeps.run_refunds",
)


class TestScheduledJobs(TestCase):
	def setUp(self):
		self.addCleanup(frappe.db.rollback)

	def make_old(self, **values):
		frappe.db.delete("Scheduled Job Type", {"name": NEW_JOB})
		job = frappe.get_doc(
			{"doctype": "Scheduled Job Type", "frequency": "Cron", "cron_format": "*/2 * * * *"}
		)
		job.update({"method": f"oropendola_payments.engine.{OLD_JOB}", **values})
		job.insert()

	def test_a_stopped_job_stays_stopped_under_its_new_name(self):
		self.make_old(stopped=1)
		rename_scheduled_jobs.execute()
		job = frappe.get_doc("Scheduled Job Type", NEW_JOB)
		self.assertEqual((job.stopped, job.method), (1, f"oropendola_payments.engine.jobs.{NEW_JOB}"))
		self.assertFalse(frappe.db.exists("Scheduled Job Type", OLD_JOB))

	def test_running_twice_changes_nothing(self):
		self.make_old(stopped=1)
		rename_scheduled_jobs.execute()
		rename_scheduled_jobs.execute()
		self.assertEqual(frappe.db.get_value("Scheduled Job Type", NEW_JOB, "stopped"), 1)

	def test_jobs_of_other_apps_keep_their_names(self):
		before = frappe.get_all("Scheduled Job Type", {"method": ("not like", "oropendola%")}, pluck="name")
		rename_scheduled_jobs.execute()
		after = frappe.get_all("Scheduled Job Type", {"method": ("not like", "oropendola%")}, pluck="name")
		self.assertEqual(sorted(after), sorted(before))


class TestQueuedJobs(TestCase):
	def test_every_job_that_the_last_release_queued_can_still_be_run(self):
		for path in QUEUED:
			with self.subTest(path):
				self.assertTrue(callable(frappe.get_attr(f"oropendola_payments.engine.{path}")))

	def test_an_old_path_leads_to_the_function_that_took_its_place(self):
		self.assertIs(
			frappe.get_attr("oropendola_payments.engine.refunds.drive_invoice"), process.process_invoice
		)
		self.assertIs(
			frappe.get_attr("oropendola_payments.engine.sweeps.drive_inbox"), payment_jobs.process_inbox
		)
