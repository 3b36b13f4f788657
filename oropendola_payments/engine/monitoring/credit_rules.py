"""Invariants of wallets: every grant is the sum of its lines, and follows the money that bought it."""

CREDIT_RULES = {
	"credits_differ_from_ledger": """
		SELECT g.name FROM `tabAI Credit Grant` g LEFT JOIN `tabAI Credit Entry` e ON e.credit_grant = g.name
		WHERE g.modified > %(day_ago)s GROUP BY g.name, g.remaining HAVING g.remaining <> COALESCE(SUM(e.units), 0)""",
	"credits_out_of_bounds": """
		SELECT name FROM `tabAI Credit Grant` WHERE remaining < 0 OR remaining > granted OR owed < 0 OR overdrawn < 0 OR granted < 1""",
	"credits_without_payment": """
		SELECT g.name FROM `tabAI Credit Grant` g LEFT JOIN `tabAI Invoice` i ON i.name = g.invoice
		WHERE g.kind = 'Bought' AND (i.name IS NULL OR i.fulfilled_on IS NULL OR i.user <> g.user
			OR i.status NOT IN ('Paid', 'Partly Refunded', 'Refunded') OR g.granted <> i.credit_units * 1000
			OR COALESCE(g.plans, '') <> COALESCE(i.credit_plans, ''))""",
	"top_up_without_credits": """
		SELECT i.name FROM `tabAI Invoice` i WHERE i.purpose = 'Top-up'
			AND NOT EXISTS (SELECT 1 FROM `tabAI Credit Grant` g WHERE g.invoice = i.name)
			AND (i.fulfilled_on IS NOT NULL OR (i.status = 'Paid'
				AND NOT EXISTS (SELECT 1 FROM `tabPayment Capture` c WHERE c.invoice = i.name AND c.resolution <> '')))""",
	"credits_held_too_long": """
		SELECT name FROM `tabAI Usage Lease` WHERE status = 'Open' AND credit_units > 0 AND expires_at < %(day_ago)s
		UNION ALL SELECT name FROM `tabAI Usage Entry` WHERE holds_credits = 1 AND expires_at < %(day_ago)s""",
	"expired_credits_left": """
		SELECT g.name FROM (SELECT valid_until FROM `tabAI Credit Grant` WHERE valid_until < %(days_ago)s
			GROUP BY valid_until HAVING MAX(remaining) > 0) d JOIN `tabAI Credit Grant` g ON g.valid_until = d.valid_until
		WHERE g.remaining > 0""",
	"refunded_credits_left": """
		SELECT g.name FROM `tabAI Credit Grant` g JOIN `tabAI Invoice` i ON i.name = g.invoice
		WHERE i.status = 'Refunded' AND g.remaining > 0""",
}
