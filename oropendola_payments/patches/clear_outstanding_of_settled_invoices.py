"""A partly paid invoice that was refunded kept the rest as outstanding, although nobody owes it any more."""

import frappe


def execute() -> None:
	settled = {"status": ("in", ("Paid", "Partly Refunded", "Refunded")), "outstanding_amount": ("!=", 0)}
	frappe.db.set_value("AI Invoice", settled, "outstanding_amount", 0, update_modified=False)
