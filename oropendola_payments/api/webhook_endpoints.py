"""Webhook endpoints: customers register their own, managers also those for the events of all customers."""

import frappe

from oropendola_payments.ai_billing import webhook_types
from oropendola_payments.api import endpoint as public
from oropendola_payments.api import require_login, require_manager
from oropendola_payments.api.answers import webhooks as answers
from oropendola_payments.api.arguments import Names
from oropendola_payments.engine.webhooks_out import endpoints, log
from oropendola_payments.roles import is_manager


@public(methods=("GET", "POST"), answer=answers.EventTypes)
def list_event_types() -> dict:
	"""Return the names of all events that the user can choose."""
	return {"events": list(webhook_types.TYPES if is_manager() else webhook_types.CUSTOMER_TYPES)}


@public(methods=("POST",), answer=answers.NewWebhookEndpoint, errors=("address_refused", "endpoint_limit"))
def create(
	url: str, events: Names | None = None, description: str | None = None, all_customers: bool = False
) -> dict:
	"""Register an endpoint and return its secret, once. A manager may ask for the events of all customers."""
	if all_customers:
		require_manager()
	else:
		endpoints.require_customers_may()
	owner = None if all_customers else require_login()
	return endpoints.create(owner, url, events or [], description)


@public(methods=("GET", "POST"), answer=answers.WebhookEndpoints)
def list_endpoints(all_customers: bool = False) -> dict:
	"""Return the user's endpoints, or for a manager those for the events of all customers."""
	if all_customers:
		require_manager()
	return {"endpoints": endpoints.list_of(None if all_customers else require_login())}


@public(methods=("POST",), answer=answers.WebhookEndpoint, errors=("address_refused",))
def update(
	endpoint: str, url: str | None = None, events: Names | None = None, description: str | None = None
) -> dict:
	"""Change what is sent where. What is not named stays as it is."""
	return endpoints.update(_usable(endpoint), url, events, description)


@public(methods=("POST",), answer=answers.NewWebhookEndpoint)
def rotate_secret(endpoint: str, overlap_hours: int = 24) -> dict:
	"""Replace the secret and return the new one, once. The old one signs too for `overlap_hours` more."""
	return endpoints.rotate_secret(_usable(endpoint), overlap_hours)


@public(methods=("POST",), answer=answers.WebhookEndpoint)
def disable(endpoint: str) -> dict:
	"""Send nothing more to this endpoint. What still waits is given up."""
	return endpoints.disable(_usable(endpoint))


@public(methods=("POST",), answer=answers.WebhookEndpoint, errors=("address_refused",))
def enable(endpoint: str) -> dict:
	"""Send new events to this endpoint again."""
	return endpoints.enable(_usable(endpoint))


@public(methods=("POST",), answer=answers.DeletedWebhookEndpoint)
def delete(endpoint: str) -> dict:
	"""Delete an endpoint with its log and its secrets. Managers delete those for all customers, and disable the others."""
	if is_manager() and endpoints.for_all_customers(endpoint):
		return endpoints.delete(endpoint)
	return endpoints.delete(endpoints.own(require_login(), endpoint))


@public(methods=("POST",), answer=answers.SentTestEvent)
def send_test_event(endpoint: str) -> dict:
	"""Send an event of the type webhook.test to this endpoint."""
	return log.send_test(_usable(endpoint))


@public(methods=("GET", "POST"), answer=answers.WebhookDeliveries)
def list_deliveries(endpoint: str, status: str | None = None, page: int = 1) -> dict:
	"""Return a page of the endpoint's log, the newest delivery first."""
	return log.deliveries(_usable(endpoint), status, page)


@public(methods=("GET", "POST"), answer=answers.ShownWebhookDelivery)
def get_delivery(delivery: str) -> dict:
	"""Return one delivery with all its attempts."""
	return log.delivery(_usable_delivery(delivery))


@public(methods=("POST",), answer=answers.ResentDelivery)
def resend(delivery: str) -> dict:
	"""Send one delivery again, with the same webhook-id."""
	return log.resend(_usable_delivery(delivery))


@public(methods=("POST",), answer=answers.ResentDeliveries)
def resend_failed(endpoint: str, since: str) -> dict:
	"""Send again what was given up since this time."""
	return log.resend_failed(_usable(endpoint), since)


def _usable(name: str) -> str:
	"""Return an own endpoint, or for a manager any."""
	if is_manager() and frappe.db.exists("AI Webhook Endpoint", name):
		return name
	return endpoints.own(require_login(), name)


def _usable_delivery(name: str) -> str:
	"""Return a delivery to an own endpoint, or for a manager any."""
	return log.own(None if is_manager() else require_login(), name)
