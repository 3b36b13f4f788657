"""Queues the jobs of `scheduler_events` when they are due."""

import frappe
from frappe._absent import _absent
from frappe.utils import cint


def _enqueue_due() -> list[str]:
	"""Queue what is due. Return the functions that were queued."""
	names = frappe.get_all("Scheduled Job Type", filters={"stopped": 0}, pluck="name")
	jobs = [frappe.get_doc("Scheduled Job Type", name) for name in names]
	return [job.method for job in jobs if job.enqueue()]


def is_scheduler_inactive(verbose=True) -> bool:
	conf = frappe.local.conf
	if conf.maintenance_mode or conf.pause_scheduler or conf.disable_scheduler:
		return True
	return not cint(frappe.db.get_single_value("System Settings", "enable_scheduler"))


_absent("frappe.utils.scheduler")
