"""Register, change, disable and delete endpoints: managers those for all customers, customers their own."""

import frappe
from frappe import _
from frappe.utils import cint, now_datetime

from oropendola_payments.ai_billing import formatting, outbox, records, webhook_types
from oropendola_payments.ai_billing.current import forget, payment_settings
from oropendola_payments.ai_billing.doctype.ai_webhook_endpoint.ai_webhook_endpoint import AIWebhookEndpoint
from oropendola_payments.ai_billing.doctype.payment_event.payment_event import append_to_site
from oropendola_payments.engine.core.transactions import in_transaction, lock
from oropendola_payments.engine.gateway import live_guard
from oropendola_payments.engine.webhooks_out import addresses, outcome, secret
from oropendola_payments.exceptions import BadRequest, Conflict, NotAllowed, NotFound

ENDPOINT = "AI Webhook Endpoint"
LONGEST_OVERLAP = 72
MOST_FOR_STAFF = 20

LEFT = """
	SELECT e.name FROM `tabAI Webhook Endpoint` e LEFT JOIN `tabUser` u ON u.name = COALESCE(e.user, e.made_by)
	WHERE e.status = 'Active' AND (u.name IS NULL OR u.enabled = 0 OR (e.user IS NULL AND u.name <> 'Administrator'
		AND NOT EXISTS (SELECT 1 FROM `tabHas Role` r
			WHERE r.parenttype = 'User' AND r.parent = u.name AND r.role = 'Payments Manager')))
	ORDER BY e.name
"""


class EndpointLimitReached(Conflict):
	error_code = "endpoint_limit"


def create(owner: str | None, url: str, events: list[str], description: str | None = None) -> dict:
	"""Register an endpoint and return it with its secret, once. `owner` is the customer; None means all customers' events."""
	addresses.parse(url)
	_require_known(events, owner)
	return in_transaction(_create, owner, url, events, description)


def _create(owner: str | None, url: str, events: list[str], description: str | None) -> dict:
	_require_room(owner)
	endpoint = records.new(ENDPOINT)
	endpoint.update(
		{
			"url": url,
			"description": description,
			"user": owner,
			"made_by": frappe.session.user,
			"events": "\n".join(events),
			"status": "Active",
			"enabled_on": now_datetime(),
			"site": live_guard.this_site(),
			"failures": 0,
			"last_position": 0,
		}
	)
	endpoint.add()
	forget(ENDPOINT)
	key = secret.rotate(endpoint, 0)
	append_to_site("webhook_endpoint_registered", endpoint, address=host_of(url), events=events)
	_send_state(endpoint)
	return {**about(endpoint), "secret": key}


def _require_room(owner: str | None) -> None:
	"""Raise EndpointLimitReached if no more are allowed. Requests of one customer wait for each other at the user's row."""
	if owner:
		frappe.db.get_value("User", owner, "name", for_update=True)
	limit = cint(payment_settings().max_webhook_endpoints) if owner else MOST_FOR_STAFF
	count = frappe.db.count(ENDPOINT, {"user": owner} if owner else {"user": ("is", "not set")})
	if count >= limit:
		message = _("There are already {0} endpoints, which is the limit. Please delete one first.")
		raise EndpointLimitReached(message.format(count))


def customers_may() -> bool:
	"""Return whether customers of this site may register endpoints."""
	return bool(cint(payment_settings().customer_webhooks))


def require_customers_may() -> None:
	if not customers_may():
		raise NotAllowed(_("On this site, customers cannot register webhook endpoints."))


def update(name: str, url: str | None, events: list[str] | None, description: str | None) -> dict:
	if url:
		addresses.parse(url)
	return in_transaction(_update, name, url, events, description)


def _update(name: str, url: str | None, events: list[str] | None, description: str | None) -> dict:
	endpoint = lock(ENDPOINT, name)
	values: dict = {}
	if url and url != endpoint.url:
		values["url"] = url
	if events is not None:
		_require_known(events, endpoint.user)
		values["events"] = "\n".join(events)
	if description is not None:
		values["description"] = description
	if values:
		endpoint.write(**values)
		forget(ENDPOINT)
		append_to_site(
			"webhook_endpoint_changed", endpoint, fields=sorted(values), address=host_of(endpoint.url)
		)
	return about(endpoint)


def rotate_secret(name: str, overlap_hours: int) -> dict:
	"""Return a new secret, once. The one before signs too for `overlap_hours` more."""
	if not 0 <= overlap_hours <= LONGEST_OVERLAP:
		message = _("The old secret can sign for 0 to {0} hours more. Please send another number.")
		raise BadRequest(message.format(LONGEST_OVERLAP))
	return in_transaction(_rotate, name, overlap_hours)


def _rotate(name: str, overlap_hours: int) -> dict:
	endpoint = lock(ENDPOINT, name)
	if overlap_hours and endpoint.overlaps():
		message = _(
			"The secret before this one still signs until {0}. Please wait until then, or replace it without an overlap."
		)
		raise Conflict(message.format(formatting.moment(endpoint.secret_before_until)))
	key = secret.rotate(endpoint, overlap_hours)
	append_to_site("webhook_secret_rotated", endpoint, overlap_hours=overlap_hours)
	return {**about(endpoint), "secret": key}


