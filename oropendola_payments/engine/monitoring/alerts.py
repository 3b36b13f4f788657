"""Alerts for Payments Managers: notify when a problem begins and when it gets worse, but not while it just continues.

Each alert is committed by itself. Notifications are sent after that commit, so a failure affects nothing else.
"""

import hashlib
from datetime import timedelta

import frappe
from frappe import _
from frappe.utils import cint, escape_html, flt, get_datetime, get_url, now_datetime

from oropendola_payments.ai_billing.current import payment_settings
from oropendola_payments.ai_billing.doctype.payment_alert.payment_alert import PaymentAlert
from oropendola_payments.compat import desk_path
from oropendola_payments.engine.core.transactions import in_transaction, lock, safely
from oropendola_payments.engine.monitoring import alert_rules
from oropendola_payments.engine.monitoring.alert_rules import Finding
from oropendola_payments.engine.notifications import emails
from oropendola_payments.engine.notifications import templates as mail_templates

ALERT = "Payment Alert"
SHOWN = ("name", "kind", "subject", "severity", "summary", "opened_on", "last_seen_on")
ESCALATION_POINTS = 10  # percentage points
PLACEHOLDER = "admin@example.com"  # what Frappe gives Administrator; nobody reads it
MIN_PAUSE = timedelta(hours=1)  # between two notifications about one alert


def evaluate(violations: dict[str, list[str]] | None = None) -> list[str]:
	"""Open, escalate and close alerts. Return those notified about. Without `violations` the invariant alerts stay as they are."""
	found, evaluated = alert_rules.evaluate(violations)
	notified: list[str | None] = []
	for finding in found:
		safely(lambda finding=finding: notified.append(in_transaction(_open_or_escalate, finding)))
	_close_resolved({_live_key(finding) for finding in found}, evaluated)
	names = [name for name in notified if name]
	for name in names:
		notify(name)
	return names


def open_alerts() -> list[frappe._dict]:
	# Frappe 15 leaves `last_seen_on` out of `get_all`, because it contains the name of its optional column `_seen`.
	alert = frappe.qb.DocType(ALERT)
	query = (
		frappe.qb.from_(alert).where(alert.status == "Open").orderby(alert.severity).orderby(alert.opened_on)
	)
	return query.select(*(alert[field] for field in SHOWN)).run(as_dict=True)


# One alert ----------------------------------------------------------------------------------------


def _open_or_escalate(finding: Finding) -> str | None:
	"""Create or update the alert of a finding. Return its name if a notification is due."""
	name = frappe.db.get_value(ALERT, {"live_key": _live_key(finding)}, "name")
	if not name:
		return _open(finding)
	alert = lock(ALERT, name)
	alert.update({"last_seen_on": now_datetime(), "summary": finding.summary})
	worse = _is_worse(alert, finding) and now_datetime() - get_datetime(alert.told_on) >= MIN_PAUSE
	if worse:
		alert.update(
			{"severity": "Critical", **_notified_state(finding), "times_told": cint(alert.times_told) + 1}
		)
	alert.save(ignore_permissions=True)
	return alert.name if worse else None


def _open(finding: Finding) -> str:
	alert = frappe.new_doc(ALERT)
	now = now_datetime()
	alert.update(
		{"kind": finding.kind, "subject": finding.subject, "summary": finding.summary, "status": "Open"}
	)
	alert.update({"severity": finding.severity, "opened_on": now, "last_seen_on": now, "times_told": 1})
	alert.update({"live_key": _live_key(finding), **_notified_state(finding)})
	return alert.insert(ignore_permissions=True).name


def _is_worse(alert: PaymentAlert, finding: Finding) -> bool:
	"""Return whether a record was added (even if their number is the same), or the level rose by ESCALATION_POINTS."""
	if alert.fingerprint != _fingerprint(finding) and set(finding.records) - set(
		(alert.details or "").split()
	):
		return True
	return finding.level >= flt(alert.level) + ESCALATION_POINTS


def _notified_state(finding: Finding) -> dict:
	"""Return the values that the next evaluation is compared with."""
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


def _close_resolved(current: set[str], evaluated: set[str]) -> None:
	for row in frappe.get_all(ALERT, {"status": "Open"}, ["name", "kind", "live_key"]):
		if row.kind in evaluated and row.live_key not in current:
			safely(lambda name=row.name: in_transaction(_close, name))


def _close(name: str) -> None:
	alert = lock(ALERT, name)
	alert.update({"status": "Closed", "closed_on": now_datetime(), "live_key": None})
	alert.save(ignore_permissions=True)


# Notifications ------------------------------------------------------------------------------------


def notify(name: str) -> None:
	"""Send a Desk notification and a mail to all recipients."""
	alert = frappe.get_doc(ALERT, name)
	users = recipients()
	for user in users:
		safely(lambda user=user: _notify(alert, user.name))
	if cint(payment_settings().send_alert_mails):
		safely(lambda: _mail(alert, [user.email for user in users if user.email]))


def recipients() -> list[frappe._dict]:
	"""Return the Payments Managers, or the System Managers if there are none, or Administrator, so that somebody is notified."""
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
	email = frappe.db.get_value("User", "Administrator", "email")
	return [frappe._dict(name="Administrator", email=None if email == PLACEHOLDER else email)]


def _notify(alert: PaymentAlert, user: str) -> None:
	log = frappe.new_doc("Notification Log")
	log.update({"for_user": user, "type": "Alert", "document_type": ALERT, "document_name": alert.name})
	log.update({"subject": escape_html(_title(alert)), "email_content": escape_html(alert.summary or "")})
	log.insert(ignore_permissions=True)


def _mail(alert: PaymentAlert, addresses: list[str]) -> None:
	if not addresses or not emails.can_be_sent():
		return
	values = {
		"kind": _(alert.kind),
		"subject": alert.subject,
		"summary": alert.summary,
		"severity": _(alert.severity),
		"records": (alert.details or "").split()[:10],
		"is_worse": _is_escalated(alert),
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
	prefix = _("Payment alert (getting worse)") if _is_escalated(alert) else _("Payment alert")
	return f"{prefix}: {_(alert.kind)}, {alert.subject}"


def _is_escalated(alert: PaymentAlert) -> bool:
	return cint(alert.times_told) > 1
