"""What happens in ERPNext to Payment Requests that we can be paid for."""

import frappe

from oropendola_payments.integrations.erpnext.types import REQUEST, Foreign
from oropendola_payments.integrations.payments_app import close
from oropendola_payments.money import quantize


def request_cancelling(request: Foreign) -> None:
	close.require_nothing_under_way(REQUEST, request.name)


def request_cancelled(request: Foreign) -> None:
	close.close(REQUEST, request.name)


def payment_changed(entry: Foreign) -> None:
	"""After an entry was submitted or cancelled: whoever opens a payment link is asked for what is still due."""
	names = {row.payment_request for row in entry.references if row.get("payment_request")}
	for name in sorted(names):
		row = frappe.db.get_value(REQUEST, name, ["outstanding_amount", "currency"], as_dict=True)
		if row:
			close.follow(REQUEST, name, quantize(row.outstanding_amount or 0, row.currency))
