"""The SQL that fills the tables. MariaDB only: it takes the numbers of its rows from the SEQUENCE engine.

A row's values follow from a hash of its number, so the same scale always makes the same site. `GROW` begins the name of every row.
"""

PREFIX = "GROW"
PLANS = 12


def chance(salt: str, number: str = "n") -> str:
	"""An expression: a number of [0, 1) that looks random and follows from the salt and the row's number."""
	return f"(CONV(LEFT(MD5(CONCAT('{salt}:', {number})), 8), 16, 10) / 4294967296)"


def key(salt: str, number: str, length: int = 16) -> str:
	"""An expression: a name that looks random."""
	return f"CONCAT('{PREFIX}', UPPER(LEFT(MD5(CONCAT('{salt}:', {number})), {length})))"


def user(number: str) -> str:
	return f"CONCAT('grow-', LPAD({number}, 7, '0'), '@example.com')"


def invoice_name(number: str) -> str:
	return f"CONCAT('{PREFIX}-', LPAD({number}, 7, '0'))"


def subscription_name(number: str) -> str:
	return f"CONCAT('{PREFIX}-SUB-', LPAD({number}, 7, '0'))"


COMMON = "creation, modified, owner, modified_by"

USERS = f"""
	INSERT INTO `tabUser` (name, {COMMON}, enabled, email, first_name, last_name, full_name, user_type, send_welcome_email)
	SELECT {user("n")}, t, t, 'Administrator', 'Administrator', 1, {user("n")}, 'Asha', 'Example', 'Asha Example', 'Website User', 0
	FROM (SELECT seq AS n, %(now)s - INTERVAL FLOOR(1080 * (1 - SQRT(seq / %(users)s))) DAY AS t FROM seq_1_to_{{users}}) u"""

# Few customers have very many subscriptions. More of them were begun lately than years ago.
SUBSCRIPTION_STAGE = f"""
	CREATE TABLE growth_subscription (PRIMARY KEY (n)) AS
	SELECT n, customer, plan, periods, place,
		CASE WHEN place > 1 THEN 'Cancelled' WHEN p < 0.62 THEN 'Active' WHEN p < 0.622 THEN 'Past Due' WHEN p < 0.66 THEN 'Pending'
			WHEN p < 0.68 THEN 'Trial' WHEN p < 0.92 THEN 'Expired' ELSE 'Cancelled' END AS status,
		late, ELT(1 + plan %% 3, 'INR', 'INR', 'USD') AS currency, 500 * plan AS net
	FROM (
		SELECT n, customer, plan, CAST(1 + FLOOR(9 * {chance("periods")}) AS SIGNED) AS periods, {chance("status")} AS p, {chance("late")} AS late,
			ROW_NUMBER() OVER (PARTITION BY customer, plan ORDER BY n) AS place
		FROM (SELECT seq AS n, CAST(1 + FLOOR(%(users)s * POW({chance("customer", "seq")}, 2)) AS UNSIGNED) AS customer,
			CAST(1 + FLOOR({PLANS} * {chance("plan", "seq")}) AS UNSIGNED) AS plan FROM seq_1_to_{{subscriptions}}) a) b"""

# The last invoice of an active subscription is younger than a month. The period of any other one is over.
INVOICE_STAGE = f"""
	CREATE TABLE growth_invoice (PRIMARY KEY (n), KEY (subscription)) AS
	SELECT ROW_NUMBER() OVER (ORDER BY created, subscription) AS n, subscription, customer, plan, currency, net, k, is_last, created,
		status, CASE WHEN status = 'Pending' THEN 0 ELSE 1 + (tries < 0.4) + (tries < 0.1) END AS attempts,
		ELT(1 + FLOOR(10 * way), 'razorpay', 'razorpay', 'razorpay', 'payu', 'payu', 'stripe', 'stripe', 'paypal', 'cashfree', 'manual')
			AS gateway, CAST(0 AS UNSIGNED) AS event_count, CAST('' AS CHAR(64)) AS last_hash
	FROM (
		SELECT subscription, customer, plan, currency, net, k, is_last, created, {chance("tries", "CONCAT(subscription, '-', k)")} AS tries,
			{chance("way", "CONCAT(subscription, '-', k)")} AS way,
			CASE WHEN own = 'Pending' AND p < 0.5 THEN 'Failed' WHEN own = 'Pending' THEN 'Abandoned'
				WHEN k = periods THEN IF(p < 0.05, 'Processing', 'Pending')
				WHEN k = 0 OR (is_last AND own = 'Active') OR p < 0.86 THEN 'Paid' WHEN p < 0.87 THEN 'Partly Refunded'
				WHEN p < 0.9 THEN 'Refunded' WHEN p < 0.94 THEN 'Failed' WHEN p < 0.98 THEN 'Abandoned' ELSE 'Cancelled' END AS status
		FROM (
			SELECT s.n AS subscription, s.customer, s.plan, s.currency, s.net, seq AS k, s.periods, s.status AS own,
				seq = s.periods - 1 AS is_last, {chance("fate", "CONCAT(s.n, '-', seq)")} AS p,
				TIMESTAMP(%(now)s) - INTERVAL IF(s.status = 'Active', FLOOR(25 * s.late), 33 + FLOOR(900 * POW(s.late, 1.7))) DAY
					- INTERVAL FLOOR(86400 * {chance("time", "CONCAT(s.n, '-', seq)")}) SECOND
					- INTERVAL IF(seq >= s.periods, 0, s.periods - 1 - seq) MONTH AS created
			FROM growth_subscription s JOIN seq_0_to_9 ON seq < s.periods OR (seq = s.periods AND s.status = 'Active' AND s.n %% 33 = 0)
			WHERE s.status <> 'Trial' AND (s.status <> 'Pending' OR seq = 0)) a) b"""

