"""Answers about billing profiles, coupons, documents, payment links and reminders."""

from typing import Literal

from typing_extensions import NotRequired, TypedDict

from oropendola_payments.api.answers.types import Amount, Date, InvoiceStatus, Time, Url


class BillingProfile(TypedDict):
	"""What is not known is an empty text."""

	kind: Literal["Person", "Company"]
	legal_name: str
	billing_email: str
	language: str
	po_reference: str
	address_line1: str
	address_line2: str
	city: str
	pincode: str
	country: str
	country_code: str
	state: str
	tax_id: str
	tax_id_type: str
	tax_id_status: Literal["", "Format Checked", "Confirmed", "Rejected", "Unchecked"]
	gst_category: Literal["", "Unregistered", "Registered Regular", "SEZ", "Overseas"]


class Profile(TypedDict):
	profile: BillingProfile


class CouponPrice(TypedDict):
	coupon: str
	plan_id: str
	currency: str
	price: Amount
	discount: Amount
	new_price: Amount
	tax_amount: Amount
	total_amount: Amount
	duration: Literal["Once", "Periods", "Forever"]
	periods: int
	sentence: str


class CouponOnInvoice(TypedDict):
	invoice_id: str
	status: InvoiceStatus
	coupon: str | None
	currency: str
	full_price: Amount
	discount_amount: Amount
	net_amount: Amount
	tax_amount: Amount
	total_amount: Amount
	outstanding_amount: Amount


class TaxDocument(TypedDict):
	number: str
	kind: Literal["Invoice", "Credit Note"]
	title: str
	issue_date: Date
	invoice: str
	corrects: str | None
	currency: str
	total_amount: Amount
	download_url: Url


class TaxDocuments(TypedDict):
	documents: list[TaxDocument]


class IssuedDocuments(TypedDict):
	documents: list[str]
	state: str | None
	problem: str | None


class ReissuedDocument(TypedDict):
	credit_note: str
	document: str


class NewPaymentLink(TypedDict):
	"""The address is returned only this time."""

	link: str
	invoice_id: str
	url: Url
	qr: str
	expires_at: Time


class SentPaymentLink(TypedDict):
	link: str
	channel: Literal["Email", "SMS"]
	email: NotRequired[str]
	phone: NotRequired[str]


class PaymentLink(TypedDict):
	link: str
	note: str | None
	channel: Literal["Copy", "Email", "SMS"]
	step: str | None
	created_at: Time
	expires_at: Time
	state: Literal["Active", "Expired", "Revoked", "Paid"]
	made_by: str | None
	payments_started: int
	last_used_on: Date | None
	paid_with: str | None


class PaymentLinks(TypedDict):
	links: list[PaymentLink]


class RevokedPaymentLink(TypedDict):
	link: str
	revoked: bool


class RequestedPaymentLink(TypedDict):
	requested: bool


class Reminders(TypedDict):
	channel: Literal["Email", "SMS"]
	reminders: bool


class StoppedReminders(TypedDict):
	invoice_id: str
	stopped: int