def disable(name: str) -> dict:
	return in_transaction(_disable, name)


def _disable(name: str) -> dict:
	endpoint = lock(ENDPOINT, name)
	outcome.disable(endpoint, "By Hand")
	return about(endpoint)


def enable(name: str) -> dict:
	"""Send events again. A customer's endpoint first gets the whole state, because it may have missed something.

	A manager who enables an endpoint for all customers is responsible for it from then on.
	"""
	return in_transaction(_enable, name)


def _enable(name: str) -> dict:
	endpoint = lock(ENDPOINT, name)
	addresses.parse(endpoint.url)
	if endpoint.user and not endpoint.has_owner():
		raise Conflict(_("The customer of this endpoint cannot log in, so nothing is sent to it."))
	if endpoint.enable():
		takes_over = {} if endpoint.user else {"made_by": frappe.session.user}
		endpoint.write(site=live_guard.this_site(), **takes_over)
		append_to_site("webhook_endpoint_enabled", endpoint)
		_send_state(endpoint)
	return about(endpoint)


def disable_left() -> list[str]:
	"""Disable the endpoints of managers who are none any more and of customers who cannot log in. Return their names."""
	left = [name for (name,) in frappe.db.sql(LEFT)]
	return [name for name in left if in_transaction(_disable_if_left, name)]


def _disable_if_left(name: str) -> bool:
	endpoint = lock(ENDPOINT, name)
	if endpoint.has_owner():
		return False
	return outcome.disable(endpoint, "Customer Left" if endpoint.user else "Manager Left")


def _send_state(endpoint: AIWebhookEndpoint) -> None:
	if endpoint.user:
		outbox.announce(webhook_types.STATE_CHANGED, endpoint.user)


def delete(name: str) -> dict:
	"""Delete an endpoint with its log and secrets. The audit trail keeps that it was there."""
	return in_transaction(_delete, name)


def _delete(name: str) -> dict:
	endpoint = lock(ENDPOINT, name)
	remove(endpoint)
	append_to_site("webhook_endpoint_deleted", endpoint, address=host_of(endpoint.url))
	return {"endpoint": name, "deleted": True}


def remove(endpoint: AIWebhookEndpoint) -> None:
	"""Remove the rows of a locked endpoint. The caller commits."""
	deliveries = frappe.get_all("AI Webhook Delivery", {"endpoint": endpoint.name}, pluck="name")
	if deliveries:
		frappe.db.delete("AI Webhook Attempt", {"parent": ("in", deliveries)})
	frappe.db.delete("AI Webhook Delivery", {"endpoint": endpoint.name})
	frappe.db.delete("AI Webhook Event", {"endpoint": endpoint.name})
	secret.forget(endpoint.name)
	frappe.db.delete(ENDPOINT, {"name": endpoint.name})
	forget(ENDPOINT)


def forget_user(user: str) -> None:
	"""Remove the endpoints and events of a customer who was deleted. The caller commits."""
	for name in frappe.get_all(ENDPOINT, {"user": user}, pluck="name"):
		remove(lock(ENDPOINT, name))
	for name in frappe.get_all("AI Webhook Event", {"user": user}, pluck="name"):
		frappe.db.set_value("AI Webhook Event", name, "data", "{}", update_modified=False)


def own(user: str, name: str) -> str:
	"""Return the name of the customer's endpoint. Another one's is not found."""
	if not frappe.db.exists(ENDPOINT, {"name": name, "user": user}):
		raise NotFound(_("You have no webhook endpoint {0}.").format(name))
	return name


def for_all_customers(name: str) -> bool:
	return bool(frappe.db.exists(ENDPOINT, {"name": name, "user": ("is", "not set")}))


def list_of(user: str | None) -> list[dict]:
	"""Return the endpoints of a customer, or with None those for all customers, the oldest first."""
	filters = {"user": user} if user else {"user": ("is", "not set")}
	return [
		about(frappe.get_doc(ENDPOINT, name))
		for name in frappe.get_all(ENDPOINT, filters, pluck="name", order_by="creation")
	]


def about(endpoint: AIWebhookEndpoint) -> dict:
	"""Return what the owner may know of an endpoint. The secret is not part of it."""
	return {
		"endpoint": endpoint.name,
		"url": endpoint.url,
		"description": endpoint.description or "",
		"events": list(endpoint.chosen()),
		"all_customers": not endpoint.user,
		"status": endpoint.status,
		"disabled_reason": endpoint.disabled_reason or None,
		"failing_since": endpoint.failing_since,
		"last_error": endpoint.last_error,
		"last_success_on": endpoint.last_success_on,
		"old_secret_valid_until": endpoint.secret_before_until if endpoint.overlaps() else None,
	}


def types_for(owner: str | None) -> tuple[str, ...]:
	return webhook_types.CUSTOMER_TYPES if owner else webhook_types.TYPES


def host_of(url: str) -> str:
	"""Return the host alone, because paths often contain a secret of the receiver."""
	return addresses.parse(url).host


def _require_known(events: list[str], owner: str | None) -> None:
	wrong = webhook_types.unknown(events, types_for(owner))
	if wrong:
		message = _("There is no event {0}. Please choose from: {1}.")
		raise BadRequest(message.format(", ".join(wrong), ", ".join(types_for(owner))))
