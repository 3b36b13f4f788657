"""Invariants of usage, as in `invariants`. Sums are compared for one whole day; older rows are compared before they are deleted."""

USAGE_RULES = {
	"usage_sums_differ": """
		SELECT d.subscription FROM (
			SELECT subscription, SUM(requests) AS requests, SUM(input_tokens) AS input_tokens,
				SUM(output_tokens) AS output_tokens, SUM(units) AS units, SUM(entries) AS entries
			FROM `tabAI Usage Day` WHERE day = %(yesterday)s AND entries_deleted = 0 GROUP BY subscription) d
		LEFT JOIN (
			SELECT subscription, SUM(requests) AS requests, SUM(input_tokens) AS input_tokens,
				SUM(output_tokens) AS output_tokens, SUM(units) AS units, COUNT(*) AS entries
			FROM `tabAI Usage Entry` WHERE day = %(yesterday)s AND rolled_up = 1 GROUP BY subscription) e
			ON e.subscription = d.subscription
		WHERE e.subscription IS NULL OR d.requests <> e.requests OR d.input_tokens <> e.input_tokens
			OR d.output_tokens <> e.output_tokens OR d.units <> e.units OR d.entries <> e.entries""",
	"usage_without_sum": """
		SELECT e.subscription FROM `tabAI Usage Entry` e WHERE e.day = %(yesterday)s AND e.rolled_up = 1 AND NOT EXISTS (
			SELECT 1 FROM `tabAI Usage Day` d WHERE d.day = e.day AND d.subscription = e.subscription)""",
	"usage_not_summed_up": """
		SELECT name FROM `tabAI Usage Entry` WHERE rolled_up = 0 AND creation < %(hour_ago)s""",
	"usage_alert_not_handled": """
		SELECT name FROM `tabAI Usage Alert` WHERE status = 'Planned' AND creation < %(hour_ago)s""",
	# Calls without an event ID and unreported leases are in the window alone, so the ledger can only be lower.
	"usage_above_its_window": """
		SELECT w.name FROM `tabAI Usage Window` w JOIN `tabAI Subscription` s ON s.name = w.subscription
			JOIN `tabAI Plan` p ON p.name = s.plan
		WHERE w.meter = 'Requests' AND w.time_window = 'Day' AND w.ends_at > %(now)s AND p.modified < %(today)s
			AND w.used < (SELECT SUM(e.requests) FROM `tabAI Usage Entry` e WHERE e.day = %(today)s
				AND e.subscription = w.subscription AND e.plan = s.plan AND e.source = 'Plan')""",
}
