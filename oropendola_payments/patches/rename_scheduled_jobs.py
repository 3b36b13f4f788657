"""The scheduler's jobs moved with their modules: keep what an administrator stopped or rescheduled, and their logs."""

import frappe

OLD, NEW = "oropendola_payments.engine.", "oropendola_payments.engine.jobs."
MODULES = {"sweeps": "payment_jobs", "subscription_sweeps": "subscription_jobs"}
FUNCTIONS = {"drive_inbox": "process_inbox"}


def execute() -> None:
	for name, method in frappe.get_all(
		"Scheduled Job Type", {"method": ("like", f"{OLD}%")}, ["name", "method"], as_list=True
	):
		module, _dot, function = method.removeprefix(OLD).partition(".")
		if module in MODULES:
			_rename(name, f"{MODULES[module]}.{FUNCTIONS.get(function, function)}")


def _rename(old: str, new: str) -> None:
	"""The framework names a job after the last two words of its method."""
	if frappe.db.exists("Scheduled Job Type", new):
		frappe.db.delete("Scheduled Job Type", {"name": old})
		return
	frappe.db.sql(
		"UPDATE `tabScheduled Job Type` SET `name` = %s, `method` = %s WHERE `name` = %s",
		(new, NEW + new, old),
	)
	frappe.db.set_value("Scheduled Job Log", {"scheduled_job_type": old}, "scheduled_job_type", new)
