"""Invariants: SQL queries that must return no rows. Each row is a record that violates the invariant."""

from datetime import timedelta

import frappe
from frappe.utils import now_datetime

from oropendola_payments.ai_billing import last_check
from oropendola_payments.ai_billing.periods import today
from oropendola_payments.engine.day_figures.rules import DAY_RULES
from oropendola_payments.engine.monitoring import webhook_rules
from oropendola_payments.engine.monitoring.credit_rules import CREDIT_RULES
from oropendola_payments.engine.monitoring.document_rules import DOCUMENT_RULES
from oropendola_payments.engine.monitoring.payout_rules import PAYOUT_RULES
from oropendola_payments.engine.monitoring.usage_rules import USAGE_RULES

LIMIT = last_check.MOST

RULES = {
	"paid_without_service": """
		SELECT i.name FROM `tabAI Invoice` i JOIN `tabAI Subscription` s ON s.name = i.subscription
		WHERE i.status = 'Paid' AND i.fulfilled_on IS NULL AND s.status <> 'Cancelled'
			AND NOT EXISTS (SELECT 1 FROM `tabPayment Capture` c WHERE c.invoice = i.name AND c.resolution <> '')""",
	"service_without_money": """
		SELECT s.name FROM `tabAI Subscription` s JOIN `tabAI Plan` p ON p.name = s.plan
		WHERE s.status = 'Active' AND p.is_free = 0 AND NOT EXISTS (
			SELECT 1 FROM `tabAI Invoice` i WHERE i.subscription = s.name AND (
				(i.fulfilled_on IS NOT NULL AND i.status IN ('Paid', 'Partly Refunded', 'Refunded'))
				OR (i.covered_days > 0 AND i.amount_paid > 0)))""",
	"service_without_period": """
		SELECT name FROM `tabAI Subscription` WHERE status = 'Active' AND end_date IS NULL AND plan IN (
			SELECT name FROM `tabAI Plan` WHERE is_free = 0)""",
	"period_before_payment": """
		SELECT i.name FROM `tabAI Invoice` i WHERE i.fulfilled_on > %(day_ago)s AND i.period_start < DATE(i.fulfilled_on)
			AND i.covered_days = 0
			AND NOT EXISTS (SELECT 1 FROM `tabAI Subscription` s WHERE s.name = i.subscription AND s.status = 'Paused')""",
	"quota_without_service": """
		SELECT name FROM `tabAI Subscription` WHERE status IN ('Past Due', 'Expired', 'Cancelled')
			AND (daily_quota_limit <> 0 OR daily_quota_remaining <> 0 OR api_key_link IS NOT NULL)""",
	"cancelled_but_running": """
		SELECT name FROM `tabAI Subscription` WHERE cancel_at_period_end = 1 AND end_date < %(days_ago)s
			AND status IN ('Active', 'Trial', 'Past Due', 'Expired', 'Cancelled')""",
	"pause_that_did_not_end": """
		SELECT name FROM `tabAI Subscription` WHERE status = 'Paused' AND pause_until < %(days_ago)s""",
	"paused_without_dates": """
		SELECT name FROM `tabAI Subscription`
		WHERE (status = 'Paused' AND (paused_on IS NULL OR pause_until IS NULL OR end_date IS NULL OR api_key_link IS NOT NULL))
			OR (status <> 'Paused' AND (paused_on IS NOT NULL OR pause_until IS NOT NULL))""",
	"several_default_subscriptions": """
		SELECT s.name FROM `tabAI Subscription` s WHERE s.is_default = 1 AND EXISTS (
			SELECT 1 FROM `tabAI Subscription` o WHERE o.user = s.user AND o.is_default = 1 AND o.name < s.name)""",
	"paid_amount_differs_from_captures": """
		SELECT i.name FROM `tabAI Invoice` i LEFT JOIN `tabPayment Capture` c ON c.invoice = i.name
		GROUP BY i.name, i.amount_paid HAVING ABS(i.amount_paid - COALESCE(SUM(c.applied_amount), 0)) > 0.0000001""",
	"paid_with_less_than_the_total": """
		SELECT name FROM `tabAI Invoice` WHERE status = 'Paid' AND fulfilled_on IS NOT NULL AND amount_paid < total_amount""",
	"total_differs_from_net_and_tax": """
		SELECT name FROM `tabAI Invoice` WHERE ABS(net_amount + tax_amount - total_amount) > 0.0000001""",
	"tax_lines_differ": """
		SELECT i.name FROM `tabAI Invoice` i LEFT JOIN `tabAI Invoice Tax` t ON t.parent = i.name
		GROUP BY i.name, i.tax_amount HAVING ABS(i.tax_amount - COALESCE(SUM(t.amount), 0)) > 0.0000001""",
	"capture_without_a_fate": """
		SELECT name FROM `tabPayment Capture` WHERE disposition IN ('Duplicate', 'Overpaid')
			AND (resolution IS NULL OR resolution = '')""",
	"part_without_a_fate": """
		SELECT c.name FROM `tabPayment Capture` c JOIN `tabAI Invoice` i ON i.name = c.invoice
			JOIN `tabAI Subscription` s ON s.name = i.subscription
		WHERE (i.status = 'Closed' OR (i.status = 'Partly Paid' AND s.status = 'Cancelled'))
			AND i.covered_days = 0 AND c.applied_amount > 0
			AND (c.resolution IS NULL OR c.resolution = '') AND c.amount_refunded < c.amount""",
	"mismatch_without_review": """
		SELECT c.name FROM `tabPayment Capture` c JOIN `tabAI Invoice` i ON i.name = c.invoice
		WHERE c.disposition = 'Mismatch' AND i.needs_review = 0 AND (c.note IS NULL OR c.note = '')""",
	"refunds_above_capture": """
		SELECT c.name FROM `tabPayment Capture` c JOIN `tabPayment Refund` r ON r.capture = c.name
		WHERE r.status IN ('Created', 'Processing', 'Unknown', 'Refunded')
		GROUP BY c.name, c.amount, c.credit_used HAVING SUM(r.amount) + c.credit_used > c.amount + 0.0000001""",
	"refund_balance_differs": """
		SELECT c.name FROM `tabPayment Capture` c LEFT JOIN `tabPayment Refund` r ON r.capture = c.name
			AND r.status IN ('Created', 'Processing', 'Unknown', 'Refunded')
		GROUP BY c.name, c.amount_refunded HAVING ABS(c.amount_refunded - COALESCE(SUM(r.amount), 0)) > 0.0000001""",
	"paid_attempt_without_capture": """
		SELECT a.name FROM `tabPayment Attempt` a WHERE a.status = 'Paid'
			AND NOT EXISTS (SELECT 1 FROM `tabPayment Capture` c WHERE c.attempt = a.name)""",
	"message_not_handled": """
		SELECT name FROM `tabPayment Webhook Log` WHERE status = 'Dead'
			OR (status = 'Received' AND creation < %(hour_ago)s)""",
	"posting_not_done": """
		SELECT name FROM `tabPayment Posting` WHERE status = 'Waiting' AND creation < %(day_ago)s""",
	"payment_not_posted": """
		SELECT c.name FROM `tabPayment Capture` c JOIN `tabAI Invoice` i ON i.name = c.invoice
		WHERE i.purpose = 'External' AND i.status <> 'Partly Paid' AND c.creation < %(hour_ago)s
			AND c.disposition <> 'Mismatch'
			AND NOT EXISTS (SELECT 1 FROM `tabPayment Posting` p WHERE p.invoice = c.invoice)""",
	"unknown_for_more_than_a_day": """
		SELECT name FROM `tabPayment Refund` WHERE status = 'Unknown' AND creation < %(day_ago)s
		UNION ALL SELECT name FROM `tabPayment Attempt` WHERE status = 'Created' AND creation < %(day_ago)s""",
	"coupon_count_differs": """
		SELECT c.name FROM `tabAI Coupon` c LEFT JOIN `tabAI Coupon Redemption` r
			ON r.coupon = c.name AND r.status IN ('Reserved', 'Used')
		GROUP BY c.name, c.redemptions HAVING c.redemptions <> COUNT(r.name)""",
	"coupon_and_invoice_disagree": """
		SELECT i.name FROM `tabAI Invoice` i JOIN `tabAI Coupon Redemption` r ON r.name = i.coupon_redemption
		WHERE r.invoice <> i.name OR r.coupon <> i.coupon OR (i.status = 'Cancelled' AND r.status <> 'Released')
			OR (i.status = 'Closed' AND r.status = 'Reserved')
			OR (i.fulfilled_on IS NOT NULL AND i.status IN ('Paid', 'Partly Refunded') AND r.status <> 'Used')""",
	"discount_differs_from_coupon": """
		SELECT i.name FROM `tabAI Invoice` i LEFT JOIN `tabAI Coupon` c ON c.name = i.coupon
			LEFT JOIN `tabAI Coupon Amount` a ON a.parent = c.name AND a.currency = i.currency
		WHERE i.discount_amount < 0 OR (i.discount_amount > 0 AND c.name IS NULL)
			OR (c.discount_type = 'Amount' AND i.discount_amount > COALESCE(a.amount, 0) + 0.0000001)
			OR (c.discount_type = 'Percent' AND
				ABS(i.discount_amount * 10000 - c.basis_points * (i.discount_amount
					+ CASE WHEN i.price_includes_tax = 1 THEN i.total_amount ELSE i.net_amount END)) > 10000)""",
	"payment_through_a_foreign_link": """
		SELECT a.name FROM `tabPayment Attempt` a JOIN `tabAI Payment Link` l ON l.name = a.payment_link
		WHERE a.user <> l.user""",
	"payment_through_an_ended_link": """
		SELECT a.name FROM `tabPayment Attempt` a JOIN `tabAI Payment Link` l ON l.name = a.payment_link
		WHERE a.creation > l.expires_at OR a.creation > l.revoked_on""",
	"changed_without_payment": """
		SELECT c.name FROM `tabAI Plan Change` c LEFT JOIN `tabAI Invoice` i ON i.name = c.invoice
		WHERE c.status = 'Applied' AND c.timing = 'Now' AND (i.name IS NULL OR (i.needs_review = 0
			AND (i.fulfilled_on IS NULL OR i.status NOT IN ('Paid', 'Partly Refunded'))))""",
	"two_open_plan_changes": """
		SELECT subscription FROM `tabAI Plan Change` WHERE status IN ('Awaiting Payment', 'Scheduled')
		GROUP BY subscription HAVING COUNT(*) > 1""",
	"proposal_not_carried_out": """
		SELECT name FROM `tabAI Agent Proposal` WHERE status = 'Approved' AND decided_on < %(hour_ago)s""",
	"plan_change_not_closed": """
		SELECT c.name FROM `tabAI Plan Change` c JOIN `tabAI Invoice` i ON i.name = c.invoice
		WHERE c.status = 'Awaiting Payment' AND c.creation < %(hour_ago)s
			AND i.status IN ('Paid', 'Partly Refunded', 'Refunded', 'Cancelled')""",
	"plan_not_switched": """
		SELECT name FROM `tabAI Subscription` WHERE status = 'Active' AND switch_on < %(days_ago)s
			AND end_date > %(days_ago)s""",
	"key_without_service": """
		SELECT k.name FROM `tabAI API Key` k JOIN `tabAI Subscription` s ON s.name = k.subscription
		WHERE k.status IN ('Active', 'Retiring') AND s.status IN ('Past Due', 'Paused', 'Expired', 'Cancelled')""",
	"retired_key_left": """
		SELECT name FROM `tabAI API Key` WHERE status = 'Retiring' AND (valid_until IS NULL OR valid_until < %(day_ago)s)""",
	"more_keys_than_allowed": """
		SELECT subscription FROM `tabAI API Key` WHERE status = 'Active'
		GROUP BY subscription HAVING COUNT(*) > MAX(CASE WHEN allowed_keys > 1 THEN allowed_keys ELSE 1 END)""",
	"trial_without_claim": """
		SELECT name FROM `tabAI Subscription` s WHERE status = 'Trial'
			AND creation > (SELECT MIN(creation) FROM `tabAI Trial Claim`)
			AND NOT EXISTS (SELECT 1 FROM `tabAI Trial Claim` c WHERE c.subscription = s.name)""",
	"ended_but_served": """
		SELECT name FROM `tabAI Subscription` WHERE status IN ('Active', 'Trial') AND end_date < %(days_ago)s""",
	"reminded_after_payment": """
		SELECT r.name FROM `tabAI Payment Reminder` r JOIN `tabAI Invoice` i ON i.name = r.invoice
		WHERE r.status = 'Sent' AND i.status = 'Paid' AND i.paid_date < r.sent_on AND r.sent_on > %(day_ago)s""",
	"reminder_not_handled": """
		SELECT name FROM `tabAI Payment Reminder` WHERE status = 'Planned' AND planned_for < %(day_ago)s""",
}

