"""Telling Payments Managers what needs them."""

import frappe


def run(broken: dict[str, list[str]]):
	"""Log what must not be. The number alone does not decide: another record is another alert."""
	if broken:
		frappe.log_error(title="Payments: a promise is broken", message=frappe.as_json(broken))
		frappe.db.commit()
