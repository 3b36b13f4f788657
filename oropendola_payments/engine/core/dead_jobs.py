"""Jobs whose worker was killed. The queue notices only after up to a quarter of an hour, and until then they count as running."""

import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from typing import Any

import frappe
from frappe.utils.background_jobs import get_job

# A living worker says every 30 seconds that it still works on its job; RQ itself waits for 90 seconds.
SILENT_SECONDS = 120
APP = "oropendola_payments"
JOB_TYPE = "Scheduled Job Type"


def forget_if_dead(job_id: str) -> None:
	"""Let this job be queued again if its worker died with it. What it left undone, the next run finds in the database."""
	job = get_job(job_id)
	if job and (_was_killed(job) or _was_lost(job)):
		job.delete()


def revive_schedule() -> None:
	"""The same for the jobs with which the scheduler calls our functions. Each of them calls this, so that all watch over each other."""
	with suppress(Exception):  # a queue that is down is not this job's business
		methods = {"method": ("in", list(_scheduled_methods()))}
		for row in frappe.get_all(JOB_TYPE, methods, ["name", "method"]):
			forget_if_dead(frappe.get_doc({"doctype": JOB_TYPE, **row}).rq_job_id)


def _scheduled_methods() -> Iterator[str]:
	for events in frappe.get_hooks("scheduler_events", app_name=APP).values():
		for methods in events.values() if isinstance(events, dict) else (events,):
			yield from methods


def _was_killed(job: Any) -> bool:
	"""Return whether a worker began the job and is silent. One that does not fork says nothing until the job ends or its time is over."""
	says_nothing = bool(os.environ.get("FRAPPE_BACKGROUND_WORKERS_NOFORK"))
	limit = (job.timeout or 0) + SILENT_SECONDS if says_nothing else SILENT_SECONDS
	return job.get_status() == "started" and _is_older(job.last_heartbeat, limit)


def _was_lost(job: Any) -> bool:
	"""Return whether a worker took the job out of its queue and was killed before it said that it began."""
	return (
		job.get_status() == "queued"
		and _is_older(job.enqueued_at, SILENT_SECONDS)
		and job.get_position() is None
	)


def _is_older(moment: datetime | None, seconds: int) -> bool:
	if not moment:
		return True
	aware = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
	return datetime.now(timezone.utc) - aware > timedelta(seconds=seconds)
