"""Plans and the user's subscription."""

from oropendola_payments.api import endpoint, require_login
from oropendola_payments.api.arguments import Currency
from oropendola_payments.engine.subscriptions import catalogue, lifecycle, lookup


@endpoint(methods=("GET", "POST"), guest=True)
def get_plans(currency: Currency | None = None) -> dict:
	"""Return the plans on sale."""
	return {"plans": catalogue.list_plans(currency)}


@endpoint(methods=("POST",))
def create_subscription_and_invoice(plan_id: str, currency: Currency | None = None) -> dict:
	"""Subscribe. Free plans and trials start at once; otherwise the answer has the invoice to pay."""
	return lifecycle.subscribe(require_login(), plan_id, currency)


@endpoint(methods=("GET", "POST"))
def get_my_subscription() -> dict:
	"""Return the user's subscription, or null if there is none."""
	return {"subscription": lookup.subscription_summary(require_login())}


@endpoint(methods=("POST",))
def cancel_subscription() -> dict:
	"""Cancel the subscription now."""
	return lifecycle.cancel(require_login())


@endpoint(methods=("POST",))
def rotate_api_key() -> dict:
	"""Replace the API key and return the new one, once. The old one stops working."""
	return lifecycle.rotate_key(require_login())


@endpoint(methods=("POST",))
def reveal_api_key() -> dict:
	"""Return, once, the API key that a payment created."""
	return lifecycle.reveal_key(require_login())
