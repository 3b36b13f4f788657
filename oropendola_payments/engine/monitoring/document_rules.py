"""Invariants of tax documents, as in `invariants`."""

DOCUMENT_RULES = {
	"settled_without_document": """
		SELECT name FROM `tabAI Invoice` WHERE document_state = 'Due' AND paid_date < %(hour_ago)s
			AND tax_registration IS NOT NULL AND tax_registration <> ''""",
	"document_of_invoice_is_missing": """
		SELECT i.name FROM `tabAI Invoice` i WHERE i.document_state IN ('Issued', 'Credit Due') AND NOT EXISTS (
			SELECT 1 FROM `tabAI Tax Document` d WHERE d.name = i.tax_document AND d.invoice = i.name AND d.kind = 'Invoice')""",
	"two_documents_for_one_payment": """
		SELECT d.name FROM `tabAI Tax Document` d JOIN `tabAI Invoice` i ON i.name = d.invoice
		WHERE d.kind = 'Invoice' AND (i.tax_document IS NULL OR d.name <> i.tax_document) AND NOT EXISTS (
			SELECT 1 FROM `tabAI Tax Document` n WHERE n.original = d.name AND n.source_key LIKE 'correction:%%')""",
	"document_numbers_have_a_gap": """
		SELECT s.name FROM `tabAI Tax Document Series` s LEFT JOIN `tabAI Tax Document` d ON d.series = s.name
		GROUP BY s.name, s.last_number
		HAVING COUNT(d.name) <> s.last_number OR COALESCE(MAX(d.number_in_series), 0) <> s.last_number""",
	"document_dates_fall": """
		SELECT b.name FROM `tabAI Tax Document` a JOIN `tabAI Tax Document` b
			ON b.series = a.series AND b.number_in_series = a.number_in_series + 1
		WHERE b.issue_date < a.issue_date""",
	"document_lines_differ_from_total": """
		SELECT d.name FROM `tabAI Tax Document` d LEFT JOIN `tabAI Tax Document Line` l ON l.parent = d.name
		GROUP BY d.name, d.net_amount, d.tax_amount, d.total_amount
		HAVING ABS(COALESCE(SUM(l.amount), 0) - d.total_amount) > 0.0000001
			OR ABS(d.net_amount + d.tax_amount - d.total_amount) > 0.0000001""",
	"credit_notes_above_document": """
		SELECT d.name FROM `tabAI Tax Document` d JOIN `tabAI Tax Document` n ON n.original = d.name
		WHERE n.kind = 'Credit Note' GROUP BY d.name, d.tax_amount, d.total_amount
		HAVING SUM(n.total_amount) > d.total_amount + 0.0000001 OR SUM(n.tax_amount) > d.tax_amount + 0.0000001""",
	"refund_without_credit_note": """
		SELECT r.name FROM `tabPayment Refund` r JOIN `tabAI Invoice` i ON i.name = r.invoice
		WHERE i.document_state = 'Credit Due' AND r.status = 'Refunded' AND r.completed_at < %(hour_ago)s
			AND NOT (i.amount_paid > i.total_amount AND r.completed_at <= i.paid_date)
			AND NOT EXISTS (SELECT 1 FROM `tabPayment Refund` l
				WHERE l.invoice = i.name AND l.status = 'Refunded' AND l.completed_at >= %(hour_ago)s)
			AND NOT EXISTS (SELECT 1 FROM `tabAI Tax Document` n WHERE n.refund = r.name)""",
	"kept_credit_is_missing": """
		SELECT i.name FROM `tabAI Invoice` i JOIN `tabPayment Capture` c ON c.invoice = i.name
		WHERE c.resolution = 'Credit' AND c.surplus > c.amount - c.applied_amount AND NOT EXISTS (
			SELECT 1 FROM `tabPayment Refund` r WHERE r.capture = c.name AND r.status IN ('Created', 'Processing', 'Unknown'))
		GROUP BY i.name, i.amount_refunded, i.amount_credited
		HAVING SUM(c.surplus - c.amount + c.applied_amount) > i.amount_refunded + i.amount_credited + 0.0000001""",
	"credit_without_credit_note": """
		SELECT name FROM `tabAI Invoice` WHERE document_state = 'Credit Due' AND amount_credited > 0 AND modified < %(hour_ago)s""",
}
