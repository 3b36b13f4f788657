"""Health: a short status for everybody, a full report for staff, and Prometheus metrics."""

import frappe
from frappe.utils import cint, get_datetime, now_datetime

from oropendola_payments.ai_billing.doctype.payment_gateway_settings.payment_gateway_settings import (
	PaymentGatewaySettings,
)
from oropendola_payments.ai_billing.known_gateways import is_known
from oropendola_payments.engine.gateway.registry import SETTINGS, build_offline, missing_credentials
from oropendola_payments.engine.monitoring import alert_rules, alerts, checks, invariants

# The states of an enabled gateway that do not pass by themselves.
NEEDS_A_PERSON = ("Degraded", "Not Configured")


def short() -> dict:
	database = _database_answers()
	return {"status": "ok" if database else "down", "database": "ok" if database else "down"}


def full() -> dict:
	"""Return the full health report. `attention` means that something needs a person."""
	known = checks.last()
	parts = {
		"database": "ok" if _database_answers() else "down",
		"queue": _alive("queue"),
		"scheduler": _alive("scheduler"),
	}
	gateways = [_gateway(name) for name in _settings_names()]
	matters = {
		"invariants": known.violations or {},
		"alerts": alerts.open_alerts(),
		"problems": [{"kind": f.kind, "summary": f.summary} for f in alert_rules.setup()],
		"dead_letters": frappe.db.count("Payment Webhook Log", {"status": "Dead"}),
		"open_reviews": frappe.db.count("AI Invoice", {"needs_review": 1}),
	}
	troubled = [row for row in gateways if row["status"] in NEEDS_A_PERSON]
	runs = all(part == "ok" for part in parts.values()) and bool(known.checked_on)
	healthy = runs and not any(matters.values()) and not troubled
	return {
		"status": "ok" if healthy else "attention",
		**parts,
		"gateways": gateways,
		**matters,
		"invariants_checked_on": get_datetime(known.checked_on) if known.checked_on else None,
		"rejected_messages": rejected_counts(),
	}


def _settings_names() -> list[str]:
	return frappe.get_all(SETTINGS, pluck="name", order_by="sort_order, name")


def _gateway(name: str) -> dict:
	doc = frappe.get_doc(SETTINGS, name)
	return {
		"id": doc.gateway,
		"name": doc.label,
		"status": doc.get_status(),
		"mode": doc.mode,
		**_keys(doc),
		"last_success_on": doc.last_success_on,
		"last_error": doc.last_error,
		"last_error_on": doc.last_error_on,
	}


def _keys(doc: PaymentGatewaySettings) -> dict:
	"""Return the state of the credentials, as far as it is known without a gateway call."""
	if not doc.is_known():
		return {"credentials": "untested", "missing": [], "token": None}
	if doc.mode != "Simulator" and doc.has_unreadable_secrets():
		missing = doc.adapter_class().missing_credentials(doc.readable_secrets())
		return {"credentials": "missing", "missing": missing, "token": None}
	adapter, missing = build_offline(doc), missing_credentials(doc)
	refused = adapter.is_suspended() or cint(doc.keys_refused)
	if missing:
		state = "missing"
	elif refused:
		state = "refused"
	else:
		state = "ok" if doc.last_success_on else "untested"
	return {"credentials": state, "missing": missing, "token": adapter.token_state()}


def _database_answers() -> bool:
	try:
		return frappe.db.sql("SELECT 1")[0][0] == 1
	except Exception:
		return False


LATE_SECONDS = 900


def record_heartbeat(part: str) -> None:
	"""Record that the scheduler enqueued the inbox job (`scheduler`), or that a worker runs it (`queue`). It runs every two minutes."""
	frappe.cache.set_value(f"oropendola_alive:{part}", str(now_datetime()))


def _alive(part: str) -> str:
	try:
		seen = frappe.cache.get_value(f"oropendola_alive:{part}")
	except Exception:
		return "down"
	if not seen:
		return "not seen yet"
	return "ok" if (now_datetime() - get_datetime(seen)).total_seconds() < LATE_SECONDS else "late"


# Rejected messages are counted and not stored, so that nobody can fill the database with them.


def count_rejected(gateway: str) -> None:
	if is_known(gateway):
		frappe.cache.incrby(_rejected_key(gateway), 1)


def rejected_counts() -> dict[str, int]:
	counts = {
		code: cint(frappe.cache.get(_rejected_key(code)) or 0)
		for code in frappe.get_all(SETTINGS, pluck="gateway")
	}
	return {code: count for code, count in counts.items() if count}


def _rejected_key(gateway: str) -> bytes:
	return frappe.cache.make_key(f"oropendola_rejected_total:{gateway}")


def metrics() -> str:
	"""Return all metrics in the Prometheus text format."""
	lines, known = [], checks.last()
	for metric, counts in checks.counts_by_status().items():
		samples = [({"status": status}, count) for status, count in counts.items()]
		lines += _metric(f"oropendola_{metric}", f"Number of {metric} by status.", samples)
	violations = known.violations or {}
	lines += _metric(
		"oropendola_checked_seconds",
		"When the invariants were checked, and finished records counted, as seconds since 1970.",
		[({"what": what}, _seconds(known.get(what))) for what in ("checked_on", "counted_on")],
	)
	lines += _metric(
		"oropendola_invariant_violations",
		"Records that violate an invariant.",
		[({"rule": r}, len(violations.get(r, ()))) for r in invariants.RULES],
	)
	lines += _metric(
		"oropendola_rejected_messages",
		"Rejected messages without a valid signature.",
		[({"gateway": g}, n) for g, n in rejected_counts().items()],
	)
	samples = [
		({"kind": a.kind, "subject": a.subject, "severity": a.severity}, 1) for a in alerts.open_alerts()
	]
	lines += _metric("oropendola_open_alerts", "Open payment alerts.", samples)
	states = [(row["id"], row["status"]) for row in map(_gateway, _settings_names())]
	lines += _metric(
		"oropendola_gateway_up",
		"1 when the gateway is offered and healthy.",
		[({"gateway": g, "status": s}, int(s in ("Live", "Test", "Simulator"))) for g, s in states],
	)
	return "\n".join(lines) + "\n"


def _seconds(moment: str | None) -> int:
	return int(get_datetime(moment).timestamp()) if moment else 0


def _metric(name: str, help_text: str, samples: list) -> list[str]:
	head = [f"# HELP {name} {help_text}", f"# TYPE {name} gauge"]
	return head + [f"{name}{{{_labels(labels)}}} {value}" for labels, value in samples]


def _labels(labels: dict) -> str:
	return ",".join(f'{key}="{str(value).translate(ESCAPES)}"' for key, value in labels.items())


ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})
