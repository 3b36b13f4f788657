"""Invariants of the figures of days, as in `monitoring/invariants`: the same figures, found in another way."""

DAY_RULES = {
	"day_differs_from_records": """
		SELECT d.name FROM `tabPayment Day` d
		LEFT JOIN (SELECT day, SUM(created + processing + authorized + paid + failed + expired + cancelled) AS attempts,
				SUM(paid) AS paid, SUM(failed) AS failed, SUM(expired) AS expired, SUM(captures) AS captures,
				SUM(applied) AS applied, SUM(taken) AS taken, SUM(refunded) AS refunded
			FROM `tabPayment Day` WHERE kind = 'Sums' GROUP BY day) s ON s.day = d.day
		LEFT JOIN (SELECT DATE(initiated_at) AS day, COUNT(*) AS attempts,
				SUM(CASE WHEN status = 'Paid' THEN 1 ELSE 0 END) AS paid, SUM(CASE WHEN status = 'Failed' THEN 1 ELSE 0 END) AS failed,
				SUM(CASE WHEN status = 'Expired' THEN 1 ELSE 0 END) AS expired
			FROM `tabPayment Attempt` GROUP BY DATE(initiated_at)) a ON a.day = d.day
		LEFT JOIN (SELECT DATE(c.captured_at) AS day, SUM(CASE WHEN c.applied_amount > 0 THEN 1 ELSE 0 END) AS captures,
				SUM(c.applied_amount) AS applied, SUM(CASE WHEN c.gateway = 'credit' THEN 0 ELSE c.amount END) AS taken
			FROM `tabPayment Capture` c JOIN `tabPayment Attempt` x ON x.name = c.attempt GROUP BY DATE(c.captured_at)) c
			ON c.day = d.day
		LEFT JOIN (SELECT DATE(r.completed_at) AS day, SUM(r.amount) AS refunded
			FROM `tabPayment Refund` r JOIN `tabPayment Attempt` x ON x.name = r.attempt
			WHERE r.status = 'Refunded' GROUP BY DATE(r.completed_at)) r ON r.day = d.day
		WHERE d.kind = 'Closed' AND NOT EXISTS (SELECT 1 FROM `tabPayment Day` m WHERE m.day = d.day AND m.kind = 'Changed')
			AND (COALESCE(s.attempts, 0) <> COALESCE(a.attempts, 0) OR COALESCE(s.paid, 0) <> COALESCE(a.paid, 0)
				OR COALESCE(s.failed, 0) <> COALESCE(a.failed, 0) OR COALESCE(s.expired, 0) <> COALESCE(a.expired, 0)
				OR COALESCE(s.captures, 0) <> COALESCE(c.captures, 0)
				OR ABS(COALESCE(s.applied, 0) - COALESCE(c.applied, 0)) > 0.0000001
				OR ABS(COALESCE(s.taken, 0) - COALESCE(c.taken, 0)) > 0.0000001
				OR ABS(COALESCE(s.refunded, 0) - COALESCE(r.refunded, 0)) > 0.0000001)""",
	"changed_day_not_summed_up": """
		SELECT name FROM `tabPayment Day` WHERE kind = 'Changed' AND creation < %(day_ago)s""",
}
