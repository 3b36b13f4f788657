"""Answers about webhook endpoints and their deliveries."""

from typing import Literal

from typing_extensions import TypedDict

from oropendola_payments.api.answers.types import Time, Url

DeliveryStatus = Literal["Waiting", "Delivered", "Given Up"]


class EventTypes(TypedDict):
	events: list[str]


class WebhookEndpoint(TypedDict):
	"""An empty list of events means all."""

	endpoint: str
	url: Url
	description: str
	events: list[str]
	all_customers: bool
	status: Literal["Active", "Disabled"]
	disabled_reason: Literal["By Hand", "Gone", "Failing", "Customer Left", "Manager Left"] | None
	failing_since: Time | None
	last_error: str | None
	last_success_on: Time | None
	old_secret_valid_until: Time | None


class NewWebhookEndpoint(WebhookEndpoint):
	"""The secret is returned only this time."""

	secret: str


class WebhookEndpoints(TypedDict):
	endpoints: list[WebhookEndpoint]


class DeletedWebhookEndpoint(TypedDict):
	endpoint: str
	deleted: bool


class SentTestEvent(TypedDict):
	endpoint: str
	event: str
	delivery: str


class WebhookDelivery(TypedDict):
	"""`event` is what the receiver gets as `webhook-id`."""

	delivery: str
	event: str
	type: str
	status: DeliveryStatus
	attempts: int
	created_on: Time
	delivered_on: Time | None
	next_attempt_at: Time | None
	last_error: str | None


class WebhookDeliveries(TypedDict):
	deliveries: list[WebhookDelivery]
	more: bool


class WebhookAttempt(TypedDict):
	"""`status_code` is 0 without an answer."""

	tried_at: Time
	status_code: int
	milliseconds: int
	error: str | None
	response: str | None


class ShownWebhookDelivery(WebhookDelivery):
	attempt_log: list[WebhookAttempt]


class ResentDelivery(TypedDict):
	delivery: str
	status: DeliveryStatus


class ResentDeliveries(TypedDict):
	endpoint: str
	resent: int
