"""Recommend a gateway, and say why: never one that is disabled, has problems or does not fit."""

from dataclasses import dataclass

from frappe import _
from frappe.utils import cint

from oropendola_payments.ai_billing.current import payment_settings
from oropendola_payments.engine.routing.figures import DAYS, MINIMUM_TRIES, Figures, figures_of

# A smaller lead is chance, and the recommendation must not change from one customer to the next.
LEAD = 5.0


@dataclass(frozen=True)
class Recommendation:
	"""The recommended gateway, or None, and for each gateway why it is or is not."""

	code: str | None
	reasons: dict[str, str]


def recommend(entries: list[dict], currency: str | None, method: str | None = None) -> Recommendation:
	"""Choose among the gateways of a listing, which come in the order of their settings."""
	fitting = [entry for entry in entries if entry["available"] and not entry["degraded"]]
	default = next((entry for entry in fitting if entry["is_default"]), None)
	figures = {entry["id"]: figures_of(entry["id"], currency, method) for entry in fitting}
	best = default or _best(fitting, figures)
	reasons = {entry["id"]: _why_not(entry, best, figures) for entry in entries}
	if best:
		reasons[best["id"]] = _("It is the default gateway.") if default else _why(best, fitting, figures)
	return Recommendation(best["id"] if best else None, reasons)


def _best(fitting: list[dict], figures: dict[str, Figures]) -> dict | None:
	"""Return the first in the order, unless a later one is clearly better and both have been tried often enough."""
	best = fitting[0] if fitting else None
	if not cint(payment_settings().route_by_success):
		return best
	for entry in fitting[1:]:
		if best and _is_clearly_better(figures[entry["id"]], figures[best["id"]]):
			best = entry
	return best


def _is_clearly_better(one: Figures, other: Figures) -> bool:
	return one.is_enough() and other.is_enough() and one.percent() >= other.percent() + LEAD


def _why(best: dict, fitting: list[dict], figures: dict[str, Figures]) -> str:
	if best is fitting[0]:
		return _("It comes first in the order, and no other gateway is clearly better. {0}").format(
			_rate(figures[best["id"]])
		)
	return _("More payments succeed than at the gateways before it. {0}").format(_rate(figures[best["id"]]))


def _why_not(entry: dict, best: dict | None, figures: dict[str, Figures]) -> str:
	if not entry["available"]:
		return _(
			"It does not take this currency, amount or method, or this site is not confirmed for live payments."
		)
	if entry["degraded"]:
		return _("It has problems at the moment.")
	if best and best["is_default"]:
		return _("Another gateway is the default.")
	return _("It comes later in the order, or fewer payments succeed. {0}").format(
		_rate(figures[entry["id"]])
	)


def _rate(figures: Figures) -> str:
	if not figures.is_enough():
		return _("Only {0} payments in {1} days, too few to compare (at least {2}).").format(
			figures.tries, DAYS, MINIMUM_TRIES
		)
	text = _("{0} of {1} payments in {2} days succeeded ({3}%).")
	return text.format(figures.paid, figures.tries, DAYS, round(figures.percent()))
