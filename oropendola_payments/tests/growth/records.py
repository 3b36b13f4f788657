"""The SQL of the records that customers and managers see, from the two tables of `statements`."""

from oropendola_payments.tests.growth.statements import (
	ATTEMPT,
	CAPTURE,
	COMMON,
	FATE,
	IS_PAID,
	MODE,
	PAID_ON,
	REFUND,
	REFUNDED,
	TOTAL,
	invoice_name,
	key,
	subscription_name,
	user,
)

NOW = "%(now)s, %(now)s, 'Administrator', 'Administrator'"
OF_INVOICE = f"i.created, i.created, {user('i.customer')}, {user('i.customer')}"
BETWEEN = "WHERE i.n BETWEEN %(first)s AND %(last)s"
SERVED = "s.status IN ('Active', 'Trial')"
ENDS = "DATE(li.created) + INTERVAL 1 MONTH"
BY_NUMBER = "WHERE s.n BETWEEN %(first)s AND %(last)s"

SUBSCRIPTIONS = f"""
	INSERT INTO `tabAI Subscription` (name, {COMMON}, user, plan, status, current_invoice, start_date, end_date, daily_quota_limit,
		daily_quota_remaining, quota_reset_on, api_key_link, live_key, is_default, had_trial)
	SELECT {subscription_name("s.n")}, COALESCE(fi.created, %(now)s), COALESCE(li.created, %(now)s), 'Administrator', 'Administrator',
		{user("s.customer")}, CONCAT('grow-plan-', s.plan), s.status, {invoice_name("li.n")},
		IF(s.status = 'Pending', NULL, DATE(COALESCE(fi.created, %(now)s))),
		CASE s.status WHEN 'Pending' THEN NULL WHEN 'Trial' THEN DATE(%(now)s) + INTERVAL 7 DAY WHEN 'Past Due' THEN DATE(%(now)s)
			ELSE {ENDS} END,
		IF({SERVED}, 1000, 0), IF({SERVED}, 1000, 0), IF({SERVED}, DATE(%(now)s) + INTERVAL 1 DAY, NULL),
		IF({SERVED}, {key("key", "s.n", 12)}, NULL),
		IF(s.status = 'Cancelled', NULL, CONCAT({user("s.customer")}, ':grow-plan-', s.plan)), 0, s.status = 'Trial'
	FROM growth_subscription s LEFT JOIN growth_invoice fi ON fi.subscription = s.n AND fi.k = 0
		LEFT JOIN growth_invoice li ON li.subscription = s.n AND li.is_last = 1 {BY_NUMBER}"""

KEYS = f"""
	INSERT INTO `tabAI API Key` (name, {COMMON}, subscription, user, status, key_hash, suspended, revealed, allowed_keys)
	SELECT {key("key", "s.n", 12)}, {NOW}, {subscription_name("s.n")}, {user("s.customer")}, IF({SERVED}, 'Active', 'Revoked'),
		SHA2(CONCAT('grow-key:', s.n), 256), 0, 1, 1
	FROM growth_subscription s {BY_NUMBER} AND s.status <> 'Pending'"""

WINDOWS = f"""
	INSERT INTO `tabAI Usage Window` (name, {COMMON}, subscription, meter, time_window, used, ends_at, unique_key)
	SELECT {key("window", "CONCAT(s.n, w.meter)")}, {NOW}, {subscription_name("s.n")}, w.meter, w.time_window, 1 + s.n %% 900,
		DATE(%(now)s) + INTERVAL w.days DAY, CONCAT({subscription_name("s.n")}, ':', w.meter, ':', w.time_window)
	FROM growth_subscription s JOIN (SELECT 'Requests' AS meter, 'Day' AS time_window, 1 AS days
		UNION ALL SELECT 'Units', 'Month', 20) w {BY_NUMBER} AND {SERVED} AND s.n %% 5 < 3"""

# The ledger's rows of these days are gone, as after their retention.
USAGE_DAYS = f"""
	INSERT INTO `tabAI Usage Day` (name, {COMMON}, subscription, user, api_key, day, model, source, requests, input_tokens,
		output_tokens, units, entries, entries_deleted)
	SELECT {key("day", "CONCAT(s.n, '-', seq)")}, {NOW}, {subscription_name("s.n")}, {user("s.customer")}, {key("key", "s.n", 12)},
		DATE(%(now)s) - INTERVAL seq DAY, ELT(1 + seq %% 3, 'model-a', 'model-b', 'model-c'), 'Plan', 20, 9000, 1000, 20000, 20, 1
	FROM growth_subscription s JOIN seq_1_to_10 {BY_NUMBER} AND s.status = 'Active' AND (s.n + seq) %% 5 < 2"""