# Amounts are compared as products, because a quotient has more decimals than an amount.
RULES |= {
	"parts_differ_from_total": """
		SELECT i.name FROM `tabAI Invoice` i JOIN `tabAI Invoice Part` p ON p.parent = i.name
		GROUP BY i.name, i.total_amount, i.tax_amount
		HAVING ABS(SUM(p.amount) - i.total_amount) > 0.0000001 OR ABS(SUM(p.tax_share) - i.tax_amount) > 0.0000001""",
	"parts_differ_from_payments": """
		SELECT i.name FROM `tabAI Invoice` i JOIN `tabAI Invoice Part` p ON p.parent = i.name
		WHERE i.status IN ('Pending', 'Processing', 'Failed', 'Abandoned', 'Partly Paid')
		GROUP BY i.name, i.amount_paid, i.amount_refunded, i.covered_days
		HAVING ABS(SUM(p.paid_amount) - i.amount_paid
			+ CASE WHEN i.covered_days > 0 THEN 0 ELSE i.amount_refunded END) > 0.0000001""",
	"covered_beyond_payment": """
		SELECT name FROM `tabAI Invoice` WHERE covered_days > 0
			AND covered_days * total_amount > period_days * amount_paid + 0.0000001""",
	"served_beyond_covered_days": """
		SELECT s.name FROM `tabAI Subscription` s JOIN `tabAI Invoice` i ON i.name = s.current_invoice
		WHERE s.status = 'Active' AND i.covered_days > 0 AND s.end_date > i.period_end
			AND i.status IN ('Partly Paid', 'Processing', 'Closed')""",
	"part_without_days": """
		SELECT i.name FROM `tabAI Invoice` i JOIN `tabAI Subscription` s ON s.name = i.subscription
		WHERE i.status = 'Partly Paid' AND i.part_service = 'Covered Days' AND s.status <> 'Cancelled' AND (
			(i.period_days > 0 AND (i.covered_days + 1) * i.total_amount <= i.period_days * i.amount_paid - 0.0000001)
			OR (i.period_days = 0 AND i.billing_interval IN ('Month', 'Year') AND i.amount_paid * 28 >= i.total_amount
				AND EXISTS (SELECT 1 FROM `tabPayment Capture` c WHERE c.invoice = i.name AND c.gateway <> 'credit'
					AND c.applied_amount > c.amount_refunded)))""",
}
RULES |= DOCUMENT_RULES | PAYOUT_RULES | webhook_rules.WEBHOOK_RULES
RULES |= USAGE_RULES
RULES |= CREDIT_RULES
RULES |= DAY_RULES


def check(names: tuple[str, ...] | None = None) -> dict[str, list[str]]:
	"""Return violated invariants, each with its first records. An empty dict means that all hold."""
	found, values = {}, values_of_rules()
	for rule in names or RULES:
		rows = frappe.db.sql(f"{RULES[rule]} ORDER BY 1 LIMIT {LIMIT}", values)
		if rows:
			found[rule] = [row[0] for row in rows]
	return found


def values_of_rules() -> dict:
	now = now_datetime()
	return {
		"now": now,
		"today": today(),
		"yesterday": today() - timedelta(days=1),
		"hour_ago": now - timedelta(hours=1),
		"day_ago": now - timedelta(days=1),
		"days_ago": today() - timedelta(days=2),
		**webhook_rules.values(),
	}
