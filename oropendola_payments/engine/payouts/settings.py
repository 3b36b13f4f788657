"""What a gateway's settings say about its payouts."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import frappe
from frappe.utils import cint, get_datetime, getdate, now_datetime

from oropendola_payments.ai_billing.current import forget
from oropendola_payments.ai_billing.plain_text import values_without_tags

SETTINGS = "Payment Gateway Settings"
FIELDS = ["name", "label", "mode", "payout_days", "payouts_since", "fees_in_payouts", "payouts_fetched_until"]


@dataclass(frozen=True)
class PayoutSettings:
	name: str
	label: str
	mode: str
	days: int  # 0: nothing is missed
	since: date | None  # None: no payout is recorded yet, so nothing is missed
	has_fees: bool
	fetched_until: datetime | None

	def missed_between(self) -> tuple[datetime, datetime] | None:
		"""The time whose payments should be in a payout by now; None where nothing is expected."""
		if not self.days or not self.since:
			return None
		return get_datetime(self.since), now_datetime() - timedelta(days=self.days)


def payout_settings(gateway: str) -> PayoutSettings | None:
	"""Return the settings as they are in the database; None for a gateway that is gone."""
	row = frappe.db.get_value(SETTINGS, {"gateway": gateway}, FIELDS, as_dict=True)
	if not row:
		return None
	return PayoutSettings(
		row.name,
		row.label,
		row.mode,
		cint(row.payout_days),
		getdate(row.payouts_since) if row.payouts_since else None,
		bool(cint(row.fees_in_payouts)),
		get_datetime(row.payouts_fetched_until) if row.payouts_fetched_until else None,
	)


def write(name: str, **values: object) -> None:
	"""Note what is known of a gateway's payouts. The settings themselves do not change, so nobody has to reload them."""
	frappe.db.set_value(SETTINGS, name, values_without_tags(SETTINGS, values), update_modified=False)
	forget(SETTINGS)
