from datetime import datetime

from oropendola_payments.ai_billing import records
from oropendola_payments.ai_billing.records import SystemRecord


class AIUsageWindow(SystemRecord):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		ends_at: DF.Datetime | None
		meter: DF.Data | None
		subscription: DF.Link
		time_window: DF.Data | None
		unique_key: DF.Data | None
	# end: auto-generated types

	"""How much of one limit a subscription has used in the window that runs."""

	system_fields = ("subscription", "meter", "time_window", "used", "not_bought", "ends_at", "unique_key")


def key_of(subscription: str, meter: str, time_window: str) -> str:
	return f"{subscription}:{meter}:{time_window}"


def add_window(
	subscription: str, meter: str, time_window: str, used: int, ends_at: datetime, not_bought: int = 0
) -> str:
	row = records.new("AI Usage Window")
	row.update({"subscription": subscription, "meter": meter, "time_window": time_window, "used": used})
	row.update(
		{"not_bought": not_bought, "ends_at": ends_at, "unique_key": key_of(subscription, meter, time_window)}
	)
	row.add()
	return row.name
