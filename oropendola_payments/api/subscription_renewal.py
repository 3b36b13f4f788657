"""Renewing, and re-running what a verified payment should have given."""

from frappe import _

from oropendola_payments.api import endpoint, require_login, require_manager
from oropendola_payments.engine.subscriptions import fulfil_again, renewal


@endpoint(methods=("POST",))
def renew_subscription(plan_id: str | None = None) -> dict:
	"""The invoice for the next period; `action` says whether it extends the running one or starts anew."""
	return renewal.renew(require_login(), plan_id)


@endpoint(methods=("POST",))
def extend_active_subscription(plan_id: str | None = None) -> dict:
	"""As renew, only for a subscription that still runs."""
	user = require_login()
	sentence = _("You have no active subscription to extend. Please renew your expired one instead.")
	renewal.require_state(user, plan_id, ("Active", "Trial", "Past Due"), sentence)
	return renewal.renew(user, plan_id)


@endpoint(methods=("POST",))
def renew_expired_subscription(plan_id: str | None = None) -> dict:
	"""As renew, only for a subscription that has expired."""
	user = require_login()
	sentence = _("You have no expired subscription. Please extend your active one instead.")
	renewal.require_state(user, plan_id, ("Expired",), sentence)
	return renewal.renew(user, plan_id)


@endpoint(methods=("POST",))
def apply_payment_to_subscription(invoice_id: str) -> dict:
	"""Give again what a verified payment bought. Needs the payment, and changes nothing the second time."""
	require_manager()
	return fulfil_again.fulfil_again(invoice_id)
