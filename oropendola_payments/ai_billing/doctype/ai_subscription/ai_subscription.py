from datetime import date
from typing import Any

import frappe
from frappe import _
from frappe.utils import cint, getdate, now_datetime

from oropendola_payments.ai_billing import outbox, webhook_types
from oropendola_payments.ai_billing.current import current
from oropendola_payments.ai_billing.doctype.ai_api_key.ai_api_key import (
	new_api_key,
	restore_keys,
	revoke_keys,
	suspend_keys,
)
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.ai_plan.ai_plan import AIPlan
from oropendola_payments.ai_billing.doctype.ai_plan_change.ai_plan_change import withdraw_open
from oropendola_payments.ai_billing.periods import add_interval, today, tomorrow
from oropendola_payments.ai_billing.quota_today import used_today
from oropendola_payments.ai_billing.records import StatefulRecord
from oropendola_payments.compat import add_index
from oropendola_payments.exceptions import Conflict, Unprocessable

TRANSITIONS = {
	"Pending": {"Trial", "Active", "Cancelled"},
	"Trial": {"Active", "Past Due", "Expired", "Cancelled"},
	"Active": {"Past Due", "Paused", "Expired", "Cancelled"},
	"Past Due": {"Active", "Expired", "Cancelled"},
	"Paused": {"Active", "Cancelled"},
	"Expired": {"Active", "Cancelled"},
	"Cancelled": set(),
}
# A customer has at most one of these for a plan. An expired one is renewed, not created again.
LIVE = ("Pending", "Trial", "Active", "Past Due", "Paused", "Expired")
SERVED = ("Trial", "Active")
# These end on their end date when they were cancelled for then.
ENDING = ("Trial", "Active", "Past Due", "Expired")
NOT_PAUSED = {"paused_on": None, "pause_until": None}
NOT_ENDING = {
	"cancel_at_period_end": 0,
	"cancel_requested_on": None,
	"cancel_reason": "",
	"cancel_note": None,
}
# Another first day than before begins the months anew. Weeks go on: those of a pause have moved for good.
MONTHS_NOT_MOVED = {"months_from": None, "month_days": 0}
NOTHING_SCHEDULED = {"next_plan": None, "switch_on": None}


