"""Payments, refunds and disputes at one simulated gateway, until it pays them out."""

import io

import frappe

from oropendola_payments.ai_billing.current import forget
from oropendola_payments.ai_billing.doctype.payment_payout_mapping.payment_payout_mapping import values_of
from oropendola_payments.ai_billing.known_gateways import adapter_class
from oropendola_payments.engine.payouts import imports, reconcile
from oropendola_payments.engine.payouts.record import record_all
from oropendola_payments.engine.payouts.spool import Spool
from oropendola_payments.gateways.payouts import LineKind, Payout, PayoutLine
from oropendola_payments.tests.support.factories import enable_gateway, unique
from oropendola_payments.tests.support.journey import Journey
from oropendola_payments.tests.support.simulated import simulator
from oropendola_payments.tests.support.time_travel import finish_refunds

SETTINGS = "Payment Gateway Settings"
WITH_API = ("razorpay", "stripe", "cashfree", "paypal", "payu")
REMITTANCE = {
	"payout_id_column": "Remittance",
	"paid_on_column": "Remitted",
	"kind_column": "Type",
	"payment_id_column": "Payment",
	"refund_id_column": "Refund",
	"currency_column": "Currency",
	"amount_column": "Gross",
	"fee_column": "Charge",
	"tax_column": "VAT",
	"kinds": "Sale = Capture\nRefund = Refund\nChargeback = Dispute",
}


def start_afresh(gateway: str):
	"""A gateway that has never paid out anything."""
	simulator().reset()
	settings = enable_gateway(gateway)
	values = {"payouts_since": None, "payouts_fetched_until": None, "payout_error": None, "payout_days": 7}
	frappe.db.set_value(SETTINGS, settings.name, {**values, "fees_in_payouts": 1, "fetch_payouts": 1})
	for doctype in ("Payment Payout Difference", "Payment Payout Line", "Payment Payout"):
		frappe.db.delete(doctype, {"gateway": gateway})
	frappe.db.delete("Payment Payout Mapping", {"gateway": gateway})
	forget(SETTINGS)
	frappe.db.commit()


def set_payouts(gateway: str, **values):
	frappe.db.set_value(SETTINGS, {"gateway": gateway}, values)
	forget(SETTINGS)
	frappe.db.commit()


def paid(gateway: str, **plan) -> Journey:
	"""A payment that both the gateway and the site know."""
	journey = Journey(gateway, **plan)
	journey.deliver_return(journey.customer_pays(journey.start()))
	journey.deliver_all()
	assert journey.captures(), journey.status()
	return journey


def refunded(journey: Journey, amount) -> Journey:
	journey.refund(amount)
	finish_refunds(journey.gateway, journey.invoice)
	return journey


def report(gateway: str, *payouts) -> bytes:
	"""The file that a merchant downloads."""
	return simulator().provider(gateway).report(*payouts).encode()


def import_report(gateway: str, content: bytes, **options) -> dict:
	if gateway == "cashflows":
		options.setdefault("columns", REMITTANCE)
	if gateway == "paypal":  # only the merchant knows in which order PayPal writes day and month
		usual = values_of(adapter_class(gateway).payout_file)
		options.setdefault("columns", {**usual, "date_order": "Month first"})
	return imports.import_file(gateway, io.BytesIO(content), **options)


def differences(gateway: str, status: str = "Open") -> list[tuple]:
	"""(kind, subject, difference) of the differences of a gateway."""
	fields = ["kind", "subject", "difference"]
	rows = frappe.get_all(
		"Payment Payout Difference", {"gateway": gateway, "status": status}, fields, order_by="kind, subject"
	)
	return [(row.kind, row.subject, float(row.difference)) for row in rows]


def unknown_payout(gateway: str) -> dict[str, str]:
	"""A payout whose only line nobody knows: the names of its records by their DocType."""
	name = unique("pay")
	with Spool() as spool:
		spool.add(Payout(name, "INR", 100))
		spool.add(PayoutLine(name, LineKind.CAPTURE, 100, "INR", name, payment_id=name))
		record_all(gateway, spool, "API", "Simulator")
	reconcile.check_due()
	difference = frappe.get_doc("Payment Payout Difference", {"subject": name, "kind": "Unknown"})
	return {
		"Payment Payout": difference.payout,
		"Payment Payout Line": difference.line,
		"Payment Payout Difference": difference.name,
	}


def payouts(gateway: str) -> list:
	names = frappe.get_all("Payment Payout", {"gateway": gateway}, pluck="name", order_by="name")
	return [frappe.get_doc("Payment Payout", name) for name in names]


def lines(payout: str) -> list:
	return frappe.get_all("Payment Payout Line", {"payout": payout}, ["*"], order_by="kind, name")


def one_payout(theirs) -> Payout:
	"""What a manager enters about a file that is one payout and does not say which."""
	return Payout(theirs.payout_id, theirs.currency, None, theirs.created_at.date())
