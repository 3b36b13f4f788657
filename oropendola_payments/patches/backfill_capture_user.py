"""Captures and refunds name their customer, so that an export shows them. Older rows get it from their invoice."""

import frappe


def execute() -> None:
	for doctype in ("Payment Capture", "Payment Refund"):
		frappe.db.sql(
			f"UPDATE `tab{doctype}` SET `user` = (SELECT i.user FROM `tabAI Invoice` i WHERE i.name = invoice)"  # noqa: S608
			" WHERE `user` IS NULL"
		)
