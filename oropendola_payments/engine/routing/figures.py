"""How many payments succeeded at each gateway lately. A job counts them, so that listing gateways needs no query."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

import frappe
from frappe.query_builder import DocType
from frappe.query_builder.functions import Count
from frappe.utils import now_datetime

from oropendola_payments.ai_billing.known_gateways import is_known
from oropendola_payments.engine.gateway.causes import cause_of
from oropendola_payments.engine.gateway.registry import settings_of
from oropendola_payments.gateways.base import FailureClass

DAYS = 7
MINIMUM_TRIES = 20
KEY = "oropendola_routing"
# A figure that no job renews is forgotten: then the order of the gateways decides.
SECONDS = 30 * 60
# No evidence about the gateway: the customer went away, or we had a problem of our own.
NOT_COUNTED = (FailureClass.LEFT, FailureClass.OURS)


@dataclass(frozen=True)
class Figures:
	"""Payments that succeeded, and that succeeded or failed."""

	paid: int = 0
	tries: int = 0

	def is_enough(self) -> bool:
		return self.tries >= MINIMUM_TRIES

	def percent(self) -> float:
		return 100 * self.paid / self.tries if self.tries else 0.0


def refresh() -> None:
	"""Count the last days anew. Called by a job every few minutes."""
	frappe.cache.set_value(KEY, _count(_rows()), expires_in_sec=SECONDS)


def figures_of(gateway: str, currency: str | None, method: str | None = None) -> Figures:
	"""Return the figures for this method if there are enough, otherwise those for all methods in this currency."""
	known = frappe.cache.get_value(KEY, expires=True) or {}
	by_method = Figures(*known.get(_key(gateway, currency, method), (0, 0)))
	if method and by_method.is_enough():
		return by_method
	return Figures(*known.get(_key(gateway, currency, None), (0, 0)))


def _rows() -> list[frappe._dict]:
	attempt = DocType("Payment Attempt")
	fields = (
		attempt.gateway,
		attempt.mode,
		attempt.currency,
		attempt.payment_method,
		attempt.status,
		attempt.error_code,
	)
	query = frappe.qb.from_(attempt).select(*fields, Count("*").as_("number")).groupby(*fields)
	query = query.where(attempt.completed_at > now_datetime() - timedelta(days=DAYS))
	return query.where(attempt.status.isin(("Paid", "Failed"))).run(as_dict=True)


def _count(rows: Iterable[frappe._dict]) -> dict[str, tuple[int, int]]:
	paid: Counter[str] = Counter()
	tries: Counter[str] = Counter()
	for row in filter(_is_evidence, rows):
		for key in {
			_key(row.gateway, row.currency, None),
			_key(row.gateway, row.currency, row.payment_method),
		}:
			tries[key] += row.number
			paid[key] += row.number if row.status == "Paid" else 0
	return {key: (paid[key], number) for key, number in tries.items()}


def _is_evidence(row: frappe._dict) -> bool:
	"""Payments in another mode than today's say nothing about today's."""
	if not is_known(row.gateway) or row.mode != settings_of(row.gateway).mode:
		return False
	return row.status == "Paid" or cause_of(row) not in NOT_COUNTED


def _key(gateway: str, currency: str | None, method: str | None) -> str:
	return f"{gateway}:{(currency or '').upper()}:{method or ''}"
