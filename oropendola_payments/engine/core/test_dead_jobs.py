import os
from datetime import datetime, timedelta, timezone
from unittest.mock import patch

import frappe
from frappe.utils.background_jobs import get_job, get_queue

from oropendola_payments.engine.core.after_commit import enqueue_once
from oropendola_payments.engine.jobs import payment_jobs
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import unique

WORK = "oropendola_payments.engine.jobs.payment_jobs.run_refunds"
SCHEDULED = "oropendola_payments.engine.jobs.payment_jobs.reconcile_attempts"


class TestDeadJobs(TestCase):
	def setUp(self):
		self.job = unique("sweep")
		self.job_id = f"oropendola::{self.job}"
		enqueue_once(WORK, self.job)
		self.addCleanup(lambda: get_job(self.job_id).delete())

	def start(self, seconds_ago: int):
		"""As a worker starts the job and then says nothing more."""
		job = get_job(self.job_id)
		job.set_status("started")
		job.heartbeat(datetime.now(timezone.utc) - timedelta(seconds=seconds_ago), 90)

	def status_after_another_call(self) -> str:
		enqueue_once(WORK, self.job)
		return get_job(self.job_id).get_status()

	def queued_at(self) -> datetime:
		"""In UTC; the RQ of Frappe 15 does not say so."""
		return get_job(self.job_id).enqueued_at.replace(tzinfo=None)

	def test_a_job_whose_worker_was_killed_is_queued_again(self):
		self.start(seconds_ago=180)
		self.assertEqual(self.status_after_another_call(), "queued")

	def test_a_job_that_was_taken_out_of_its_queue_and_never_began_is_queued_again(self):
		"""A worker that is killed between the two leaves it so, and it would count as queued for ever."""
		first = get_job(self.job_id)
		for seconds, is_same in ((60, True), (180, False)):
			first.enqueued_at = datetime.now(timezone.utc) - timedelta(seconds=seconds)
			self.take_out_of_the_queue(first)
			self.assertEqual(self.status_after_another_call(), "queued")
			self.assertEqual(self.queued_at() == first.enqueued_at.replace(tzinfo=None), is_same)

	def take_out_of_the_queue(self, job):
		job.save()
		get_queue(job.origin.split(":")[-1]).remove(job)  # a bench puts its name before it

	def test_a_job_that_waits_in_its_queue_is_not_queued_again(self):
		job = get_job(self.job_id)
		job.enqueued_at = datetime.now(timezone.utc) - timedelta(hours=1)
		job.save()
		self.status_after_another_call()
		self.assertEqual(self.queued_at(), job.enqueued_at.replace(tzinfo=None))

	def test_a_worker_that_does_not_fork_is_given_the_whole_time_of_its_job(self):
		with patch.dict(os.environ, {"FRAPPE_BACKGROUND_WORKERS_NOFORK": "1"}):
			self.start(seconds_ago=180)
			self.assertEqual(self.status_after_another_call(), "started")

	def test_a_job_that_runs_is_not_queued_again(self):
		self.start(seconds_ago=60)
		self.assertEqual(self.status_after_another_call(), "started")

	def test_a_scheduled_job_whose_worker_was_killed_is_scheduled_again(self):
		self.job_id = frappe.get_doc("Scheduled Job Type", {"method": SCHEDULED}).rq_job_id
		frappe.enqueue(SCHEDULED, job_id=self.job_id)
		for seconds, is_there in ((60, True), (180, False)):
			self.start(seconds_ago=seconds)
			payment_jobs.poll_refunds()
			self.assertEqual(bool(get_job(self.job_id)), is_there)
		frappe.enqueue(SCHEDULED, job_id=self.job_id)

	def test_a_queue_that_is_down_costs_the_caller_nothing(self):
		frappe.local.conf.redis_queue, before = None, frappe.local.conf.get("redis_queue")
		try:
			enqueue_once(WORK, self.job)
		finally:
			frappe.local.conf.redis_queue = before
