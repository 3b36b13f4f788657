import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import cint, flt

from oropendola_payments.ai_billing.doctype.payment_event.payment_event import append_to_site
from oropendola_payments.ai_billing.doctype.payment_webhook_log.payment_webhook_log import SHORTEST_DAYS


class PaymentSettings(Document):
	def onload(self):
		from oropendola_payments.engine.gateway.live_guard import is_confirmed, this_site

		self.set_onload("live_site", {"this_site": this_site(), "confirmed": is_confirmed()})

	def validate(self):
		self.validate_numbers()
		self.validate_reminder_days()
		self.validate_otp_message()

	def validate_numbers(self):
		if cint(self.abandon_after_minutes) < 5:
			frappe.throw(_("Payments need at least 5 minutes before they may count as abandoned."))
		for field in ("tax_rate", "alert_abandoned_percent", "alert_failed_percent"):
			if not 0 <= flt(self.get(field)) <= 100:
				frappe.throw(_("{0} must be between 0 and 100.").format(_(self.meta.get_label(field))))
		if not 1 <= cint(self.otp_expiry_minutes) <= 10:
			frappe.throw(_("Codes by SMS may live between 1 and 10 minutes."))
		if 0 < cint(self.raw_payload_days) < SHORTEST_DAYS:
			message = _(
				"Messages of gateways are evidence while a payment can be disputed. Please keep them for at least {0} days, or enter 0 to keep them for ever."
			)
			frappe.throw(message.format(SHORTEST_DAYS))

	def validate_otp_message(self):
		from oropendola_payments.engine.phone.otp import fill_in

		try:
			fill_in(self.otp_message or "{code}", "000000", "499.00 INR", "Shop")
		except ValueError:
			frappe.throw(
				_(
					"The text of the SMS must say {0}, may say {1} and {2}, and nothing else in curly brackets."
				).format("{code}", "{amount}", "{shop}")
			)

	def validate_reminder_days(self):
		try:
			self.reminder_offsets()
		except ValueError:
			frappe.throw(_("Reminder days are whole numbers with commas between them, such as 7,3,1,-1."))

	def reminder_offsets(self) -> list[int]:
		"""Days before the end date, largest first; negative ones lie after it."""
		return sorted(
			{int(part) for part in (self.reminder_days or "").split(",") if part.strip()}, reverse=True
		)

	def on_update(self):
		if before := self.get_doc_before_save():
			changed = [
				f.fieldname for f in self.meta.fields if before.get(f.fieldname) != self.get(f.fieldname)
			]
			if changed:
				append_to_site("settings_changed", self, fields=changed)
