"""One record per function in `scheduler_events`: when it ran last and whether it is due."""

import json
import sys
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
		"""Queue the job when it is due and not queued already; say whether it was queued."""
		if not (force or self.is_event_due()) or self.is_job_in_queue():
			return False
		enqueue(
			"frappe.core.doctype.scheduled_job_type.scheduled_job_type.run_scheduled_job",
			queue=self.get_queue_name(),
			job_type=self.method,
			job_id=self.rq_job_id,
		)
		return True

	def is_event_due(self, current_time=None):
		return self.get_next_execution() <= (current_time or now_datetime())

	def is_job_in_queue(self) -> bool:
		return is_job_enqueued(self.rq_job_id)

	@property
	def rq_job_id(self):
		return f"scheduled_job::{self.method}"

	@property
	def next_execution(self):
		return self.get_next_execution()

	def get_next_execution(self):
		cron = self.cron_format or _CRON_OF_FREQUENCY[self.frequency.removesuffix(" Long")]
		since = get_datetime(self.last_execution or self.creation)
		return croniter(cron, since).get_next(datetime)

	def execute(self):
		"""Run the function in an own transaction, and record how it went."""
		self.scheduler_log = None
		self.log_status("Start")
		try:
			frappe.get_attr(self.method)()
			frappe.db.commit()
			self.log_status("Complete")
		except Exception:
			frappe.db.rollback()
			self.log_status("Failed")

	def log_status(self, status):
		self.update_scheduler_log(status)

	def update_scheduler_log(self, status):
		if status == "Start" or not self.create_log:
			self.db_set("last_execution", now_datetime(), update_modified=False)
		if self.create_log:
			self._write_log(status)
		frappe.db.commit()

	def _write_log(self, status: str) -> None:
		if not self.scheduler_log:
			log = {"doctype": "Scheduled Job Log", "scheduled_job_type": self.name}
			self.scheduler_log = frappe.get_doc(log).insert(ignore_permissions=True)
		self.scheduler_log.db_set("status", status)
		if status == "Failed":
			self.scheduler_log.db_set("details", frappe.get_traceback(with_context=True))

	def get_queue_name(self):
		return "long" if "Long" in self.frequency else "default"

	def on_trash(self):
		frappe.db.delete("Scheduled Job Log", {"scheduled_job_type": self.name})


@frappe.whitelist()
def execute_event(doc: str):
	frappe.only_for("System Manager")
	doc = json.loads(doc)
	frappe.get_doc("Scheduled Job Type", doc.get("name")).enqueue(force=True)
	return doc


def run_scheduled_job(job_type: str):
	frappe.get_doc("Scheduled Job Type", {"method": job_type}).execute()


def sync_jobs(hooks: dict | None = None):
	"""Make the records agree with the apps' `scheduler_events`."""
	wanted = insert_events(hooks or frappe.get_hooks("scheduler_events", {}))
	clear_events(wanted)


def insert_events(scheduler_events: dict) -> list:
	inserted = []
	for event_type, events in scheduler_events.items():
		by_format = events if isinstance(events, dict) else {None: events}
		frequency = "Cron" if isinstance(events, dict) else event_type.replace("_", " ").title()
		for cron_format, methods in by_format.items():
			for method in methods:
				insert_single_event(frequency, method, cron_format)
				inserted.append(method)
	return inserted


def insert_single_event(frequency: str, event: str, cron_format: str | None = None):
	try:
		frappe.get_attr(event)
	except Exception as error:
		print(f"{event} is not a valid method: {error}", file=sys.stderr)
	values = {"method": event, "frequency": frequency, "cron_format": cron_format}
	name = frappe.db.exists("Scheduled Job Type", {"method": event})
	if name:
		frappe.db.set_value("Scheduled Job Type", name, values, update_modified=False)
	else:
		frappe.get_doc({"doctype": "Scheduled Job Type", **values}).insert(ignore_permissions=True)


def clear_events(all_events: list):
	for job in frappe.get_all("Scheduled Job Type", fields=["name", "method"]):
		if job.method not in all_events:
			frappe.delete_doc("Scheduled Job Type", job.name, ignore_permissions=True)
