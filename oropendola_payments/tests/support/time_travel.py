"""Makes records of one invoice due now. Nothing sleeps and no clock is changed."""

from datetime import timedelta

import frappe
from frappe.utils import now_datetime

from oropendola_payments.engine.jobs import payment_jobs
from oropendola_payments.engine.refunds import process as refunds
from oropendola_payments.tests.support.simulated import simulator

OPEN_REFUNDS = ("Created", "Processing", "Unknown")


def make_due(invoice: str, minutes: int = 45):
	"""Set back the times of the invoice, its attempts and its refunds by so many minutes."""
	then = now_datetime() - timedelta(minutes=minutes)
	frappe.db.sql(
		"UPDATE `tabAI Invoice` SET processing_since = %s WHERE name = %s AND processing_since IS NOT NULL",
		(then, invoice),
	)
	frappe.db.sql(
		"UPDATE `tabPayment Attempt` SET initiated_at = %s, next_check_at = %s, last_check_at = NULL"
		" WHERE invoice = %s AND next_check_at IS NOT NULL",
		(then, then, invoice),
	)
	frappe.db.sql(
		"UPDATE `tabPayment Refund` SET next_check_at = %s WHERE invoice = %s AND status IN %s",
		(then, invoice, OPEN_REFUNDS),
	)
	frappe.db.sql(
		"UPDATE `tabPayment Webhook Log` SET next_attempt_at = %s WHERE status IN ('Received', 'Failed')",
		(then,),
	)
	frappe.db.commit()


def forget_failures(user: str):
	"""As if the failed payments of this customer had happened two hours ago."""
	earlier, recent = (now_datetime() - timedelta(hours=hours) for hours in (2, 1))
	frappe.db.sql(
		"UPDATE `tabPayment Attempt` SET creation = %s WHERE `user` = %s AND status = 'Failed' AND creation > %s",
		(earlier, user, recent),
	)
	frappe.db.commit()


def clear_due_records():
	"""Make records of earlier tests not due any more, so that sweeps process the records of this test only."""
	frappe.db.sql("UPDATE `tabPayment Attempt` SET next_check_at = NULL WHERE next_check_at IS NOT NULL")
	frappe.db.sql("UPDATE `tabPayment Refund` SET next_check_at = NULL WHERE next_check_at IS NOT NULL")
	frappe.db.sql("UPDATE `tabAI Invoice` SET processing_since = NULL WHERE processing_since IS NOT NULL")
	frappe.db.sql(
		"UPDATE `tabPayment Webhook Log` SET status = 'Ignored', next_attempt_at = NULL WHERE status IN ('Received', 'Failed')"
	)
	frappe.db.commit()


def sweep(invoice: str, minutes: int = 45):
	"""All sweeps once, in the order in which a busy scheduler might run them."""
	make_due(invoice, minutes)
	payment_jobs.run_inbox()
	payment_jobs.run_reconcile()
	make_due(invoice, minutes)
	payment_jobs.run_abandoned()
	refunds.process_invoice(invoice)
	payment_jobs.run_refunds()


def finish_refunds(gateway: str, invoice: str):
	"""The bank carries out every refund of the gateway, and the site polls it."""
	sim = simulator()
	for refund in sim.refunds(gateway):
		if refund.state == "pending":
			sim.finish_refund(gateway, refund.key)
	for _round in range(3):
		if frappe.db.exists("Payment Refund", {"invoice": invoice, "status": ("in", OPEN_REFUNDS)}):
			make_due(invoice)
			payment_jobs.run_refunds()


def sweep_until_settled(journey, rounds: int = 3):
	"""Run all sweeps until nothing is wrong any more, a few times at most."""
	for _round in range(rounds):
		sweep(journey.invoice)
		for gateway in journey.gateways():
			finish_refunds(gateway, journey.invoice)
		if not journey.problems():
			return
