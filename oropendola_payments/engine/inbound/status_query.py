"""Asking a gateway how a payment stands, outside of any lock, and settling what it answers.

`refresh` asks now, `schedule_refresh` within a minute, `RefreshRun` many for one sweep. All others go through these.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import frappe
from frappe.utils import cint, get_datetime, now_datetime

from oropendola_payments.engine.gateway import polling
from oropendola_payments.engine.gateway.call import call_gateway
from oropendola_payments.engine.gateway.mode_guard import is_current_mode
from oropendola_payments.engine.gateway.registry import adapter_of
from oropendola_payments.engine.inbound.capture import settle_answer
from oropendola_payments.engine.refunds import notices
from oropendola_payments.engine.settlement.settle import settle_attempt
from oropendola_payments.engine.settlement.types import Settled
from oropendola_payments.exceptions import Conflict, NotFound
from oropendola_payments.gateways.base import Gateway, Outcome, PaymentEvent, RefundEvent
from oropendola_payments.gateways.errors import CredentialsRefused, GatewayError

# A gateway that has never heard of an attempt this young may only be slow.
YOUNG_SECONDS = 15 * 60
# How often strangers and impatient pages may make us ask, and how often whoever repeats a signed message may.
RECENT_SECONDS = 10
GAP_SECONDS = 2


def refresh(attempt, *, unless_checked_within: int = 0, adapter: Gateway | None = None) -> list[Settled]:
	"""Ask the gateway about an attempt (a record or its name) and settle all that it tells.

	With `unless_checked_within` seconds nobody can make us hammer a gateway: what came too soon makes the next sweep ask.
	"""
	if isinstance(attempt, str):
		attempt = frappe.get_doc("Payment Attempt", attempt)
	if not is_current_mode(attempt):
		return []  # a Test account knows nothing of a Live payment; it is asked when the mode is back
	if was_checked_within(attempt, unless_checked_within):
		schedule_refresh(attempt)
		return []
	_note_check(attempt)
	frappe.db.commit()
	adapter = adapter or adapter_of(attempt.gateway)
	events = query_status(attempt, adapter)
	settled = settle_all(attempt, _without_premature_not_found(attempt, events), adapter)
	if not polling.has_next_check(attempt):
		_end_polling(attempt)
	return settled


def refresh_if_possible(attempt, *, unless_checked_within: int = RECENT_SECONDS) -> list[Settled]:
	"""As `refresh`, for whoever can go on without: when the gateway cannot be asked, what we know is still a good answer."""
	try:
		return refresh(attempt, unless_checked_within=unless_checked_within)
	except (GatewayError, NotFound):
		frappe.db.rollback()
		return []


def schedule_refresh(attempt):
	"""Have the reconciler ask within a minute. `attempt` needs `name` and `next_check_at` only."""
	moment = polling.soon()
	if not attempt.next_check_at or get_datetime(attempt.next_check_at) > moment:
		frappe.db.sql(
			"UPDATE `tabPayment Attempt` SET next_check_at = %s WHERE name = %s", (moment, attempt.name)
		)
		frappe.db.commit()


class RefreshRun:
	"""Refreshes for one sweep, with one adapter for each gateway.

	A gateway that refuses our keys is left alone until the next sweep: repeating can lock an account.
	"""

	def __init__(self):
		self.adapters: dict[str, Gateway | None] = {}

	def refresh(self, name: str):
		attempt = frappe.get_doc("Payment Attempt", name)
		with self.adapter_for(attempt) as adapter:
			if adapter:
				refresh(attempt, adapter=adapter)

	@contextmanager
	def adapter_for(self, attempt) -> Iterator[Gateway | None]:
		"""The adapter, or None when this attempt cannot be asked about now."""
		code = attempt.gateway
		try:
			if not is_current_mode(attempt):
				yield None
				return
			if code not in self.adapters:
				self.adapters[code] = adapter_of(code)
			yield self.adapters[code]
		except CredentialsRefused:
			self.adapters[code] = None
			raise


def query_status(attempt, adapter: Gateway) -> list:
	"""What the gateway says of an attempt, unsettled."""
	return call_gateway(attempt.gateway, adapter.status, attempt.payment_ref())


def settle_all(attempt, events: list, adapter: Gateway | None = None) -> list[Settled]:
	"""Settle all that a gateway told. One fact that fails hides no other; the first failure is raised at the end."""
	settled, failures = [], []
	for event in sort_events(events):
		try:
			if isinstance(event, RefundEvent):
				_record_refund(attempt.gateway, event)
			else:
				settled.append(settle_answer(attempt, event, adapter))
		except Exception as error:
			frappe.db.rollback()
			failures.append(error)
	if failures:
		raise failures[0]
	return settled


def was_checked_within(attempt, seconds: int) -> bool:
	"""A last check in the future is a clock that was put back, and says nothing."""
	last = attempt.last_check_at
	return bool(last and seconds) and 0 <= (now_datetime() - get_datetime(last)).total_seconds() < seconds


def sort_events(events: list) -> list:
	"""Money that was taken first: it makes a hold beside it unwanted, and no failed try may close the order before it is seen.

	Refunds last, when the money they are of is in the ledger.
	"""
	return sorted(events, key=_rank)


def _rank(event) -> int:
	if isinstance(event, RefundEvent):
		return 3
	return {Outcome.PAID: 0, Outcome.AUTHORIZED: 1}.get(event.outcome, 2)


def _record_refund(gateway: str, event: RefundEvent):
	"""A refund that a status answer tells of: ours, or one made in the provider's dashboard whose message was lost."""
	try:
		notices.record_notice(gateway, event)
	except (NotFound, Conflict):
		frappe.db.rollback()  # not finished, or perhaps ours without a number yet: it is told again


def _without_premature_not_found(attempt, events: list) -> list:
	is_young = (now_datetime() - get_datetime(attempt.initiated_at)).total_seconds() < YOUNG_SECONDS
	return [event for event in events if not (event.outcome is Outcome.NOT_FOUND and is_young)]


def _note_check(attempt):
	attempt.write(
		last_check_at=now_datetime(),
		check_count=cint(attempt.check_count) + 1,
		next_check_at=polling.next_check_during_query(attempt),
	)


def _end_polling(attempt):
	"""The gateway was asked for the last time. What is open still came to nothing, as far as anybody can know."""
	left_open = frappe.db.get_value("Payment Attempt", attempt.name, "status") in ("Created", "Processing")
	if left_open:
		settle_attempt(attempt, PaymentEvent(Outcome.EXPIRED, reference=attempt.name))
	frappe.db.sql("UPDATE `tabPayment Attempt` SET next_check_at = NULL WHERE name = %s", attempt.name)
	frappe.db.commit()
