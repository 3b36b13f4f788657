"""Customers see only their own records: the functions that hooks.py names, one pair of rules for all."""

from oropendola_payments.ai_billing.records import may_see, own_records_condition


def has_permission(doc, ptype=None, user=None, debug=False) -> bool:
	return may_see(doc, user)


def subscription_conditions(user=None) -> str:
	return own_records_condition("AI Subscription", user)


def api_key_conditions(user=None) -> str:
	return own_records_condition("AI API Key", user)


def invoice_conditions(user=None) -> str:
	return own_records_condition("AI Invoice", user)


def attempt_conditions(user=None) -> str:
	return own_records_condition("Payment Attempt", user)
