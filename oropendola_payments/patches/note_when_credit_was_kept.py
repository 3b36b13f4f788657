"""Note since when what had paid an invoice is credit of the customer, as the audit trail says, and count those days again."""

import frappe

from oropendola_payments.ai_billing.daily.marks import figures_changed

KEPT = {"to_status": "Credit", "event": ("in", ("surplus_decided", "unused_days_given_back"))}


def execute() -> None:
	table = frappe.qb.DocType("Payment Capture")
	query = frappe.qb.from_(table).select(table.name, table.modified)
	query = query.where((table.resolution == "Credit") & table.credited_on.isnull())
	for capture in query.run(as_dict=True):
		events = {**KEPT, "reference_doctype": "Payment Capture", "reference_name": capture.name}
		moment = (
			frappe.db.get_value("Payment Event", events, "occurred_at", order_by="occurred_at desc")
			or capture.modified
		)
		frappe.db.set_value("Payment Capture", capture.name, "credited_on", moment, update_modified=False)
		done = {"capture": capture.name, "status": "Refunded"}
		figures_changed([moment, *frappe.get_all("Payment Refund", done, pluck="completed_at")])
