"""Jobs whose worker was killed. The queue notices only after up to a quarter of an hour, and until then they count as running."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta, timezone

import frappe
from frappe.utils.background_jobs import get_job

# A living worker says every 30 seconds that it still works on its job; RQ itself waits for 90 seconds.
SILENT_SECONDS = 120
APP = "oropendola_payments"


def forget_if_dead(job_id: str) -> None:
	"""Let this job be queued again if its worker died with it. What it left undone, the next run finds in the database."""
	job = get_job(job_id)
	if job and job.get_status() == "started" and _is_silent(job.last_heartbeat):
		job.delete()


def revive_schedule() -> None:
	"""The same for the jobs with which the scheduler calls our functions. Each of them calls this, so that all watch over each other."""
	with suppress(Exception):  # a queue that is down is not this job's business
		for method in _scheduled_methods():
			forget_if_dead(f"scheduled_job::{method}")


def _scheduled_methods() -> Iterator[str]:
	for events in frappe.get_hooks("scheduler_events", app_name=APP).values():
		for methods in events.values() if isinstance(events, dict) else (events,):
			yield from methods


def _is_silent(heartbeat: datetime | None) -> bool:
	if not heartbeat:
		return True
	seen = heartbeat if heartbeat.tzinfo else heartbeat.replace(tzinfo=timezone.utc)
	return datetime.now(timezone.utc) - seen > timedelta(seconds=SILENT_SECONDS)
