"""What the billing page shows and does about cancelling, pausing and the default subscription."""

from collections.abc import Callable

import frappe
from frappe import _
from frappe.utils import cint

from oropendola_payments.ai_billing.periods import today
from oropendola_payments.engine.ending import preview, withdrawal
from oropendola_payments.engine.ending.reasons import reasons
from oropendola_payments.engine.pauses import pause as pauses
from oropendola_payments.engine.self_service import commands, default
from oropendola_payments.web import shell, words

# Buttons ------------------------------------------------------------------------------------------


def _cancel(user: str, subscription: str | None) -> dict:
	return commands.cancel(user, subscription, True, _posted("reason"), _posted("note"))


def _end_now(user: str, subscription: str | None) -> dict:
	return commands.cancel(user, subscription, False, _posted("reason"), _posted("note"))


def _withdraw(user: str, subscription: str | None) -> dict:
	return commands.withdraw_contract(user, subscription, confirmed=True)


def _pause(user: str, subscription: str | None) -> dict:
	return commands.pause(user, subscription, cint(_posted("days")))


def _make_default(user: str, subscription: str | None) -> dict:
	return default.set_default(user, subscription or "")


def _posted(name: str) -> str | None:
	return shell.posted(name) or None


ACTIONS: dict[str, Callable[[str, str | None], object]] = {
	"cancel": _cancel,
	"end_now": _end_now,
	"undo_cancel": commands.undo_cancel,
	"withdraw": _withdraw,
	"pause": _pause,
	"resume": commands.resume,
	"make_default": _make_default,
}


# What is shown ------------------------------------------------------------------------------------


def shown(mine: dict) -> dict:
	"""Return the values of the template `ending.html` for one subscription."""
	status = mine["status"]
	return {
		"can_cancel": status != "Cancelled",
		"can_undo": bool(mine["ends_on"]),
		"is_default": mine["is_default"],
		"can_be_default": status != "Cancelled" and not mine["is_default"],
		"cancellation": _cancellation(mine) if status != "Cancelled" else None,
		"pause": _pause_shown(mine),
		"withdrawal": _withdrawal(mine),
	}


def _cancellation(mine: dict) -> dict:
	found = preview.preview(mine["subscription_id"])
	waits = found["at_period_end"]
	return {
		"ends_on": words.day(waits["ends_on"]) if waits else "",
		"cost": [_cost(part) for part in found["now"]],
		"reasons": [(code, words.translated(label)) for code, label in reasons().items()],
	}


def _cost(part: dict) -> str:
	"""Return what ending now would cost, in one sentence."""
	worth, back = (words.money(part[field], part["currency"]) for field in ("unused_amount", "given_back"))
	days = words.number(part["days_left"])
	if part["as"] == "refund" and part["given_back"]:
		return _("Paid days left: {0}, worth {1}. We send {2} back to you.").format(days, worth, back)
	if part["as"] == "credit" and part["given_back"]:
		return _("Paid days left: {0}, worth {1}. We keep {2} as credit for your next invoice.").format(
			days, worth, back
		)
	return _("Paid days left: {0}, worth {1}. They are lost and not refunded.").format(days, worth)


def _withdrawal(mine: dict) -> dict | None:
	"""Return until when the customer can withdraw from the contract, and what is refunded."""
	if mine["status"] not in withdrawal.STATES:
		return None
	doc = frappe.get_doc("AI Subscription", mine["subscription_id"])
	if not withdrawal.last_day(doc):
		return None
	found = withdrawal.preview(doc)
	refunds = [words.money(part["amount"], part["currency"]) for part in found["refunds"]]
	return {"until": words.day(found["possible_until"]), "refund": ", ".join(refunds)}


def _pause_shown(mine: dict) -> dict | None:
	"""Return what can be done about a pause; None if the plan has none."""
	if mine["pause"]:
		from_day = mine["pause"]["can_resume_from"]
		return {
			"is_on": True,
			"can_resume": from_day <= today(),
			"from_day": words.day(from_day),
		}
	if mine["status"] != "Active" or not pauses.may_pause(
		frappe.get_doc("AI Subscription", mine["subscription_id"])
	):
		return None
	return {"is_on": False, "shortest": pauses.SHORTEST, "longest": pauses.LONGEST}
