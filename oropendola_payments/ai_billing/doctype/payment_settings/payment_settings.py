from string import Formatter
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import cint, flt

from oropendola_payments.ai_billing import upi
from oropendola_payments.ai_billing.doctype.payment_event.payment_event import append_to_site
from oropendola_payments.ai_billing.doctype.payment_webhook_log.payment_webhook_log import SHORTEST_DAYS
from oropendola_payments.ai_billing.origins import Origin, origin_of

if TYPE_CHECKING:
	from oropendola_payments.ai_billing.doctype.payment_frontend.payment_frontend import PaymentFrontend

MAX_WAIT_HOURS = 30 * 24
MOST_LINK_DAYS = 120
MAX_OVERLAP_HOURS = 168
SHORTEST_USAGE_DAYS = 8


class PaymentSettings(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		from oropendola_payments.ai_billing.doctype.ai_reminder_step.ai_reminder_step import AIReminderStep
		from oropendola_payments.ai_billing.doctype.payment_frontend.payment_frontend import PaymentFrontend

		abandon_after_minutes: DF.Int
		accept_documents: DF.Check
		alert_abandoned_percent: DF.Percent
		alert_failed_percent: DF.Percent
		alert_pending_hours: DF.Int
		close_unfinished_days: DF.Int
		confirmed_site: DF.Data | None
		credit_reminder_days: DF.Data | None
		customer_webhooks: DF.Check
		double_payment_policy: DF.Literal["Refund", "Credit", "Flag"]
		erpnext_company: DF.Data | None
		erpnext_user: DF.Link | None
		failed_tries_per_hour: DF.Int
		frontend_secret_made_on: DF.Datetime | None
		frontends: DF.Table[PaymentFrontend]
		grace_days: DF.Int
		link_days: DF.Int
		link_in_mails: DF.Check
		link_sms_message: DF.SmallText | None
		max_key_overlap_hours: DF.Int
		max_parts: DF.Int
		max_retries: DF.Int
		max_webhook_endpoints: DF.Int
		mcp_enabled: DF.Check
		mcp_for_staff: DF.Check
		mcp_self_registration: DF.Check
		messages_per_invoice: DF.Int
		metrics_token: DF.Password | None
		otp_expiry_minutes: DF.Int
		otp_message: DF.SmallText | None
		otp_per_phone_hour: DF.Int
		otp_per_site_hour: DF.Int
		otp_resend_seconds: DF.Int
		part_percent: DF.Percent
		part_reminder_days: DF.Data | None
		payout_adjustment_account: DF.Data | None
		payout_bank_account: DF.Data | None
		payout_dispute_account: DF.Data | None
		payout_fee_account: DF.Data | None
		payout_reserve_account: DF.Data | None
		payout_tax_account: DF.Data | None
		payout_unbooked_account: DF.Data | None
		post_since: DF.Datetime | None
		post_to_erpnext: DF.Check
		postings_complete_until: DF.Datetime | None
		prices_include_tax: DF.Check
		proposal_hours: DF.Int
		proxy_sets_usage: DF.Check
		quiet_from: DF.Int
		quiet_to: DF.Int
		raw_payload_days: DF.Int
		release_coupon_on_refund: DF.Check
		reminder_days: DF.Data | None
		reminder_steps: DF.Table[AIReminderStep]
		route_by_success: DF.Check
		seller_address: DF.SmallText | None
		seller_email: DF.Data | None
		seller_link: DF.Data | None
		seller_name: DF.Data | None
		seller_phone: DF.Data | None
		seller_tax_id: DF.Data | None
		send_alert_mails: DF.Check
		send_credit_mails: DF.Check
		send_failure_mails: DF.Check
		send_key_mails: DF.Check
		send_payment_mails: DF.Check
		send_payment_reminders: DF.Check
		send_refund_mails: DF.Check
		send_reminder_mails: DF.Check
		send_subscription_mails: DF.Check
		send_usage_mails: DF.Check
		tax_inclusive_currencies: DF.Data | None
		tax_label: DF.Data | None
		tax_rate: DF.Percent
		trial_policy: DF.Literal["Per Customer", "Per Plan", "Per Verified Phone"]
		trial_reminder_days: DF.Data | None
		upi_id: DF.Data | None
		usage_retention_days: DF.Int
		withdrawal_days: DF.Int
	# end: auto-generated types

	def validate(self) -> None:
		self.validate_numbers()
		self.validate_help_page()
		self.validate_upi_id()
		self.validate_reminder_days()
		self.validate_payment_reminders()
		self.validate_otp_message()
		self.validate_links()
		self.validate_parts()
		self.validate_frontends()
		self.validate_credits()

	def validate_numbers(self) -> None:
		if cint(self.abandon_after_minutes) < 5:
			frappe.throw(_("Please allow at least 5 minutes before a payment counts as abandoned."))
		for field in ("tax_rate", "alert_abandoned_percent", "alert_failed_percent"):
			if not 0 <= flt(self.get(field)) <= 100:
				frappe.throw(_("{0} must be between 0 and 100.").format(_(self.meta.get_label(field))))
		if cint(self.max_key_overlap_hours) > MAX_OVERLAP_HOURS:
			frappe.throw(
				_("API keys can overlap for at most {0} hours. Please enter a smaller number.").format(
					MAX_OVERLAP_HOURS
				)
			)
		if not 1 <= cint(self.otp_expiry_minutes) <= 10:
			frappe.throw(_("A code must expire after 1 to 10 minutes."))
		if 0 < cint(self.raw_payload_days) < SHORTEST_DAYS:
			message = _(
				"Gateway messages are evidence while a payment can be disputed. Please keep them for at least {0} days, or enter 0 to keep them forever."
			)
			frappe.throw(message.format(SHORTEST_DAYS))

		if 0 < cint(self.usage_retention_days) < SHORTEST_USAGE_DAYS:
			message = _("Please keep usage entries for at least {0} days, or enter 0 to keep them forever.")
			frappe.throw(message.format(SHORTEST_USAGE_DAYS))

	def validate_help_page(self) -> None:
		address = urlsplit(self.seller_link or "https://example.com")
		if address.scheme not in ("http", "https") or not address.hostname:
			frappe.throw(_("The address of the help page must start with https://."))

	def validate_upi_id(self) -> None:
		self.upi_id = (self.upi_id or "").strip()
		if self.upi_id and not upi.is_upi_id(self.upi_id):
			frappe.throw(_("{0} is not a UPI ID. A UPI ID looks like shop@bank.").format(self.upi_id))

	def validate_otp_message(self) -> None:
		try:
			self.otp_text("000000", "INR 499.00")
		except ValueError:
			frappe.throw(
				_(
					"The text of the SMS must contain {0}. It can contain {1} and {2}, and nothing else in curly brackets."
				).format("{code}", "{amount}", "{shop}")
			)

	def validate_links(self) -> None:
		if not 1 <= cint(self.link_days) <= MOST_LINK_DAYS:
			frappe.throw(_("Payment links must expire after 1 to {0} days.").format(MOST_LINK_DAYS))
		try:
			self.link_text("https://example.com/p/x", "INR 499.00")
		except ValueError:
			message = _(
				"The text of the SMS must contain {0}. It can contain {1} and {2}, and nothing else in curly brackets."
			)
			frappe.throw(message.format("{link}", "{amount}", "{shop}"))

	def validate_frontends(self) -> None:
		origins = [self._validate_frontend(row) for row in self.frontends]
		if len(set(origins)) < len(origins):
			frappe.throw(_("Each frontend can be entered once."))
		if sum(cint(row.is_default) for row in self.frontends) > 1:
			frappe.throw(_("Only one frontend can be the default."))

	def _validate_frontend(self, row: "PaymentFrontend") -> Origin:
		try:
			origin = origin_of(row.origin or "")
			addresses = [row.get(f"{outcome}_url") for outcome in ("success", "failure", "pending")]
			foreign = [address for address in addresses if address and origin_of(address) != origin]
		except ValueError:
			frappe.throw(
				_(
					"Row {0}: an origin or address starts with https:// and names a host, without user and spaces."
				).format(row.idx)
			)
		if foreign:
			frappe.throw(_("Row {0}: {1} does not belong to {2}.").format(row.idx, foreign[0], origin.text()))
		row.origin = origin.text()
		return origin

	def link_text(self, link: str, amount: str) -> str:
		"""Return the text of an SMS with a payment link. ValueError for a template that is not valid."""
		return self._sms_text(self.link_sms_message or "{link}", "link", {"link": link, "amount": amount})

	def otp_text(self, code: str, amount: str) -> str:
		"""Return the text of the SMS. ValueError for a template without {code}, or with anything but {code}, {amount} and {shop}."""
		return self._sms_text(self.otp_message or "{code}", "code", {"code": code, "amount": amount})

	def _sms_text(self, template: str, required: str, values: dict) -> str:
		values = {**values, "shop": self.seller_name or frappe.local.site}
		parts = {tuple(part) for _text, *part in Formatter().parse(template) if part[0] is not None}
		plain = {(name, "", None) for name in values}
		if (required, "", None) not in parts or not parts <= plain:
			raise ValueError(
				f"Only {', '.join(values)} are allowed in curly brackets, and {required} is required."
			)
		return template.format(**values)

	def validate_reminder_days(self) -> None:
		try:
			self.reminder_offsets()
			trial_days = self.trial_reminder_offsets()
		except ValueError:
			frappe.throw(_("Reminder days must be whole numbers separated by commas, such as 7,3,1,-1."))
		if any(days < 1 for days in trial_days):
			frappe.throw(
				_("Trial reminders are sent before the end of a trial. Please enter days such as 3,1.")
			)

	def validate_payment_reminders(self) -> None:
		for field in ("quiet_from", "quiet_to"):
			if not 0 <= cint(self.get(field)) <= 23:
				frappe.throw(_("{0} must be an hour from 0 to 23.").format(_(self.meta.get_label(field))))
		seen = set()
		for row in self.reminder_steps:
			if not 0 <= cint(row.wait_hours) <= MAX_WAIT_HOURS:
				message = _("Row {0}: a reminder must be sent within {1} days.")
				frappe.throw(message.format(row.idx, MAX_WAIT_HOURS // 24))
			step = (row.failure_class, cint(row.wait_hours), row.channel)
			if step in seen:
				frappe.throw(_("Row {0}: this reminder is in the schedule twice.").format(row.idx))
			seen.add(step)

	def trial_reminder_offsets(self) -> list[int]:
		"""Return the days before the end of a trial on which a reminder is sent, largest first."""
		return _whole_numbers(self.trial_reminder_days)

	def reminder_offsets(self) -> list[int]:
		"""Return the days before the end date, largest first. Negative ones are after it."""
		return _whole_numbers(self.reminder_days)

	def validate_parts(self) -> None:
		if not 0 <= flt(self.part_percent) <= 50:
			frappe.throw(_("The smallest part must be between 0 and 50 percent."))
		if cint(self.max_parts) < 2:
			frappe.throw(_("Please allow at least 2 parts."))
		try:
			offsets = self.part_reminder_offsets()
		except ValueError:
			offsets = [-1]
		if any(days < 0 for days in offsets):
			frappe.throw(
				_("Part reminder days must be whole numbers of 0 or more separated by commas, such as 3,0.")
			)

	def validate_credits(self) -> None:
		try:
			offsets = self.credit_reminder_offsets()
		except ValueError:
			offsets = [0]
		if any(not 1 <= days <= 365 for days in offsets):
			frappe.throw(
				_(
					"Days before credits expire must be whole numbers from 1 to 365, separated by commas, such as 14,3."
				)
			)

	def credit_reminder_offsets(self) -> list[int]:
		"""Return the days before credits expire on which a reminder is sent, largest first."""
		return _whole_numbers(self.credit_reminder_days)

	def part_reminder_offsets(self) -> list[int]:
		"""Return the days before the due date of a part, largest first."""
		parts = (self.part_reminder_days or "").split(",")
		return sorted({int(part) for part in parts if part.strip()}, reverse=True)

	def on_update(self) -> None:
		if before := self.get_doc_before_save():
			changed = [
				f.fieldname for f in self.meta.fields if before.get(f.fieldname) != self.get(f.fieldname)
			]
			if changed:
				append_to_site("settings_changed", self, fields=changed)


def _whole_numbers(text: str | None) -> list[int]:
	"""Return the numbers of a list such as 7,3,1, the largest first. ValueError for anything else."""
	return sorted({int(part) for part in (text or "").split(",") if part.strip()}, reverse=True)