CLAIMS = f"""
	INSERT INTO `tabAI Trial Claim` (name, {COMMON}, user, kind, hint, plan, subscription, claimed_on, claim_key)
	SELECT {key("claim", "s.n")}, {NOW}, {user("s.customer")}, 'Email', 'g***@example.com', CONCAT('grow-plan-', s.plan),
		{subscription_name("s.n")}, %(now)s, MD5(CONCAT('grow-claim:', s.n))
	FROM growth_subscription s {BY_NUMBER} AND s.status = 'Trial'"""

INVOICES = f"""
	INSERT INTO `tabAI Invoice` (name, {COMMON}, naming_series, user, purpose, status, due_date, paid_date, subscription, plan, description,
		billing_interval, interval_count, period_start, period_end, currency, net_amount, tax_label, tax_rate, tax_amount, total_amount,
		amount_paid, amount_refunded, outstanding_amount, payment_gateway, transaction_id, failure_reason, processing_since, fulfilled_on,
		event_count, last_event_hash, document_state)
	SELECT {invoice_name("i.n")}, {OF_INVOICE}, 'INV-.YYYY.-.#####', {user("i.customer")}, IF(i.k = 0, 'New', 'Renewal'), i.status,
		DATE(i.created) + INTERVAL 7 DAY, IF({IS_PAID}, {PAID_ON}, NULL), {subscription_name("i.subscription")},
		CONCAT('grow-plan-', i.plan), CONCAT('Plan ', i.plan), 'Month', 1, IF({IS_PAID}, DATE({PAID_ON}), NULL),
		IF({IS_PAID}, DATE({PAID_ON}) + INTERVAL 1 MONTH, NULL), i.currency, i.net, IF(i.currency = 'INR', 'IGST', NULL),
		IF(i.currency = 'INR', 18, 0), {TOTAL} - i.net, {TOTAL}, IF({IS_PAID}, {TOTAL}, 0), {REFUNDED}, IF({IS_PAID}, 0, {TOTAL}),
		IF(i.attempts, i.gateway, NULL), IF({IS_PAID}, CONCAT('pay_grow', i.n), NULL),
		IF(i.status IN ('Failed', 'Abandoned'), 'The bank declined the payment.', NULL),
		IF(i.status = 'Processing', %(now)s + INTERVAL 30 DAY, NULL), IF({IS_PAID}, {PAID_ON}, NULL), i.event_count, i.last_hash,
		IF({IS_PAID}, 'Not Needed', '')
	FROM growth_invoice i {BETWEEN}"""

TAX_LINES = f"""
	INSERT INTO `tabAI Invoice Tax` (name, {COMMON}, idx, parent, parenttype, parentfield, label, rate, taxable_amount, amount)
	SELECT {key("tax", "i.n")}, {OF_INVOICE}, 1, {invoice_name("i.n")}, 'AI Invoice', 'taxes', 'IGST', 18, i.net, {TOTAL} - i.net
	FROM growth_invoice i {BETWEEN} AND i.currency = 'INR'"""

NAME_OF_ATTEMPT = ATTEMPT.format(attempt="seq")
OWN_FATE = f"IF(seq < i.attempts, 'Failed', {FATE})"
BEGUN = "i.created + INTERVAL 11 * (seq - 1) MINUTE"
ATTEMPTS = f"""
	INSERT INTO `tabPayment Attempt` (name, {COMMON}, invoice, user, gateway, mode, flow, status, amount, currency, payment_method,
		gateway_order_id, gateway_payment_id, error_code, error_message, initiated_at, completed_at, expires_at, next_check_at,
		check_count, request_data, response_data)
	SELECT {NAME_OF_ATTEMPT}, {BEGUN}, {BEGUN}, {user("i.customer")}, {user("i.customer")}, {invoice_name("i.n")}, {user("i.customer")},
		i.gateway, {MODE}, 'redirect', {OWN_FATE}, {TOTAL}, i.currency, 'card', CONCAT('order_grow', i.n, '-', seq),
		IF({OWN_FATE} = 'Paid', CONCAT('pay_grow', i.n), NULL), IF({OWN_FATE} = 'Failed', 'declined', NULL),
		IF({OWN_FATE} = 'Failed', ELT(1 + i.n %% 4, 'The bank declined the payment.', 'Not enough money.', 'The card expired.', 'Wrong code.'),
			NULL), {BEGUN}, IF({OWN_FATE} = 'Processing', NULL, {BEGUN} + INTERVAL 2 MINUTE), {BEGUN} + INTERVAL 1 DAY,
		IF({OWN_FATE} = 'Processing', %(now)s + INTERVAL 30 DAY, NULL), 1,
		CONCAT('{{"amount": "', {TOTAL}, '", "currency": "', i.currency, '", "flow": "redirect"}}'), '{{"outcome": "known"}}'
	FROM growth_invoice i JOIN seq_1_to_3 ON seq <= i.attempts {BETWEEN}"""

