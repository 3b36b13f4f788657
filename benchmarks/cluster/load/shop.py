"""What the site sells, and to whom: plans in each currency, gateways in Simulator mode, customers, a manager."""

import secrets
import threading
from dataclasses import dataclass, field

import frappe
from frappe.utils.password import set_encrypted_password

from oropendola_payments.gateways import BUILT_IN
from oropendola_payments.tests.support.factories import create_plan, create_user, enable_gateway
from oropendola_payments.tests.support.gateway_events import currency_of

GATEWAYS = tuple(BUILT_IN)
PRICES = {"Starter": 499, "Pro": 999}
# Receipts must be sent once. Two cores could not write the other mails beside them: with its style sheet, one takes seconds on Frappe 15.
OTHER_MAILS = ("failure", "reminder", "refund", "key", "subscription", "usage", "credit", "alert")


@dataclass
class Shop:
	"""Everything that the load needs to know, read once: during the load the database may be down."""

	manager: str
	plans: dict[str, dict[str, str]]
	customers: list[tuple[str, str]]
	_lock: threading.Lock = field(default_factory=threading.Lock)

	def next_customer(self) -> tuple[str, str] | None:
		"""Another user and the value of the header that logs in as this user; None when all are taken."""
		with self._lock:
			return self.customers.pop() if self.customers else None


def open_shop(customers: int) -> Shop:
	for code in GATEWAYS:
		enable_gateway(code)
	currencies = sorted({currency_of(code) for code in GATEWAYS})
	plans = {currency: _plans(currency) for currency in currencies}
	# A mail that is sent is none of our business here, and nobody listens.
	frappe.db.set_value("Scheduled Job Type", {"method": "frappe.email.queue.flush"}, "stopped", 1)
	frappe.db.set_single_value("Payment Settings", {f"send_{kind}_mails": 0 for kind in OTHER_MAILS})
	_keep_awake()
	users = [create_user() for _number in range(customers)]
	shop = Shop(_log_in(create_user("Payments Manager")), plans, [(user, _log_in(user)) for user in users])
	frappe.db.commit()
	return shop


def _plans(currency: str) -> dict[str, str]:
	return {
		name: create_plan(plan_name=name, price=price, currency=currency, requests_limit_per_day=100_000).name
		for name, price in PRICES.items()
	}


def _keep_awake() -> None:
	"""Frappe 15 runs the jobs of a site only once a day after nobody has logged in for four days."""
	frappe.db.set_single_value("System Settings", {"enable_scheduler": 1, "dormant_days": 3650})
	row = {"doctype": "Activity Log", "subject": "Benchmark", "operation": "Login", "status": "Success"}
	frappe.get_doc({**row, "user": "Administrator"}).insert(ignore_permissions=True)


def _log_in(user: str) -> str:
	key, secret = secrets.token_hex(8), secrets.token_hex(8)
	frappe.db.set_value("User", user, "api_key", key, update_modified=False)
	set_encrypted_password("User", user, secret, "api_secret")
	return f"token {key}:{secret}"
