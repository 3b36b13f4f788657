"""Payout jobs: fetch what gateways paid out, compare it with our records, and find what is missing or untold."""

import frappe

from oropendola_payments.ai_billing.doctype.payment_event.payment_event import acting_as
from oropendola_payments.engine.core.batch import enqueue_sweep
from oropendola_payments.engine.payouts import fetch, reconcile, record
from oropendola_payments.engine.payouts.settings import SETTINGS

THIS = "oropendola_payments.engine.jobs.payout_jobs"


def fetch_payouts() -> None:
	enqueue_sweep(f"{THIS}.run_payouts")


def run_payouts() -> dict[str, dict]:
	"""Fetch and compare payouts, look for missed payments, and tell other apps. A gateway that cannot be fetched stops no other."""
	with acting_as("Reconcile"):
		done = fetch.fetch_all()
		reconcile.check_due()
		settings = frappe.get_all(SETTINGS, fields=["gateway", "payouts_since"])
		for gateway in (row.gateway for row in settings if row.payouts_since):
			reconcile.find_missed(gateway)
			reconcile.recheck_refunds(gateway)
			reconcile.recheck_disputes(gateway)
			reconcile.recheck(gateway)
		record.tell_untold()
	return done
