"""Give payment methods of older attempts the names that all gateways use now, and keep what the customer had requested."""

import frappe
from frappe.query_builder import DocType

REQUESTED = ("upi_intent", "upi_qr", "upi_collect", "saved_card")
NAMES = {
	"card": ("saved_card", "credit_card", "debit_card", "prepaid_card", "token", "cc", "dc"),
	"upi": ("upi_intent", "upi_qr", "upi_collect", "upi_ppi", "upi_credit_card"),
	"netbanking": ("net_banking", "nb"),
	"emi": ("cardless_emi", "credit_card_emi", "debit_card_emi"),
	"paylater": ("pay_later", "bnpl", "klarna", "affirm"),
	"wallet": ("link", "cash"),
	"bank": ("us_bank_account", "sepa_debit", "bank_transfer"),
	"paypal": (),
	"manual": (),
	"other": (),
}


def execute() -> None:
	attempt = DocType("Payment Attempt")
	for word in frappe.qb.from_(attempt).select(attempt.payment_method).distinct().run(pluck=True):
		if word and word not in NAMES:
			name = next((ours for ours, words in NAMES.items() if word.lower() in (ours, *words)), "other")
			query = frappe.qb.update(attempt).set(attempt.payment_method, name)
			if word in REQUESTED:
				query = query.set(attempt.requested_method, word)
			query.where(attempt.payment_method == word).run()
