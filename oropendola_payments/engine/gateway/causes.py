"""Why a payment was not made, which decides about reminders and about the gateway that is recommended."""

import frappe

from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import PaymentAttempt
from oropendola_payments.ai_billing.known_gateways import adapter_class, is_known
from oropendola_payments.gateways.base import HOLD_RETURNED, FailureClass, Outcome
from oropendola_payments.gateways.errors import BadAnswer, GatewayError, MaybeSent, NotSent
from oropendola_payments.gateways.errors import CredentialsRefused as WrongKeys

# Our own words, which an attempt has when the gateway gave no code.
OURS = {
	HOLD_RETURNED: FailureClass.OURS,  # the customer paid, and nobody took the money
	**dict.fromkeys(
		(o.value for o in (Outcome.CANCELLED, Outcome.EXPIRED, Outcome.NOT_FOUND)), FailureClass.LEFT
	),
	**dict.fromkeys(
		(e.code for e in (BadAnswer, GatewayError, MaybeSent, NotSent, WrongKeys)), FailureClass.OURS
	),
}


def cause_of(attempt: PaymentAttempt | frappe._dict) -> FailureClass:
	"""Return why this closed attempt did not end in a payment."""
	code = attempt.error_code or ""
	if code in OURS:
		return OURS[code]
	if attempt.status in ("Cancelled", "Expired"):
		return FailureClass.LEFT
	if not is_known(attempt.gateway):
		return FailureClass.SOFT
	return adapter_class(attempt.gateway).failure_class(code)
