"""The default subscription: the one that is meant when a customer looks without naming one."""

from frappe import _

from oropendola_payments.ai_billing import outbox, webhook_types
from oropendola_payments.ai_billing.doctype.ai_subscription.ai_subscription import LIVE
from oropendola_payments.engine.core.transactions import in_transaction, read
from oropendola_payments.engine.subscriptions.lookup import own_subscription
from oropendola_payments.exceptions import Conflict


def set_default(user: str, subscription_id: str) -> dict:
	"""Make this the customer's default subscription; it replaces the one before."""
	return in_transaction(_set_default, user, own_subscription(user, subscription_id).name)


def _set_default(user: str, name: str) -> dict:
	# All of them are locked, so that of two requests at once the later one decides.
	rows = read("AI Subscription", "`user` = %s ORDER BY `name` FOR UPDATE", (user,))
	chosen = next(row for row in rows if row.name == name)
	if chosen.status not in LIVE:
		raise Conflict(_("Subscription {0} is cancelled. Please choose another one.").format(name))
	for row in rows:
		if bool(row.is_default) != (row.name == name):
			row.write(is_default=int(row.name == name))
	outbox.announce(webhook_types.STATE_CHANGED, user)
	return {"subscription_id": name, "is_default": True}
