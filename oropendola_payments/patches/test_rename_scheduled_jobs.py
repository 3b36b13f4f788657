"""What a site had scheduled and queued before the modules moved goes on."""

import frappe

from oropendola_payments.engine.jobs import payment_jobs
from oropendola_payments.engine.refunds import process
from oropendola_payments.patches import rename_scheduled_jobs
from oropendola_payments.tests.support.case import TestCase

OLD_METHOD = "oropendola_payments.engine.sweeps.drive_inbox"
NEW_METHOD = "oropendola_payments.engine.jobs.payment_jobs.process_inbox"
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
		frappe.db.delete("Scheduled Job Type", {"method": NEW_METHOD})
		job = frappe.get_doc(
			{"doctype": "Scheduled Job Type", "frequency": "Cron", "cron_format": "*/2 * * * *"}
		)
		job.update({"method": OLD_METHOD, **values})
		job.insert()

	def jobs(self, method: str) -> list[int]:
		return frappe.get_all("Scheduled Job Type", {"method": method}, pluck="stopped")

	def test_a_stopped_job_stays_stopped_under_its_new_name(self):
		self.make_old(stopped=1)
		rename_scheduled_jobs.execute()
		self.assertEqual((self.jobs(NEW_METHOD), self.jobs(OLD_METHOD)), ([1], []))

	def test_a_job_that_is_there_under_its_new_name_stays_and_the_old_one_goes(self):
		self.make_old(stopped=1)
		rename_scheduled_jobs.execute()
		old = frappe.get_doc("Scheduled Job Type", {"method": NEW_METHOD}).as_dict()
		frappe.get_doc({**old, "name": None, "method": OLD_METHOD, "stopped": 0}).insert()
		rename_scheduled_jobs.execute()
		self.assertEqual((self.jobs(NEW_METHOD), self.jobs(OLD_METHOD)), ([1], []))

	def test_running_twice_changes_nothing(self):
		self.make_old(stopped=1)
		rename_scheduled_jobs.execute()
		rename_scheduled_jobs.execute()
		self.assertEqual(self.jobs(NEW_METHOD), [1])

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
