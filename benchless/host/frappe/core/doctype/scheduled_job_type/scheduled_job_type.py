"""One record per function in `scheduler_events`: when it ran last and whether it is due."""

from datetime import datetime

import frappe
from croniter import croniter
from frappe.model.document import Document
from frappe.utils import get_datetime, now_datetime
from frappe.utils.background_jobs import enqueue, is_job_enqueued

_CRON_OF_FREQUENCY = {
	"Yearly": "0 0 1 1 *",
	"Annual": "0 0 1 1 *",
	"Monthly": "0 0 1 * *",
	"Weekly": "0 0 * * 0",
	"Daily": "0 0 * * *",
	"Hourly": "0 * * * *",
	"All": "*/4 * * * *",
}


class ScheduledJobType(Document):
	def autoname(self):
		self.name = ".".join(self.method.split(".")[-2:])

	def validate(self):
		if self.frequency != "All":
			self.create_log = 1

	def enqueue(self, force=False) -> bool:
		"""Queue the job if it is due and not queued already; True if it was queued."""
		if not (force or self.is_event_due()) or is_job_enqueued(self.rq_job_id):
			return False
		queue = "long" if "Long" in self.frequency else "default"
		enqueue(run_scheduled_job, queue=queue, job_type=self.method, job_id=self.rq_job_id)
		return True

	@property
	def rq_job_id(self) -> str:
		return f"scheduled_job::{self.method}"

	def is_event_due(self, current_time=None):
		cron = self.cron_format or _CRON_OF_FREQUENCY[self.frequency.removesuffix(" Long")]
		since = get_datetime(self.last_execution or self.creation)
		return croniter(cron, since).get_next(datetime) <= (current_time or now_datetime())

	def execute(self):
		"""Run the function in its own transaction, and record the result."""
		self.db_set("last_execution", now_datetime(), update_modified=False)
		log = frappe.new_doc("Scheduled Job Log", scheduled_job_type=self.name)
		if self.create_log:
			log.insert(ignore_permissions=True)
		frappe.db.commit()
		result = {"status": "Complete"}
		try:
			frappe.get_attr(self.method)()
		except Exception:
			frappe.db.rollback()
			result = {"status": "Failed", "details": frappe.get_traceback()}
		if self.create_log:
			log.db_set(result)
		frappe.db.commit()


def run_scheduled_job(job_type: str):
	frappe.get_doc("Scheduled Job Type", {"method": job_type}).execute()


def sync_jobs(hooks: dict | None = None):
	"""Bring the records in line with the apps' `scheduler_events`."""
	events = hooks or frappe.get_hooks("scheduler_events", {})
	wanted = [event for frequency in events for event in _events_of(frequency, events[frequency])]
	for event in wanted:
		_sync(event)
	methods = [event["method"] for event in wanted]
	for job in frappe.get_all("Scheduled Job Type", fields=["name", "method"]):
		if job.method not in methods:
			frappe.delete_doc("Scheduled Job Type", job.name, force=True, ignore_permissions=True)
			frappe.db.delete("Scheduled Job Log", {"scheduled_job_type": job.name})


def _events_of(frequency: str, methods: list | dict) -> list[dict]:
	by_format = methods if isinstance(methods, dict) else {None: methods}
	name = "Cron" if isinstance(methods, dict) else frequency.replace("_", " ").title()
	return [
		{"method": method, "frequency": name, "cron_format": cron}
		for cron, listed in by_format.items()
		for method in listed
	]


def _sync(event: dict):
	frappe.get_attr(event["method"])  # fails at once if the hook names a missing function
	name = frappe.db.exists("Scheduled Job Type", {"method": event["method"]})
	if name:
		frappe.db.set_value("Scheduled Job Type", name, event, update_modified=False)
	else:
		frappe.get_doc({"doctype": "Scheduled Job Type", **event}).insert(ignore_permissions=True)
