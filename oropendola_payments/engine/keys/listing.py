"""What a customer sees of the keys."""

from oropendola_payments.ai_billing.current import current
from oropendola_payments.ai_billing.doctype.ai_api_key.ai_api_key import AIAPIKey
from oropendola_payments.engine.keys import manage, own
from oropendola_payments.engine.keys.rotate import longest_overlap
from oropendola_payments.engine.subscriptions.lookup import own_subscription


def list_keys(user: str, subscription_id: str | None = None) -> dict:
	"""Return the keys of one subscription that are not revoked, the oldest first, and how many its plan allows."""
	subscription = own_subscription(user, subscription_id)
	return {
		"subscription_id": subscription.name,
		"keys": keys_of(subscription.name),
		"limit": current("AI Plan", subscription.plan).key_limit(),
		"max_overlap_hours": longest_overlap(),
	}


def keys_of(subscription: str) -> list[dict]:
	"""Return the keys of a subscription that work or sleep, the oldest first."""
	return [_row(key) for key in own.living_keys(subscription)]


def _row(key: AIAPIKey) -> dict:
	status = "Suspended" if key.suspended else key.status
	return {**manage.about(key), "status": status, "created_on": key.creation, "is_shown": bool(key.revealed)}