ATTEMPT = key("attempt", "CONCAT(i.n, '-', {attempt})")
CAPTURE, REFUND = key("capture", "i.n"), key("refund", "i.n")
FATE = "CASE i.status WHEN 'Failed' THEN 'Failed' WHEN 'Abandoned' THEN 'Expired' WHEN 'Cancelled' THEN 'Cancelled' WHEN 'Processing' THEN 'Processing' ELSE 'Paid' END"
IS_PAID = "i.status IN ('Paid', 'Partly Refunded', 'Refunded')"
TOTAL = "(i.net * IF(i.currency = 'INR', 1.18, 1))"
REFUNDED = f"CASE i.status WHEN 'Refunded' THEN {TOTAL} WHEN 'Partly Refunded' THEN 118 ELSE 0 END"
PAID_ON = "(i.created + INTERVAL 2 + 11 * (i.attempts - 1) MINUTE)"
MODE = "IF(i.gateway = 'manual', 'Manual', 'Simulator')"

# One step of each story. A chain links by the hash of the step before it, so the steps are written one after the other.
EVENTS = f"""
	INSERT INTO `tabPayment Event` (name, invoice, sequence, event, from_status, to_status, reference_doctype, reference_name, source,
		person_hash, occurred_at, details, previous_hash, actor, ip_address, person_salt, hash, {COMMON})
	SELECT name, invoice, {{sequence}}, event, from_status, to_status, about, reference, source, person_hash, t, details, previous,
		actor, '203.0.113.7', salt,
		SHA2(CONCAT('["', name, '", "', invoice, '", "{{sequence}}", "', event, '", "', COALESCE(from_status, ''), '", "',
			COALESCE(to_status, ''), '", "', about, '", "', reference, '", "', source, '", "', person_hash, '", "',
			DATE_FORMAT(t, '%%Y-%%m-%%dT%%H:%%i:%%s.%%f'), '", "', REPLACE(details, '"', '\\\\"'), '", "', previous, '"]'), 256) AS hash,
		t, t, actor, actor
	FROM (
		SELECT e.*, SHA2(CONCAT('["', actor, '", "203.0.113.7", "', salt, '"]'), 256) AS person_hash FROM (
			SELECT CONCAT({invoice_name("i.n")}, '-', LPAD({{sequence}}, 5, '0')) AS name, {invoice_name("i.n")} AS invoice,
				s.event, s.from_status, s.to_status, s.about,
				CASE s.about WHEN 'AI Invoice' THEN {invoice_name("i.n")} WHEN 'AI Subscription' THEN {subscription_name("i.subscription")}
					WHEN 'Payment Attempt' THEN {ATTEMPT.format(attempt="s.attempt")} WHEN 'Payment Capture' THEN {CAPTURE}
					ELSE {REFUND} END AS reference,
				IF(s.about = 'Payment Capture', 'Webhook', 'API') AS source, {user("i.customer")} AS actor,
				MD5(CONCAT('salt:', i.n, '-{{sequence}}')) AS salt, i.created + INTERVAL {{sequence}} MINUTE AS t,
				CONCAT('{{{{"amount": "', {TOTAL}, '", "currency": "', i.currency, '"}}}}') AS details, i.last_hash AS previous
			FROM growth_invoice i JOIN growth_step s ON s.status = i.status AND s.attempts = i.attempts AND s.sequence = {{sequence}}
			WHERE i.n BETWEEN %(first)s AND %(last)s) e) f"""
LINK = f"""
	UPDATE growth_invoice i JOIN `tabPayment Event` e ON e.name = CONCAT({invoice_name("i.n")}, '-', LPAD({{sequence}}, 5, '0'))
	SET i.last_hash = e.hash, i.event_count = {{sequence}} WHERE i.n BETWEEN %(first)s AND %(last)s"""
