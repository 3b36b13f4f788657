"""The scheduler's jobs moved with their modules: keep what an administrator stopped or rescheduled, and their logs."""

import frappe

OLD, NEW = "oropendola_payments.engine.", "oropendola_payments.engine.jobs."
MODULES = {"sweeps": "payment_jobs", "subscription_sweeps": "subscription_jobs"}
FUNCTIONS = {"drive_inbox": "process_inbox"}


def execute() -> None:
	old = {"method": ("like", f"{OLD}%")}
	for name, method in frappe.get_all("Scheduled Job Type", old, ["name", "method"], as_list=True):
		module, _dot, function = method.removeprefix(OLD).partition(".")
		if module in MODULES:
			_rename(name, method, f"{MODULES[module]}.{FUNCTIONS.get(function, function)}")


def _rename(name: str, method: str, words: str) -> None:
	"""Frappe 15 names a job after the last two words of its method, Frappe 16 at random."""
	if frappe.db.exists("Scheduled Job Type", {"method": NEW + words}):
		frappe.db.delete("Scheduled Job Type", {"name": name})
		return
	new = words if name == ".".join(method.split(".")[-2:]) else name
	frappe.db.sql(
		"UPDATE `tabScheduled Job Type` SET `name` = %s, `method` = %s WHERE `name` = %s",
		(new, NEW + words, name),
	)
	if new != name:
		frappe.db.set_value("Scheduled Job Log", {"scheduled_job_type": name}, "scheduled_job_type", new)