LAST_ATTEMPT = ATTEMPT.format(attempt="i.attempts")
CAPTURES = f"""
	INSERT INTO `tabPayment Capture` (name, {COMMON}, attempt, invoice, user, gateway, gateway_payment_id, amount, currency, captured_at,
		disposition, applied_amount, amount_refunded)
	SELECT {CAPTURE}, {OF_INVOICE}, {LAST_ATTEMPT}, {invoice_name("i.n")}, {user("i.customer")}, i.gateway, CONCAT('pay_grow', i.n),
		{TOTAL}, i.currency, {PAID_ON}, 'Applied', {TOTAL}, {REFUNDED}
	FROM growth_invoice i {BETWEEN} AND {IS_PAID}"""

REFUNDS = f"""
	INSERT INTO `tabPayment Refund` (name, {COMMON}, capture, attempt, invoice, user, gateway, status, amount, currency, reason,
		gateway_refund_id, idempotency_key, check_count, completed_at)
	SELECT {REFUND}, {OF_INVOICE}, {CAPTURE}, {LAST_ATTEMPT}, {invoice_name("i.n")}, {user("i.customer")}, i.gateway, 'Refunded',
		{REFUNDED}, i.currency, 'Asked by the customer', CONCAT('refund_grow', i.n), CONCAT('refund:grow', i.n), 1,
		LEAST(i.created + INTERVAL 3 DAY, %(now)s)
	FROM growth_invoice i {BETWEEN} AND i.status IN ('Partly Refunded', 'Refunded')"""

MESSAGES = f"""
	INSERT INTO `tabPayment Webhook Log` (name, {COMMON}, gateway, event_type, event_key, status, attempt, attempts,
		texts_cleared)
	SELECT {key("message", "i.n")}, {OF_INVOICE}, i.gateway, 'payment.captured', CONCAT('evt_grow', i.n), 'Processed', {LAST_ATTEMPT}, 1,
		i.created < NOW() - INTERVAL 170 DAY
	FROM growth_invoice i {BETWEEN} AND {IS_PAID} AND i.gateway <> 'manual'"""

REMINDERS = f"""
	INSERT INTO `tabAI Payment Reminder` (name, {COMMON}, invoice, user, status, failure_class, step, is_last, channel, planned_for,
		sent_on, suggested_gateway, unique_key)
	SELECT {key("reminder", "CONCAT(i.n, '-', seq)")}, {OF_INVOICE}, {invoice_name("i.n")}, {user("i.customer")}, 'Sent', 'Soft', seq, seq = 2,
		'Email', i.created + INTERVAL seq DAY, i.created + INTERVAL seq DAY, 'razorpay', CONCAT({invoice_name("i.n")}, ':Soft:', seq)
	FROM growth_invoice i JOIN seq_1_to_2 {BETWEEN} AND i.status IN ('Failed', 'Abandoned')"""

OF_SUBSCRIPTIONS = {
	"AI Subscription": SUBSCRIPTIONS,
	"AI API Key": KEYS,
	"AI Usage Window": WINDOWS,
	"AI Usage Day": USAGE_DAYS,
	"AI Trial Claim": CLAIMS,
}
OF_INVOICES = {
	"AI Invoice": INVOICES,
	"AI Invoice Tax": TAX_LINES,
	"Payment Attempt": ATTEMPTS,
	"Payment Capture": CAPTURES,
	"Payment Refund": REFUNDS,
	"Payment Webhook Log": MESSAGES,
	"AI Payment Reminder": REMINDERS,
}
