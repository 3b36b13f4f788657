"""The accounts of ERPNext: one clearing account for each gateway and currency, and those of the taxes."""

import frappe
from frappe import _

from oropendola_payments.ai_billing.current import payment_settings
from oropendola_payments.engine.gateway.registry import settings_of
from oropendola_payments.integrations.outbox.types import NeedsAttention
from oropendola_payments.integrations.payments_app.registration import GATEWAY, gateway_name, is_possible

GATEWAY_ACCOUNT = "Payment Gateway Account"
BY_HAND = "Bank Transfer and Cash"


def company(gateway: str = "") -> str:
	"""Return the Company that sells; of an account at a gateway, the one whose account it is."""
	name = (gateway and owner_of(gateway)) or payment_settings().erpnext_company
	if not name or not frappe.db.exists("Company", name):
		message = _(
			"There is no Company {0} in ERPNext. Please correct it in Payment Settings or at the gateway."
		)
		raise NeedsAttention(message.format(name or "-"))
	return name


def owner_of(gateway: str) -> str:
	"""Return the Company whose account it is, or nothing where it may be that of any."""
	return "" if gateway == "manual" else settings_of(gateway).company or ""


def require_owner(gateway: str, company: str) -> None:
	"""Raise NeedsAttention if the money arrived in the account of another company than the one that books it."""
	owner = owner_of(gateway)
	if owner not in ("", company):
		message = _(
			"{0} is an account of {1}, but {2} books this payment. Please book it by hand in both companies."
		)
		raise NeedsAttention(message.format(settings_of(gateway).label, owner, company))


def currency_of(account: str) -> str:
	return frappe.db.get_value("Account", account, "account_currency")


def label_of(gateway: str) -> str:
	return gateway_name(BY_HAND if gateway == "manual" else settings_of(gateway).label)


def clearing_account(gateway: str, company: str, currency: str) -> str:
	"""Return the account in which the gateway's money waits for its payout, created if there is none.

	An accountant chooses another one in the Payment Gateway Account.
	"""
	label = label_of(gateway)
	chosen = _chosen(label, company, currency)
	if chosen:
		return chosen
	name = label if currency == _currency_of_company(company) else f"{label} {currency}"
	known = frappe.db.get_value("Account", {"account_name": name, "company": company, "is_group": 0})
	return known or _new_account(name, company, currency)


def _chosen(label: str, company: str, currency: str) -> str | None:
	if not is_possible() or not frappe.db.exists("DocType", GATEWAY_ACCOUNT):
		return None
	rows = frappe.get_all(
		GATEWAY_ACCOUNT, {"payment_gateway": label, "currency": currency}, pluck="payment_account"
	)
	return next((row for row in rows if frappe.db.get_value("Account", row, "company") == company), None)


def _new_account(name: str, company: str, currency: str) -> str:
	account = frappe.new_doc("Account")
	account.update(
		{
			"account_name": name,
			"company": company,
			"parent_account": _parent(company),
			"account_type": "Bank",
			"account_currency": currency,
			"is_group": 0,
		}
	)
	account.insert()
	return account.name


def _parent(company: str) -> str:
	group = {"company": company, "is_group": 1}
	for more in ({"account_type": "Bank"}, {"root_type": "Asset", "parent_account": ("is", "set")}):
		found = frappe.db.get_value("Account", {**group, **more}, "name", order_by="lft asc")
		if found:
			return found
	message = _("The chart of accounts of {0} has no group for bank accounts. Please add one.")
	raise NeedsAttention(message.format(company))


def _currency_of_company(company: str) -> str:
	return frappe.get_cached_value("Company", company, "default_currency")


def tax_account(hint: str, label: str, company: str) -> str:
	"""Return the account of a tax line: as its tax rule says, else the one with its label."""
	for name in (hint, label):
		for filters in ({"name": name}, {"account_name": name}):
			found = name and frappe.db.get_value("Account", {**filters, "company": company, "is_group": 0})
			if found:
				return found
	message = _("There is no account for the tax {0} in {1}. Please enter its name in the AI Tax Rule.")
	raise NeedsAttention(message.format(hint or label, company))


def ensure_gateway_account(gateway: str, company: str) -> None:
	"""Let Payment Requests of this company be paid at the gateway, without making it their default."""
	label, currency = label_of(gateway), _currency_of_company(company)
	if not frappe.db.exists(GATEWAY, label) or _chosen(label, company, currency):
		return
	account = frappe.new_doc(GATEWAY_ACCOUNT)
	account.update(
		{
			"payment_gateway": label,
			"payment_account": clearing_account(gateway, company, currency),
			"currency": currency,
			"company": company,
			"payment_channel": "Email",
			"is_default": 0,
		}
	)
	account.insert()


# Payouts ------------------------------------------------------------------------------------------

SETTINGS_OF = {
	"Bank": "payout_bank_account",
	"Fee": "payout_fee_account",
	"Tax on Fee": "payout_tax_account",
	"Dispute": "payout_dispute_account",
	"Adjustment": "payout_adjustment_account",
	"Reserve": "payout_reserve_account",
	"Not Booked": "payout_unbooked_account",
}


def of_payout(what: str, gateway: str, company: str, currency: str) -> str:
	"""Return the account for one part of a payout, as the settings name it: by its name, with or without company, or its number."""
	field = SETTINGS_OF[what]
	own = settings_of(gateway).get(field) if what == "Bank" else None
	name = (own or payment_settings().get(field) or "").strip()
	if not name:
		label = _(frappe.get_meta("Payment Settings").get_label(field))
		message = _("Please enter the account “{0}” in Payment Settings, section Accounts of Payouts.")
		raise NeedsAttention(message.format(label))
	for filters in ({"name": name}, {"account_name": name}, {"account_number": name}):
		found = frappe.db.get_value("Account", {**filters, "company": company})
		if found:
			require_usable(found, company, currency)
			return found
	message = _(
		"There is no account {0} in {1}. Please correct it in Payment Settings, section Accounts of Payouts."
	)
	raise NeedsAttention(message.format(name, company))


def require_usable(account: str, company: str, currency: str) -> None:
	"""Raise NeedsAttention for an account into which nothing of this company and currency can be booked."""
	fields = ["company", "account_currency", "is_group", "disabled"]
	row = frappe.db.get_value("Account", account, fields, as_dict=True)
	if not row or row.company != company or row.is_group or row.disabled:
		message = _("The account {0} cannot be booked into for {1}. Please choose another one.")
		raise NeedsAttention(message.format(account, company))
	if row.account_currency and row.account_currency != currency:
		message = _("The account {0} is in {1}, but the payout is in {2}. Please choose another one.")
		raise NeedsAttention(message.format(account, row.account_currency, currency))
