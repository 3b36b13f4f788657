"""Expire credits whose last day is over. Until the sweep comes they cannot be used either."""

from frappe.utils import getdate

from oropendola_payments.ai_billing.doctype.ai_credit_grant.ai_credit_grant import AICreditGrant
from oropendola_payments.ai_billing.periods import today
from oropendola_payments.engine.core.batch import for_each
from oropendola_payments.engine.core.transactions import in_transaction, lock
from oropendola_payments.engine.wallet import entries
from oropendola_payments.engine.wallet.entries import Line, Why
from oropendola_payments.engine.wallet.grants import GRANT


def expire_due() -> int:
	"""Expire what is due and return the number of grants."""
	due = {"valid_until": ("<", today()), "remaining": (">=", 1)}
	return for_each(GRANT, due, lambda name: in_transaction(_expire, name))


def _expire(name: str) -> bool:
	grant: AICreditGrant = lock(GRANT, name)
	if not grant.remaining or not grant.valid_until or getdate(grant.valid_until) >= today():
		return False
	entries.add(Why(grant.user, "Expired"), [Line(grant.name, -grant.remaining)])
	grant.write(remaining=0)
	return True
