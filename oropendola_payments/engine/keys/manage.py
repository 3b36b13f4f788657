"""Create, rename and revoke keys. All keys of a subscription use its one quota."""

import frappe
from frappe import _
from frappe.utils import now_datetime

from oropendola_payments.ai_billing.doctype.ai_api_key.ai_api_key import AIAPIKey, new_api_key
from oropendola_payments.ai_billing.doctype.payment_event.payment_event import append_to_site
from oropendola_payments.engine.core.transactions import in_transaction
from oropendola_payments.engine.keys import names, own
from oropendola_payments.engine.keys.tell import tell
from oropendola_payments.engine.subscriptions.lookup import own_subscription
from oropendola_payments.exceptions import Conflict, NotFound


class KeyLimitReached(Conflict):
	error_code = "key_limit"


def create(user: str, name: str, subscription_id: str | None = None) -> dict:
	"""Create another key and return it in plain text, once. Raises KeyLimitReached if the plan allows no more."""
	subscription = own_subscription(user, subscription_id).name
	return tell("created", in_transaction(_create, subscription, names.clean(name)))


def _create(subscription_id: str, name: str) -> dict:
	subscription, keys = own.lock_keys(subscription_id)
	subscription.require_keys()
	active = own.active(keys)
	limit = subscription.get_plan().key_limit()
	if len(active) >= limit:
		message = _("Your plan allows {0} API keys. Please revoke one first, or replace one instead.")
		raise KeyLimitReached(
			message.format(limit)
			if limit > 1
			else _("Your plan allows one API key. Please replace it instead.")
		)
	names.require_free(name, active)
	doc, key = new_api_key(subscription, revealed=True, name=name)
	own.point_to_oldest(subscription, [*active, doc])
	append_to_site("api_key_created", doc, subscription=subscription.name)
	return {"api_key": key, **about(doc)}


def rename(user: str, key_id: str, name: str) -> dict:
	return in_transaction(_rename, own.subscription_of(user, key_id), key_id, names.clean(name))


def _rename(subscription_id: str, key_id: str, name: str) -> dict:
	_subscription, keys = own.lock_keys(subscription_id)
	key = named(keys, key_id)
	names.require_free(name, [other for other in keys if other.name != key_id])
	if key.key_name != name:
		key.write(key_name=name)
		append_to_site("api_key_renamed", key)
	return about(key)


def revoke(user: str, key_id: str) -> dict:
	"""End one key now. A second call changes nothing."""
	return _revoke(own.subscription_of(user, key_id), key_id)


def revoke_by_manager(key_id: str) -> dict:
	subscription = frappe.db.get_value("AI API Key", key_id, "subscription")
	if not subscription:
		raise NotFound(_("There is no API key {0}.").format(key_id))
	return _revoke(subscription, key_id)


def _revoke(subscription_id: str, key_id: str) -> dict:
	answer = in_transaction(_revoke_locked, subscription_id, key_id)
	changed = answer.pop("changed")
	return tell("revoked", answer) if changed else answer


def _revoke_locked(subscription_id: str, key_id: str) -> dict:
	subscription, keys = own.lock_keys(subscription_id)
	if key_id not in {key.name for key in keys}:
		return {**about(frappe.get_doc("AI API Key", key_id)), "changed": False}
	key = named(keys, key_id)
	before = key.status
	key.revoke()
	own.point_to_oldest(subscription, keys)
	append_to_site("api_key_revoked", key, subscription=subscription.name, before=before)
	return {**about(key), "changed": True}


def named(keys: list[AIAPIKey], key_id: str) -> AIAPIKey:
	key = next((key for key in keys if key.name == key_id), None)
	if not key:
		raise own.no_such_key(key_id)
	return key


def about(key: AIAPIKey | frappe._dict) -> dict:
	"""Return what the owner may know of a key."""
	retires = key.status == "Retiring"
	ended = retires and not key.works_at(now_datetime())
	return {
		"key_id": key.name,
		"subscription_id": key.subscription,
		"name": own.label(key),
		"prefix": key.key_prefix,
		"status": "Revoked" if ended else key.status,
		"valid_until": key.valid_until if retires else None,
		"last_used_on": key.last_used_on,
	}
