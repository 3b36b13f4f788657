"""A customer gets one trial, whatever the plan: mark the subscriptions that began with one."""

import frappe

# A period that began without a payment is a trial, unless the plan is free.
MARK = """
	UPDATE `tabAI Subscription` SET had_trial = 1
	WHERE had_trial = 0 AND start_date IS NOT NULL
		AND plan IN (SELECT name FROM `tabAI Plan` WHERE is_free = 0 AND trial_days > 0)
		AND (status = 'Trial' OR NOT EXISTS (
			SELECT 1 FROM `tabAI Invoice` i
			WHERE i.subscription = `tabAI Subscription`.name AND i.period_start = `tabAI Subscription`.start_date))
"""


def execute() -> None:
	frappe.db.sql(MARK)
