"""Plans and the customer's own subscription."""

from oropendola_payments.api import endpoint, require_login
from oropendola_payments.api.arguments import Currency
from oropendola_payments.engine.subscriptions import catalogue, lifecycle, lookup


@endpoint(methods=("GET", "POST"), guest=True)
def get_plans(currency: Currency | None = None) -> dict:
	"""What can be bought."""
	return {"plans": catalogue.list_plans(currency)}


@endpoint(methods=("POST",))
def create_subscription_and_invoice(plan_id: str, currency: Currency | None = None) -> dict:
	"""Subscribe. Free plans and trials start at once, otherwise the answer names the invoice to pay."""
	return lifecycle.subscribe(require_login(), plan_id, currency)


@endpoint(methods=("GET", "POST"))
def get_my_subscription() -> dict:
	"""The user's subscription, or null when there is none yet."""
	return {"subscription": lookup.subscription_summary(require_login())}


@endpoint(methods=("POST",))
def cancel_subscription() -> dict:
	"""End the subscription now."""
	return lifecycle.cancel(require_login())


@endpoint(methods=("POST",))
def rotate_api_key() -> dict:
	"""A new API key, shown this once; the old one stops working."""
	return lifecycle.rotate_key(require_login())


@endpoint(methods=("POST",))
def reveal_api_key() -> dict:
	"""The API key that a payment made while nobody was looking, shown this once."""
	return lifecycle.reveal_key(require_login())
