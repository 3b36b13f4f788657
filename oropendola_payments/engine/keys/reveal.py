"""Show the key that a payment created, once."""

from frappe import _

from oropendola_payments.engine.entitlements import api_keys
from oropendola_payments.engine.subscriptions.lookup import own_subscription
from oropendola_payments.exceptions import NotFound


def reveal(user: str, subscription_id: str | None = None) -> dict:
	"""Return, once, the API key that a payment created."""
	subscription = own_subscription(user, subscription_id)
	key = api_keys.reveal(subscription.name)
	if not key:
		raise NotFound(_why_no_key(subscription.status))
	return {"api_key": key, "subscription_id": subscription.name}


def _why_no_key(status: str) -> str:
	if status == "Pending":
		return _("There is no API key yet. You get one as soon as the invoice is paid.")
	if status in ("Past Due", "Expired"):
		return _("Your API key is paused. It works again as soon as you renew the subscription.")
	if status == "Paused":
		return _("Your subscription is paused. Its API key works again as soon as you resume it.")
	if status == "Cancelled":
		return _("This subscription was cancelled and has no API key. Please subscribe again.")
	return _("Your API key was already shown. If you lost it, create a new one.")
