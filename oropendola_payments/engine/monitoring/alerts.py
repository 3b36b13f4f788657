"""Telling Payments Managers what needs them: once when it begins, again when it gets worse, never because it is still there.

An alert is a row of its own and committed by itself. Telling comes after that commit and may fail: it touches nothing else.
"""

import hashlib
from datetime import timedelta

import frappe
from frappe import _
from frappe.utils import cint, escape_html, flt, get_datetime, get_url, now_datetime

from oropendola_payments.ai_billing.doctype.payment_alert.payment_alert import PaymentAlert
from oropendola_payments.compat import desk_path
from oropendola_payments.engine.core.transactions import in_transaction, lock, safely
from oropendola_payments.engine.monitoring import alert_rules
from oropendola_payments.engine.monitoring.alert_rules import Finding
from oropendola_payments.engine.notifications import templates as mail_templates

ALERT = "Payment Alert"
ESCALATION_POINTS = 10  # percentage points
MIN_PAUSE = timedelta(hours=1)  # between two messages about one alert


def evaluate(broken: dict[str, list[str]] | None = None) -> list[str]:
	"""Open, escalate and close by what is found now; names the alerts that were told. Without `broken`, invariants are left out."""
	found, looked_at = alert_rules.evaluate(broken)
	told: list[str | None] = []
	for finding in found:
		safely(lambda finding=finding: told.append(in_transaction(_note, finding)))
	_close_what_is_over({_live_key(finding) for finding in found}, looked_at)
	names = [name for name in told if name]
	for name in names:
		notify(name)
	return names


def open_alerts() -> list[frappe._dict]:
	fields = ["name", "kind", "subject", "severity", "summary", "opened_on", "last_seen_on"]
	return frappe.get_all(ALERT, {"status": "Open"}, fields, order_by="severity, opened_on")


# One alert ----------------------------------------------------------------------------------------


def _note(finding: Finding) -> str | None:
	"""The alert to tell about, if there is news."""
	name = frappe.db.get_value(ALERT, {"live_key": _live_key(finding)}, "name")
	if not name:
		return _open(finding)
	alert = lock(ALERT, name)
	alert.update({"last_seen_on": now_datetime(), "summary": finding.summary})
	worse = _is_worse(alert, finding) and now_datetime() - get_datetime(alert.told_on) >= MIN_PAUSE
	if worse:
		alert.update({"severity": "Critical", **_told(finding), "times_told": cint(alert.times_told) + 1})
	alert.save(ignore_permissions=True)
	return alert.name if worse else None


def _open(finding: Finding) -> str:
	alert = frappe.new_doc(ALERT)
	now = now_datetime()
	alert.update(
		{"kind": finding.kind, "subject": finding.subject, "summary": finding.summary, "status": "Open"}
	)
	alert.update({"severity": finding.severity, "opened_on": now, "last_seen_on": now, "times_told": 1})
	alert.update({"live_key": _live_key(finding), **_told(finding)})
	return alert.insert(ignore_permissions=True).name


def _is_worse(alert: PaymentAlert, finding: Finding) -> bool:
	"""Another record is another problem, even when their number is the same."""
	if alert.fingerprint != _fingerprint(finding) and set(finding.records) - set(
		(alert.details or "").split()
	):
		return True
	return finding.level >= flt(alert.level) + ESCALATION_POINTS


def _told(finding: Finding) -> dict:
	"""What the managers know from now on: the next message is about more than this."""
	return {
		"told_on": now_datetime(),
		"details": "\n".join(finding.records),
		"level": finding.level,
		"fingerprint": _fingerprint(finding),
	}


def _fingerprint(finding: Finding) -> str:
	return hashlib.sha256("\n".join(sorted(finding.records)).encode()).hexdigest()


def _live_key(finding: Finding) -> str:
	return f"{finding.kind}:{finding.subject}"[:140]


def _close_what_is_over(still_there: set[str], looked_at: set[str]) -> None:
	for row in frappe.get_all(ALERT, {"status": "Open"}, ["name", "kind", "live_key"]):
		if row.kind in looked_at and row.live_key not in still_there:
			safely(lambda name=row.name: in_transaction(_close, name))


def _close(name: str) -> None:
	alert = lock(ALERT, name)
	alert.update({"status": "Closed", "closed_on": now_datetime(), "live_key": None})
	alert.save(ignore_permissions=True)


# Telling ------------------------------------------------------------------------------------------


def notify(name: str) -> None:
	"""Desk notification and mail to everybody who looks after payments."""
	alert = frappe.get_doc(ALERT, name)
	users = recipients()
	for user in users:
		safely(lambda user=user: _notify(alert, user.name))
	if cint(frappe.get_cached_doc("Payment Settings").send_alert_mails):
		safely(lambda: _mail(alert, [user.email for user in users]))


def recipients() -> list[frappe._dict]:
	"""Payments Managers; the System Managers while there is none, because an alert to nobody is silence."""
	for role in ("Payments Manager", "System Manager"):
		names = frappe.get_all("Has Role", {"role": role, "parenttype": "User"}, pluck="parent")
		filters = {"name": ("in", names), "enabled": 1}
		users = [
			u
			for u in frappe.get_all("User", filters, ["name", "email"])
			if u.name not in frappe.STANDARD_USERS
		]
		if users:
			return users
	return []


def _notify(alert: PaymentAlert, user: str) -> None:
	log = frappe.new_doc("Notification Log")
	log.update({"for_user": user, "type": "Alert", "document_type": ALERT, "document_name": alert.name})
	log.update({"subject": escape_html(_title(alert)), "email_content": escape_html(alert.summary or "")})
	log.insert(ignore_permissions=True)


def _mail(alert: PaymentAlert, addresses: list[str]) -> None:
	if not addresses:
		return
	values = {
		"kind": _(alert.kind),
		"subject": alert.subject,
		"summary": alert.summary,
		"severity": _(alert.severity),
		"records": (alert.details or "").split()[:10],
		"is_worse": _is_told_again(alert),
		"link": get_url(f"{desk_path()}/payment-alert/{alert.name}"),
	}
	subject, message = mail_templates.render("alert", None, values)
	frappe.sendmail(
		recipients=addresses,
		subject=subject,
		message=message,
		reference_doctype=ALERT,
		reference_name=alert.name,
	)


def _title(alert: PaymentAlert) -> str:
	prefix = _("Payment alert (getting worse)") if _is_told_again(alert) else _("Payment alert")
	return f"{prefix}: {_(alert.kind)}, {alert.subject}"


def _is_told_again(alert: PaymentAlert) -> bool:
	return cint(alert.times_told) > 1
