"""Find the customer's own keys, and lock them with their subscription."""

import frappe
from frappe import _
from frappe.utils import now_datetime

from oropendola_payments.ai_billing.doctype.ai_api_key.ai_api_key import AIAPIKey
from oropendola_payments.ai_billing.doctype.ai_subscription.ai_subscription import AISubscription
from oropendola_payments.engine.core.transactions import lock, read
from oropendola_payments.exceptions import NotFound

LIVING = "`subscription` = %s AND (`status` <> 'Revoked' OR `suspended` = 1) ORDER BY `creation`, `name`"
LOCKED = "`subscription` = %s AND (`status` <> 'Revoked' OR `suspended` = 1) ORDER BY `creation`, `name` FOR UPDATE"


def subscription_of(user: str, key_id: str) -> str:
	"""Return the subscription of the customer's key. Another customer's key is not found."""
	subscription = frappe.db.get_value("AI API Key", {"name": key_id, "user": user}, "subscription")
	if not subscription:
		raise no_such_key(key_id)
	return subscription


def no_such_key(key_id: str) -> NotFound:
	return NotFound(_("You have no API key {0}.").format(key_id))


def lock_keys(subscription: str) -> tuple[AISubscription, list[AIAPIKey]]:
	"""Return the locked subscription and its keys that work or sleep, the oldest first."""
	doc = lock("AI Subscription", subscription)
	return doc, _living(LOCKED, subscription)


def living_keys(subscription: str) -> list[AIAPIKey]:
	return _living(LIVING, subscription)


def _living(where: str, subscription: str) -> list[AIAPIKey]:
	now = now_datetime()
	return [key for key in read("AI API Key", where, (subscription,)) if key.suspended or key.works_at(now)]


def active(keys: list[AIAPIKey]) -> list[AIAPIKey]:
	"""Return the keys that work without an end."""
	return [key for key in keys if key.status == "Active"]


def point_to_oldest(subscription: AISubscription, keys: list[AIAPIKey]) -> None:
	"""Let the subscription's link name a key that works on; empty if there is none."""
	names = [key.name for key in active(keys)]
	link = subscription.api_key_link if subscription.api_key_link in names else next(iter(names), None)
	if link != subscription.api_key_link:
		subscription.write(api_key_link=link)


def label(key: AIAPIKey | frappe._dict) -> str:
	"""Return what the customer calls the key. Keys without a name are called API key."""
	return key.key_name or _("API key")
