"""A second account of a gateway, of another company, for the time of a test."""

from contextlib import contextmanager

import frappe

from oropendola_payments.ai_billing import current

SETTINGS, COMPANY = "Payment Gateway Settings", "Acme"


@contextmanager
def another_account(gateway: str = "razorpay", suffix: str = "acme", **values):
	doc = frappe.new_doc(SETTINGS)
	doc.update({"label": f"{gateway.title()} {suffix.title()}", "gateway": f"{gateway}_{suffix}"})
	doc.update({"enabled": 1, "mode": "Simulator", "company": COMPANY, "documents_only": 1, **values})
	doc.insert(ignore_permissions=True)
	frappe.db.commit()
	try:
		yield doc
	finally:
		frappe.db.rollback()
		# A deletion is refused where an account has payments.
		frappe.db.delete(SETTINGS, {"name": doc.name})
		current.changed(doc)
		frappe.db.commit()
