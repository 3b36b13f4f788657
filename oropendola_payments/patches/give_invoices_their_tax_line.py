"""Invoices have tax lines: what an older invoice says about its tax becomes one line. No party and no rule is invented."""

import frappe

# A line bears the name of its invoice, so that a second run finds it.
ADD = """
	INSERT INTO `tabAI Invoice Tax` (name, creation, modified, owner, modified_by, docstatus, idx, parent, parenttype, parentfield,
		label, rate, taxable_amount, amount)
	SELECT i.name, i.creation, i.creation, i.owner, i.owner, 0, 1, i.name, 'AI Invoice', 'taxes',
		COALESCE(NULLIF(i.tax_label, ''), 'Tax'), i.tax_rate, i.net_amount, i.tax_amount
	FROM `tabAI Invoice` i
	WHERE i.tax_amount > 0 AND NOT EXISTS (SELECT 1 FROM `tabAI Invoice Tax` t WHERE t.parent = i.name)
"""


def execute() -> None:
	frappe.db.sql(ADD)
