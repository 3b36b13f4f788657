"""Invariants of payouts, as in `invariants`."""

PAYOUT_RULES = {
	"payout_lines_differ_from_amount": """
		SELECT p.name FROM `tabPayment Payout` p LEFT JOIN `tabPayment Payout Line` l ON l.payout = p.name
		GROUP BY p.name, p.status, p.amount, p.shortfall
		HAVING ABS(COALESCE(SUM(l.amount), 0) + p.shortfall - p.amount) > 0.0000001
			OR (p.status = 'Balanced' AND ABS(p.shortfall) > 0.0000001)""",
	"payout_sums_differ_from_lines": """
		SELECT p.name FROM `tabPayment Payout` p LEFT JOIN `tabPayment Payout Line` l ON l.payout = p.name AND l.kind = 'Capture'
		GROUP BY p.name, p.captured_amount HAVING ABS(COALESCE(SUM(l.amount), 0) - p.captured_amount) > 0.0000001""",
	"payout_without_balance_or_difference": """
		SELECT p.name FROM `tabPayment Payout` p WHERE p.status = 'Needs Attention' AND p.checked_on IS NOT NULL
			AND NOT EXISTS (SELECT 1 FROM `tabPayment Payout Difference` d WHERE d.payout = p.name
				AND d.kind = 'Does Not Add Up' AND d.status IN ('Open', 'Accepted'))""",
	"payout_line_without_fate": """
		SELECT l.name FROM `tabPayment Payout Line` l JOIN `tabPayment Payout` p ON p.name = l.payout
		WHERE l.is_linked = 0 AND p.checked_on IS NOT NULL AND NOT EXISTS (
			SELECT 1 FROM `tabPayment Payout Difference` d
			WHERE d.line = l.name AND d.kind = 'Unknown' AND d.status IN ('Open', 'Accepted'))""",
	"payout_not_checked": """
		SELECT name FROM `tabPayment Payout` WHERE checked_on IS NULL AND modified < %(days_ago)s""",
}
