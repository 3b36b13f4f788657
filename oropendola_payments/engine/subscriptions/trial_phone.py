"""A trial for a confirmed phone number: the code from the SMS comes with the order that starts the trial."""

from decimal import Decimal

import frappe
from frappe import _
from frappe.utils import cint

from oropendola_payments.ai_billing.doctype.ai_plan.ai_plan import AIPlan
from oropendola_payments.ai_billing.doctype.payment_gateway_settings.payment_gateway_settings import (
	enabled_in,
)
from oropendola_payments.engine.phone import numbers, otp
from oropendola_payments.engine.subscriptions.catalogue import get_plan
from oropendola_payments.engine.subscriptions.lookup import live_subscription
from oropendola_payments.engine.trials import claims
from oropendola_payments.exceptions import Conflict, Unprocessable

PURPOSE = "trial"


class PhoneNotConfirmed(Unprocessable):
	"""Refused before anything is ordered: the customer confirms a phone number, or orders without a trial."""

	error_code = "phone_not_confirmed"
	missing = ("phone", "otp")


def send_code(user: str, plan_id: str, phone: str | None = None) -> dict:
	"""Send a code to the phone, which `subscribe` takes as proof. Raises Conflict if no trial waits for it."""
	plan = get_plan(plan_id)
	plan.require_active()
	if not is_needed(user, plan):
		raise Conflict(_("No code is needed to order {0}.").format(plan.plan_name))
	return otp.send(_bound(user, plan, phone), simulated=_is_simulated())


def is_needed(user: str, plan: AIPlan) -> bool:
	"""Return whether the customer may have a trial of this plan as soon as a phone number is confirmed."""
	if not claims.needs_phone() or live_subscription(user, plan.name):
		return False
	return claims.may_have_trial(user, plan)


def confirmed_phone(user: str, plan: AIPlan, phone: str | None, code: str | None) -> str | None:
	"""Return the phone number that the code confirms; None if none is needed. Raises PhoneNotConfirmed without a code."""
	if not is_needed(user, plan):
		return None
	if not code:
		message = _(
			"A free trial of {0} needs a confirmed phone number. Please request a code, or order without a trial."
		)
		raise PhoneNotConfirmed(message.format(plan.plan_name))
	bound = _bound(user, plan, phone)
	otp.check(bound, code)
	return bound.phone


def _bound(user: str, plan: AIPlan, phone: str | None) -> otp.Binding:
	number = phone or numbers.phone_of(user)
	if not number:
		raise PhoneNotConfirmed(_("Please enter your phone number."))
	return otp.Binding(
		PURPOSE, f"{user}|{plan.name}", Decimal(0), plan.currency, numbers.phone_number(number)
	)


def _is_simulated() -> bool:
	"""Return whether codes are shown instead of sent: on a site for tests, and never beside a Live gateway."""
	return bool(cint(frappe.conf.get("allow_payment_simulator"))) and not enabled_in("Live")
