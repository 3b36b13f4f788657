"""Queues the jobs of `scheduler_events` when they are due."""

import frappe
from frappe._absent import _absent
from frappe.utils import cint


def enqueue_events(site: str) -> list[str] | None:
	"""Give the functions that were queued."""
	queued = []
	for name in frappe.get_all("Scheduled Job Type", filters={"stopped": 0}, pluck="name"):
		job_type = frappe.get_doc("Scheduled Job Type", name)
		if job_type.enqueue():
			queued.append(job_type.method)
	return queued


def is_scheduler_inactive(verbose=True) -> bool:
	conf = frappe.local.conf
	return bool(conf.maintenance_mode or conf.pause_scheduler) or is_scheduler_disabled(verbose=verbose)


def is_scheduler_disabled(verbose=True) -> bool:
	if frappe.conf.disable_scheduler:
		return True
	return not cint(frappe.db.get_single_value("System Settings", "enable_scheduler"))


def toggle_scheduler(enable):
	frappe.db.set_single_value("System Settings", "enable_scheduler", int(enable))


def enable_scheduler():
	toggle_scheduler(True)


def disable_scheduler():
	toggle_scheduler(False)


@frappe.whitelist()
def get_scheduler_status():
	return {"status": "inactive" if is_scheduler_inactive() else "active"}


def get_scheduler_tick() -> int:
	return cint(frappe.get_conf().scheduler_tick_interval) or 60


__getattr__ = _absent("frappe.utils.scheduler")
