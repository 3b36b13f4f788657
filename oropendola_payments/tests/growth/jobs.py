"""Every scheduled job, and every invariant of the hourly check."""

import pkgutil
from collections.abc import Callable
from importlib import import_module

import frappe

from oropendola_payments.engine import jobs as room
from oropendola_payments.engine.monitoring import audit, invariants

Work = Callable[[], object]
SAMPLE = 20_000  # chains of the audit trail


def jobs() -> dict[str, Work]:
	found = {}
	for module in pkgutil.iter_modules(room.__path__):
		if not module.name.startswith("test_"):
			code = import_module(f"{room.__name__}.{module.name}")
			for name, function in vars(code).items():
				if name.startswith("run_") and function.__module__ == code.__name__:
					found[f"job {module.name}.{name}"] = function
	return dict(sorted(found.items()))


def rules() -> dict[str, Work]:
	return {f"invariant {rule}": lambda rule=rule: invariants.check((rule,)) for rule in invariants.RULES}


def verification() -> dict[str, Work]:
	return {"verify the audit trail": audit.verify}


def postpone() -> None:
	"""Nothing that the generator made is due, on whichever day it is measured."""
	frappe.db.sql(
		"UPDATE `tabPayment Attempt` SET next_check_at = NOW() + INTERVAL 30 DAY WHERE next_check_at IS NOT NULL AND name LIKE 'GROW%'"
	)
	frappe.db.sql(
		"UPDATE `tabAI Invoice` SET processing_since = NOW() + INTERVAL 30 DAY WHERE processing_since IS NOT NULL AND name LIKE 'GROW%'"
	)
	frappe.db.commit()
