"""Invoices that were paid before the app numbered documents get no number afterwards: their receipts stand as they are."""

import frappe

MARK = """
	UPDATE `tabAI Invoice` SET document_state = 'Before Numbering'
	WHERE status IN ('Paid', 'Partly Refunded', 'Refunded') AND (document_state IS NULL OR document_state = '')
"""


def execute() -> None:
	frappe.db.sql(MARK)