class AISubscription(StatefulRecord):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		from oropendola_payments.ai_billing.doctype.ai_subscription_pause.ai_subscription_pause import (
			AISubscriptionPause,
		)

		api_key_link: DF.Link | None
		cancel_at_period_end: DF.Check
		cancel_note: DF.SmallText | None
		cancel_reason: DF.Literal[
			"",
			"Too expensive",
			"Not used enough",
			"Missing feature",
			"Technical problems",
			"Another service",
			"Temporary need",
			"Other",
		]
		cancel_requested_on: DF.Datetime | None
		coupon: DF.Link | None
		coupon_periods_left: DF.Int
		current_invoice: DF.Link | None
		daily_quota_limit: DF.Int
		daily_quota_remaining: DF.Int
		end_date: DF.Date | None
		ended_on: DF.Date | None
		had_trial: DF.Check
		is_default: DF.Check
		last_reminder: DF.Data | None
		live_key: DF.Data | None
		month_days: DF.Int
		months_from: DF.Date | None
		next_plan: DF.Link | None
		pause_until: DF.Date | None
		paused_on: DF.Date | None
		pauses: DF.Table[AISubscriptionPause]
		plan: DF.Link
		quota_reset_on: DF.Date | None
		replaced_by: DF.Link | None
		start_date: DF.Date | None
		status: DF.Literal["Pending", "Trial", "Active", "Past Due", "Paused", "Expired", "Cancelled"]
		switch_on: DF.Date | None
		used_before_change: DF.Int
		used_before_change_on: DF.Date | None
		user: DF.Link
		weeks_from: DF.Date | None
	# end: auto-generated types

	transitions = TRANSITIONS
	system_fields = (
		"start_date", "end_date", "quota_reset_on", "used_before_change", "used_before_change_on", "api_key_link", "current_invoice",
		"live_key", "had_trial", "replaced_by", "coupon", "coupon_periods_left", "is_default",
		"cancel_at_period_end", "cancel_requested_on", "cancel_reason", "cancel_note", "ended_on",
		"paused_on", "pause_until", "months_from", "month_days", "weeks_from", "next_plan", "switch_on",
	)  # fmt: skip

	# Form ---------------------------------------------------------------------------------------

	def before_insert(self) -> None:
		numbers = (
			"had_trial",
			"is_default",
			"cancel_at_period_end",
			"coupon_periods_left",
			"used_before_change",
			"month_days",
		)
		self.update({name: 0 if name in numbers else None for name in self.system_fields})
		self.set("pauses", [])
		self.live_key = self._live_key()

	def validate(self) -> None:
		super().validate()
		self.set_quota()

	def set_quota(self) -> None:
		"""Set the quota by the status, whatever was entered. Without service it is 0."""
		before = self.get_doc_before_save()
		if not self.has_service():
			self.daily_quota_limit = self.daily_quota_remaining = 0
		elif before:
			self.daily_quota_limit = before.daily_quota_limit
			self.daily_quota_remaining = before.daily_quota_remaining
		else:
			self.update(self._quota())

	def has_service(self) -> bool:
		return self.status in SERVED or (self.status == "Pending" and self.get_plan().is_really_free())

	def get_plan(self) -> AIPlan:
		return current("AI Plan", self.plan)

	# Moves --------------------------------------------------------------------------------------

	def start_free(self, reveal_key: bool = True, since: date | None = None, **values: Any) -> str | None:
		"""Start service without an end date, for a free plan. `since` is the first day, if the user had it before."""
		if not self.get_plan().is_really_free():
			frappe.throw(_("{0} is not free. Please pay the invoice first.").format(self.plan), Unprocessable)
		if self.status == "Active":
			return None
		values = {"start_date": since or today(), "end_date": None, **MONTHS_NOT_MOVED, **values}
		return self._start_service("Active", reveal_key, **values)

	def start_trial(self, reveal_key: bool = True) -> str | None:
		days = cint(self.get_plan().trial_days)
		if days < 1:
			frappe.throw(_("{0} does not have a trial period.").format(self.plan), Unprocessable)
		if self.status == "Trial":
			return None
		end = add_interval(today(), "Day", days)
		return self._start_service("Trial", reveal_key, start_date=today(), end_date=end, had_trial=1)

	def activate_after_payment(self, invoice: AIInvoice, **values: Any) -> str | None:
		"""Start or extend service by the period of this paid invoice, once. Return a new API key, if one was created.

		This key is not shown, because the customer may be away; `reveal` generates another one later. `values` are written too.
		"""
		if invoice.subscription != self.name or invoice.status != "Paid":
			message = _("Invoice {0} is {1}. Only a paid invoice for this subscription can activate it.")
			frappe.throw(message.format(invoice.name, _(invoice.status)), Conflict)
		if invoice.fulfilled_on:
			return None
		if invoice.covered_days:
			key = self.serve_days(invoice, cint(invoice.period_days), cint(invoice.period_days))
			invoice.write(fulfilled_on=now_datetime())
			return key
		start, end = self.next_period(invoice)
		key = self._serve(invoice, "subscription_served", start, end, values)
		invoice.write(fulfilled_on=now_datetime(), period_start=start, period_end=end)
		return key

	def serve_days(self, invoice: AIInvoice, covered: int, period_days: int) -> str | None:
		"""Start or extend service until `covered` of the days of this invoice's period are served. Return a new API key, if any.

		Days that were bought by earlier parts are not served again: after a gap, the rest begins today.
		"""
		start = getdate(self.end_date) if self.continues() else today()
		end = add_interval(start, "Day", covered - cint(invoice.covered_days))
		event = "days_covered" if invoice.covered_days else "subscription_served"
		key = self._serve(invoice, event, start, end, {}, days=covered)
		invoice.write(
			covered_days=covered,
			period_days=period_days,
			period_start=invoice.period_start or start,
			period_end=end,
		)
		return key

	def _serve(
		self, invoice: AIInvoice, event: str, start: date, end: date, values: dict, **details: Any
	) -> str | None:
		"""Serve until `end`. This withdraws a scheduled cancellation; a paused subscription keeps the days until it resumes."""
		asleep = self.status == "Paused"
		after = "Paused" if asleep else "Active"
		invoice.record(event, self, self.status, after, period_start=start, period_end=end, **details)
		if self.cancel_at_period_end:
			invoice.record("cancellation_withdrawn", self)
		goes_on = self.continues()
		values = {
			**values,
			**({} if goes_on or cint(invoice.covered_days) else MONTHS_NOT_MOVED),
			"start_date": self.start_date if goes_on else start,
			"end_date": end,
			"current_invoice": invoice.name,
			**NOT_ENDING,
		}
		if not asleep:
			return self._start_service("Active", False, **values)
		self.write(**values)
		return None

	def next_period(self, invoice: AIInvoice | None = None) -> tuple[date, date]:
		"""Return first day and end date of the next period: from the current end date, or from today.

		The invoice's own interval counts, even if the plan has changed since.
		"""
		terms = invoice if invoice and invoice.billing_interval else self.get_plan()
		start = getdate(self.end_date) if self.continues() else today()
		first_day = self.months_from or self.start_date
		anchor = getdate(first_day).day if self.continues() and first_day else None
		return start, add_interval(start, terms.billing_interval, cint(terms.interval_count), anchor)

	def continues(self) -> bool:
		"""Return whether a payment extends the current period. After the end date nothing is served, so a new period starts."""
		if not self.end_date:
			return False
		runs = self.status in ("Active", "Trial", "Past Due") and getdate(self.end_date) >= today()
		return runs or self.status == "Paused"

	def change_plan(self, plan: str, **values: Any) -> None:
		"""Go on with another plan until the same end date. What was used today still counts."""
		self.plan = plan
		quota = self._quota() if self.has_service() else {}
		self.write(plan=plan, live_key=self._live_key(), **NOTHING_SCHEDULED, **quota, **values)

	def restart(self, plan: str, end: date | None, since: date | None = None, **values: Any) -> None:
		"""Start a new period with another plan today, with the same key. A free plan has no end. `since` is another first day."""
		self.plan = plan
		values = {
			"plan": plan,
			"live_key": self._live_key(),
			**MONTHS_NOT_MOVED,
			**NOTHING_SCHEDULED,
			**values,
		}
		self._start_service("Active", False, start_date=since or today(), end_date=end, **values)

	def schedule_change(self, plan: str, on: date, **values: Any) -> None:
		"""Go on with another plan from that day. The next renewal is for it."""
		self.write(next_plan=plan, switch_on=on, **values)

	def call_off_change(self) -> None:
		self.write(**NOTHING_SCHEDULED)

	def renewal_plan(self) -> AIPlan:
		"""Return the plan that the next renewal is for."""
		return current("AI Plan", self.next_plan or self.plan)

	def mark_past_due(self) -> bool:
		suspend_keys(self.name)
		return self._move_to("Past Due", **self._no_service())

	def expire(self) -> bool:
		suspend_keys(self.name)
		return self._move_to("Expired", **self._no_service())

	def cancel(self, **values: Any) -> bool:
		revoke_keys(self.name)
		withdraw_open(self.name)
		values = {"ended_on": self.last_served_until(), **values}
		over = {
			"live_key": None,
			"cancel_at_period_end": 0,
			"is_default": 0,
			**NOT_PAUSED,
			**NOTHING_SCHEDULED,
		}
		return self._move_to("Cancelled", **over, **self._no_service(), **values)

	def last_served_until(self) -> date:
		"""Return the first day without service if it ended now."""
		return min(today(), getdate(self.end_date)) if self.end_date else today()

	def _swap(self, old: str, new: str, values: dict) -> None:
		super()._swap(old, new, values)
		if kind := webhook_types.subscription_type(old, new):
			about = {field: self.get(field) for field in ("plan", "start_date", "end_date")}
			outbox.announce(
				kind, self.user, subscription_id=self.name, status=new, previous_status=old, **about
			)

	def schedule_cancellation(self, reason: str, note: str | None) -> None:
		"""Cancel on the end date. Until then nothing changes."""
		self.write(
			cancel_at_period_end=1, cancel_requested_on=now_datetime(), cancel_reason=reason, cancel_note=note
		)

	def withdraw_cancellation(self) -> bool:
		"""Withdraw a scheduled cancellation. Return False if there is none."""
		if not self.cancel_at_period_end:
			return False
		self.write(**NOT_ENDING)
		return True

	def pause(self, until: date) -> bool:
		"""Stop service and keep the days that are left. What was used today still counts after the pause."""
		suspend_keys(self.name)
		return self._move_to("Paused", api_key_link=None, paused_on=today(), pause_until=until)

	def resume(self, **values: Any) -> None:
		"""Start service again after a pause."""
		self._start_service("Active", False, **NOT_PAUSED, **values)

	# Keys ---------------------------------------------------------------------------------------

	def create_api_key(self) -> str | None:
		"""Create an API key and return it in plain text, or None if there is an active one already."""
		if not self.has_service():
			message = _(
				"Subscription {0} is {1} and cannot have an API key. Please pay the open invoice first."
			)
			frappe.throw(message.format(self.name, _(self.status)), Unprocessable)
		link, key = self._get_or_create_key(revealed=True)
		if link != self.api_key_link:
			self.write(api_key_link=link)
		return key

	def require_keys(self) -> None:
		"""Raise Conflict without service: then there are no keys to change."""
		if not self.has_service():
			message = _("Subscription {0} is {1} and has no API keys to change.")
			frappe.throw(message.format(self.name, _(self.status)), Conflict)

	def _get_or_create_key(self, revealed: bool) -> tuple[str, str | None]:
		if self.api_key_link:
			return self.api_key_link, None
		restored = restore_keys(self.name) if self.status != "Pending" else None
		if restored:
			return restored, None
		doc, key = new_api_key(self, revealed)
		return doc.name, key

	# Helpers ------------------------------------------------------------------------------------

	def _start_service(self, status: str, reveal_key: bool, **values: Any) -> str | None:
		link, key = self._get_or_create_key(reveal_key)
		values = {**self._quota(), **values, "api_key_link": link}
		if not self._move_to(status, **values):
			self.write(**values)  # an extension: the status stays the same
		return key

	def _quota(self) -> dict:
		"""Return the quota of the plan, without what was used today: neither an extension nor another plan refills it."""
		limit = self.get_plan().daily_limit()
		runs = self.status in (*SERVED, "Paused") and self.quota_reset_on
		if runs and cint(self.daily_quota_limit) == limit:
			return {}
		used = used_today(self) if runs else 0
		left = limit if limit == -1 else max(0, limit - used)
		unseen = {"used_before_change": used - max(0, limit - left), "used_before_change_on": today()}
		return {
			"daily_quota_limit": limit,
			"daily_quota_remaining": left,
			"quota_reset_on": tomorrow(),
			**unseen,
		}

	def _no_service(self) -> dict:
		return {"daily_quota_limit": 0, "daily_quota_remaining": 0, "api_key_link": None}

	def _live_key(self) -> str:
		return f"{self.user}:{self.plan}"


def on_doctype_update() -> None:
	for field in ("end_date", "creation", "quota_reset_on"):
		add_index("AI Subscription", ["status", field])
