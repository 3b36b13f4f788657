"""Fetch payouts from the APIs of gateways, window by window, so that a crash or an outage loses nothing and repeats little."""

from collections import Counter
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import frappe
from frappe import _
from frappe.utils import get_system_timezone, now_datetime

from oropendola_payments.ai_billing.known_gateways import adapter_class, is_known
from oropendola_payments.engine.core.redaction import redact_text
from oropendola_payments.engine.core.transactions import in_transaction
from oropendola_payments.engine.gateway.registry import adapter_of
from oropendola_payments.engine.payouts import reconcile, settings
from oropendola_payments.engine.payouts.record import record_all
from oropendola_payments.engine.payouts.settings import PayoutSettings
from oropendola_payments.engine.payouts.spool import Spool
from oropendola_payments.exceptions import Conflict, NotFound, is_refusal

FIRST_DAYS = 30  # how far back the first fetch looks
OVERLAP = timedelta(days=7)  # a gateway may send a payout, or complete its lines, some days after it was made
WINDOW = timedelta(days=10)  # what is kept on disk at once, and repeated after a crash


def fetch_all() -> dict[str, dict]:
	"""Fetch the payouts of every gateway that is set to. A gateway that fails does not stop the others."""
	done = {}
	for gateway in frappe.get_all(settings.SETTINGS, {"enabled": 1, "fetch_payouts": 1}, pluck="gateway"):
		if is_known(gateway) and adapter_class(gateway).capabilities.payouts:
			try:
				done[gateway] = fetch(gateway)
			except Exception as error:
				frappe.db.rollback()
				if not is_refusal(error):
					frappe.log_error(
						title=f"Payouts of {gateway} were not fetched"[:140], message=frappe.get_traceback()
					)
				frappe.db.commit()
	return done


def fetch(gateway: str) -> dict[str, int]:
	"""Fetch what a gateway paid out since the last time. Return how many payouts were new, unchanged, corrected or different.

	A failure is noted in the gateway's settings and raised. It does not count for the gateway's health: an account whose keys
	may not read reports still takes payments.
	"""
	known = settings.payout_settings(gateway)
	if not known:
		raise NotFound(_("There is no gateway {0}.").format(gateway))
	if not adapter_class(gateway).capabilities.payouts:
		message = _("{0} offers its payouts only as a file. Please import the report of its dashboard.")
		raise Conflict(message.format(known.label))
	try:
		counts = _fetch_windows(gateway, known)
	except Exception as error:
		frappe.db.rollback()
		text = redact_text(str(error))[:500] or type(error).__name__
		in_transaction(settings.write, known.name, payout_error=text)
		raise
	in_transaction(settings.write, known.name, payout_error=None)
	return dict(counts)


def _fetch_windows(gateway: str, known: PayoutSettings) -> Counter:
	counts: Counter = Counter()
	end = now_datetime()
	start = (known.fetched_until or end - timedelta(days=FIRST_DAYS)) - OVERLAP
	while start < end:
		stop = min(start + WINDOW, end)
		counts.update(_fetch_window(gateway, start, stop))
		in_transaction(settings.write, known.name, payouts_fetched_until=stop)
		start = stop
	return counts


def _fetch_window(gateway: str, start: datetime, stop: datetime) -> list[str]:
	adapter = adapter_of(gateway)
	frappe.db.commit()  # no transaction is open while the gateway is asked
	with Spool() as spool:
		for entry in adapter.fetch_payouts(_with_zone(start), _with_zone(stop)):
			spool.add(entry)
		outcomes = record_all(gateway, spool, "API", adapter.mode)
	reconcile.settle(outcomes)
	return list(outcomes.values())


def _with_zone(moment: datetime) -> datetime:
	return moment.replace(tzinfo=ZoneInfo(get_system_timezone()))
