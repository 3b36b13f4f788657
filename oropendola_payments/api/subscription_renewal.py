"""Renewals, and repeated fulfilment of a paid invoice."""

from frappe import _

from oropendola_payments.api import contract, endpoint, require_login, require_manager
from oropendola_payments.api.answers import subscriptions as answers
from oropendola_payments.engine.plan_changes import renew
from oropendola_payments.engine.subscriptions import fulfil_again, renewal


@endpoint(
	methods=("POST",),
	answer=answers.RenewalOrChange,
	errors=(*contract.CHOICE, "quote_outdated", "billing_profile_missing"),
)
def renew_subscription(plan_id: str | None = None, subscription_id: str | None = None) -> dict:
	"""Return the invoice for the next period. `action` is `extend` if it extends the current period, else `new`.

	With another plan it is a change of plan: `action` is `change`, and the answer has what it costs.
	"""
	return renew.renew(require_login(), plan_id, subscription_id)


@endpoint(methods=("POST",), answer=answers.Renewal, errors=(*contract.CHOICE, "billing_profile_missing"))
def extend_active_subscription(plan_id: str | None = None, subscription_id: str | None = None) -> dict:
	"""As renew_subscription, only for an active subscription."""
	sentence = _("You have no active subscription to extend. Please renew your expired one instead.")
	return renewal.renew(require_login(), plan_id, subscription_id, renewal.RENEWABLE, sentence)


@endpoint(methods=("POST",), answer=answers.Renewal, errors=(*contract.CHOICE, "billing_profile_missing"))
def renew_expired_subscription(plan_id: str | None = None, subscription_id: str | None = None) -> dict:
	"""As renew_subscription, only for an expired subscription."""
	sentence = _("You have no expired subscription. Please extend your active one instead.")
	return renewal.renew(require_login(), plan_id, subscription_id, ("Expired",), sentence)


@endpoint(methods=("POST",), answer=answers.Fulfilled)
def apply_payment_to_subscription(invoice_id: str) -> dict:
	"""Repeat the fulfilment of a paid invoice. Needs a verified payment; a second run changes nothing."""
	require_manager()
	return fulfil_again.fulfil_again(invoice_id)
