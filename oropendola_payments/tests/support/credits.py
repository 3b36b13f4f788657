"""Packs, wallets and customers who have used up their plan, for tests of credits."""

from functools import cached_property

import frappe

from oropendola_payments.engine.monitoring import invariants
from oropendola_payments.engine.settlement import manual_payment
from oropendola_payments.engine.top_ups import buy
from oropendola_payments.engine.wallet import balance, grants
from oropendola_payments.tests.support.factories import unique

RULES = (
	"credits_differ_from_ledger",
	"credits_out_of_bounds",
	"credits_without_payment",
	"top_up_without_credits",
	"expired_credits_left",
	"credits_held_too_long",
	"refunded_credits_left",
)


def create_pack(**values):
	"""A pack of 1,000 credits for ₹499, valid for a year, for customers of every plan."""
	pack = frappe.new_doc("AI Credit Pack")
	pack.update(
		{
			"pack_id": values.pop("pack_id", None) or unique("credits"),
			"pack_name": "1,000 credits",
			"units": 1000,
			"validity_days": 365,
			"price": 499,
			"currency": "INR",
			"is_active": 1,
			**values,
		}
	)
	pack.insert(ignore_permissions=True)
	frappe.db.commit()
	return pack


def give(user: str, credits: int, days: int = 365, kind: str = "Gift"):
	"""Credits that were not paid for."""
	grant = grants.add(user, kind, credits * 1000, days, note="For a test")
	frappe.db.commit()
	return grant


def buy_pack(user: str, pack=None):
	"""The paid invoice of a pack, paid by hand."""
	invoice = frappe.get_doc("AI Invoice", buy.buy(user, (pack or create_pack()).name)["invoice_id"])
	manual_payment.record_payment(invoice.name, invoice.total(), unique("transfer"), None, None)
	return frappe.get_doc("AI Invoice", invoice.name)


def grant_of(invoice):
	return frappe.get_doc("AI Credit Grant", {"invoice": getattr(invoice, "name", invoice)})


def credits_of(user: str) -> float:
	return balance.balance(user) / 1000


def ledger(user: str) -> list[tuple[str, float]]:
	"""The lines of a wallet, the oldest first."""
	rows = frappe.get_all("AI Credit Entry", {"user": user}, ["kind", "units"], order_by="creation, name")
	return [(row.kind, row.units / 1000) for row in rows]


def use_up_the_day(subscription):
	frappe.db.set_value("AI Subscription", subscription.name, "daily_quota_remaining", 0)
	frappe.db.commit()


def problems(user: str) -> list[str]:
	"""What is wrong in the wallet of this customer."""
	found = invariants.check(RULES)
	mine = set(frappe.get_all("AI Credit Grant", {"user": user}, pluck="name"))
	mine |= set(frappe.get_all("AI Invoice", {"user": user}, pluck="name"))
	return [f"{rule}: {name}" for rule, names in found.items() for name in names if name in mine]


def credit_records(user: str) -> dict[str, str]:
	"""One record of each kind, by DocType."""
	grant = give(user, 5)
	entry = frappe.db.get_value("AI Credit Entry", {"credit_grant": grant.name})
	return {"AI Credit Pack": create_pack().name, "AI Credit Grant": grant.name, "AI Credit Entry": entry}


class CreditRecords:
	"""The packs and credits of one owner, each created when it is first needed."""

	owner: str
	subscription = None

	@cached_property
	def pack(self) -> str:
		return create_pack().name

	@cached_property
	def pack_of_a_customer(self) -> str:
		"""A pack that the owner may buy, because of the subscription."""
		return self.subscription and self.pack

	@cached_property
	def credit_grant(self) -> str:
		return give(self.owner, 10).name
