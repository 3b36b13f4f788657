"""Send a new link to the customer's address or phone on file: never to one that comes with the request."""

import frappe
from frappe import _
from frappe.utils import cint

from oropendola_payments.ai_billing.current import payment_settings
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.ai_payment_link.ai_payment_link import AIPaymentLink
from oropendola_payments.engine.core import after_commit
from oropendola_payments.engine.core.counters import count, take_back
from oropendola_payments.engine.links.create import create, require_payable
from oropendola_payments.engine.links.find import find, invoice_of
from oropendola_payments.engine.notifications import emails
from oropendola_payments.engine.phone import numbers, otp, sms
from oropendola_payments.exceptions import TooManyRequests, Unavailable, Unprocessable
from oropendola_payments.money import money_text

DAY, HOUR, MINUTES_10 = 86400, 3600, 600
EMAILS_PER_INVOICE, SMS_PER_INVOICE = 5, 2
# Customers choose the number in their profile, and can order again and again.
SMS_PER_PHONE = 4
RESENDS_PER_LINK, RESENDS_PER_ADDRESS = 3, 10


def send(invoice: AIInvoice, channel: str, made_by: str) -> dict:
	"""Send a new link by Email or SMS and return where to, without the address itself."""
	require_payable(invoice)
	return _by_sms(invoice, made_by) if channel == "SMS" else _by_email(invoice, made_by)


def _by_email(invoice: AIInvoice, made_by: str) -> dict:
	if not emails.can_be_sent():
		raise Unavailable(_("Emails cannot be sent because no outgoing email account is set up."))
	_limit("link:email", invoice, EMAILS_PER_INVOICE)
	made = create(invoice.name, channel="Email", made_by=made_by)
	emails.payment_link(invoice, made.address)
	return {"link": made.link.name, "channel": "Email"}


def _by_sms(invoice: AIInvoice, made_by: str) -> dict:
	phone = numbers.phone_of(invoice.user)
	if not phone:
		raise Unprocessable(_("There is no phone number on file for this customer."))
	sms.require_ready()
	phone = numbers.phone_number(phone)
	_limit("link:sms", invoice, SMS_PER_INVOICE)
	try:
		limit_sms(phone)
	except TooManyRequests:
		take_back("link:sms", invoice.name)  # nothing was sent
		raise
	made = create(invoice.name, channel="SMS", made_by=made_by)
	sms.send(phone, sms_text(invoice, made.address))
	return {"link": made.link.name, "channel": "SMS", "phone": numbers.masked_phone(phone)}


def sms_text(invoice: AIInvoice, address: str) -> str:
	"""Return the text of an SMS with a link, as Payment Settings have it. Raises Unavailable if that text is not valid."""
	amount = f"{invoice.currency} {money_text(invoice.outstanding(), invoice.currency)}"
	try:
		return payment_settings().link_text(address, amount)
	except ValueError:
		raise Unavailable(
			_("The text of the SMS in Payment Settings is not valid. An administrator can correct it.")
		) from None


def _limit(kind: str, invoice: AIInvoice, most: int) -> None:
	number, left = count(kind, invoice.name, DAY)
	if number > most:
		message = _("This invoice was sent too often. Please try again in {0} hours, or copy the link.")
		raise TooManyRequests(message.format(-(-left // 3600)))


def limit_sms(phone: str) -> None:
	"""Count an SMS with a link. Raises TooManyRequests if there were too many for this phone, or of the whole site."""
	number, left = count("link:sms_phone", phone, DAY)
	if number > SMS_PER_PHONE:
		message = _(
			"Too many links were sent to this phone number. Please try again in {0} hours, or copy the link."
		)
		raise TooManyRequests(message.format(-(-left // 3600)))
	number, left = count("link:sms_site", "all", HOUR)
	if number > otp.most_per_site(payment_settings()):
		take_back("link:sms_phone", phone)
		message = _("We cannot send more links by SMS at the moment. Please try again in {0} minutes.")
		raise TooManyRequests(message.format(-(-left // 60)))


def uncount_sms(phone: str) -> None:
	"""Undo `limit_sms` for an SMS that was not sent."""
	take_back("link:sms_phone", phone)
	take_back("link:sms_site", "all")


def resend(token: str) -> None:
	"""Have a new link mailed to the customer, for somebody whose link ended.

	Whether one was sent is not told: neither that there is an address, nor that the invoice is still open.
	"""
	link = find(token)
	_limit_address()
	if count("link:resend", link.name, DAY)[0] <= RESENDS_PER_LINK:
		path = "oropendola_payments.engine.link_checkout.send.mail_new_link"
		after_commit.enqueue(path, queue=after_commit.MAILS, link=link.name)


def mail_new_link(link: str) -> None:
	"""Mail a new link for the same invoice, in a worker: so the answer takes as long for an address as for none."""
	doc: AIPaymentLink = frappe.get_doc("AI Payment Link", link)
	invoice = invoice_of(doc)
	is_wanted = invoice.is_payable() and not cint(invoice.needs_review)
	if is_wanted and not invoice.is_external() and emails.can_be_sent():
		emails.payment_link(invoice, create(invoice.name, channel="Email", step="payment_link").address)


def _limit_address() -> None:
	address = getattr(frappe.local, "request_ip", None) or "unknown"
	number, left = count("link:resend_address", address, MINUTES_10)
	if number > RESENDS_PER_ADDRESS:
		message = _("Too many links were requested from your network. Please try again in {0} minutes.")
		raise TooManyRequests(message.format(-(-left // 60)))
