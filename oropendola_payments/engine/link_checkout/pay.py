"""Open a payment through a link: for the invoice's owner, but without a session and without the owner's personal data."""

import frappe
from frappe import _
from frappe.utils import cint

from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.ai_payment_link.ai_payment_link import AIPaymentLink
from oropendola_payments.ai_billing.known_gateways import adapter_class
from oropendola_payments.engine.checkout import gateway_choice, initiate
from oropendola_payments.engine.core.counters import count
from oropendola_payments.engine.core.transactions import in_transaction, lock
from oropendola_payments.engine.gateway.registry import settings_of
from oropendola_payments.engine.links.find import find, invoice_of, standing
from oropendola_payments.engine.parts import rules
from oropendola_payments.engine.phone.numbers import phone_number
from oropendola_payments.engine.tax.reprice import BillingProfileMissing
from oropendola_payments.exceptions import BadRequest, Conflict, TooManyRequests, Unavailable
from oropendola_payments.gateways.base import Customer

HOUR = 3600
STARTS_PER_LINK, STARTS_PER_ADDRESS = 20, 40
EMAIL_LENGTH = 140


def pay(token: str, gateway: str | None, email: str = "", phone: str = "", next_part: bool = False) -> str:
	"""Open a payment and return the name of the attempt. A second click gets the same one.

	With `next_part` it pays the next part of an invoice that is paid in instalments, otherwise all that is due.
	"""
	link = find(token)
	invoice = invoice_of(link)
	_require_payable(link, invoice)
	_limit(link)
	code = _choose(gateway, invoice)
	payer = _payer(code, email, phone)
	if invoice.name != link.invoice:
		in_transaction(_lead_to, link.name, invoice.name)
	try:
		answer = initiate.initiate(
			invoice.user,
			invoice.name,
			code,
			_flow(code),
			customer=payer,
			confirms_phone=True,
			payment_link=link.name,
			amount=rules.next_amount(invoice) if next_part else None,
		)
	except BillingProfileMissing:
		# The payer does not know the customer's address, and must not change it.
		raise Conflict(
			_(
				"The tax depends on where the customer is. Please ask the customer to enter country and state on the billing page; then this link works."
			)
		) from None
	in_transaction(_count_use, link.name)
	return answer["attempt"]


def choices(invoice: AIInvoice) -> dict:
	"""Return the gateways that somebody without a log-in can use.

	Not those that first send a code to the customer's phone: whoever has the link need not have the phone. A document of another
	app names the only one that it can be paid with.
	"""
	listing = gateway_choice.available_for(invoice)
	usable = [entry for entry in listing["gateways"] if entry["available"] and not _needs_code(entry["id"])]
	default = next((entry["id"] for entry in usable if entry["recommended"]), None)
	return {"gateways": usable, "default": default or (usable[0]["id"] if usable else None)}


def _needs_code(code: str) -> bool:
	return bool(cint(settings_of(code).require_phone_code))


def _require_payable(link: AIPaymentLink, invoice: AIInvoice) -> None:
	state = standing(link, invoice)
	if state == "ended":
		raise Conflict(_("This payment link has ended. You can have a new one sent to the customer."))
	if state == "paid":
		raise Conflict(_("This invoice is already paid."))
	if state != "pay":
		raise Conflict(_("This invoice cannot be paid at the moment."))


def _limit(link: AIPaymentLink) -> None:
	address = getattr(frappe.local, "request_ip", None) or "unknown"
	for kind, whose, most in (
		("link:pay", link.name, STARTS_PER_LINK),
		("link:address", address, STARTS_PER_ADDRESS),
	):
		number, left = count(kind, whose, HOUR)
		if number > most:
			message = _("Too many payments were started. Please try again in {0} minutes.")
			raise TooManyRequests(message.format(-(-left // 60)))


def _choose(gateway: str | None, invoice: AIInvoice) -> str:
	offered = choices(invoice)
	code = gateway or offered["default"]
	if not code:
		message = _("Payments in {0} are not available at the moment. Please contact us.")
		raise Unavailable(message.format(invoice.currency))
	if code not in {entry["id"] for entry in offered["gateways"]}:
		raise BadRequest(_("This way to pay is not available here. Please choose another one."))
	return code


def _flow(code: str) -> str:
	"""Return the flow that needs no page of ours after the gateway's: windows and codes belong to a logged-in customer."""
	flows = adapter_class(code).capabilities.flows
	return "redirect" if "redirect" in flows else flows[0]


def _payer(code: str, email: str, phone: str) -> Customer:
	"""Return what the gateway is told about the payer: what they typed, and nothing about the owner.

	The account is random, so that no gateway shows one payer the cards that another one saved there.
	"""
	capabilities = adapter_class(code).capabilities
	label = settings_of(code).label
	if capabilities.needs_email and not email:
		raise BadRequest(_("{0} needs your email address. Please enter it below.").format(label))
	if email and (len(email) > EMAIL_LENGTH or not frappe.utils.validate_email_address(email)):
		raise BadRequest(_("This is not a valid email address."))
	if capabilities.needs_phone and not phone:
		raise BadRequest(_("{0} needs your phone number. Please enter it below.").format(label))
	return Customer("", email, phone_number(phone) if phone else "", account=frappe.generate_hash(length=20))


def _lead_to(name: str, invoice: str) -> None:
	"""Let the link pay the invoice that replaced its own, in the same row."""
	replacement, link = lock("AI Invoice", invoice), lock("AI Payment Link", name)
	replacement.record("link_moved", link, previous=link.invoice)
	link.write(invoice=invoice)
	replacement.flush_events()


def _count_use(name: str) -> None:
	lock("AI Payment Link", name).count_use()
