"""Valid records by default; a test gives only the values it is about. Names are random, so tests do not need an empty site."""

import secrets
from contextlib import contextmanager
from itertools import count

import frappe
from frappe.utils import add_to_date, now_datetime

from oropendola_payments.ai_billing.current import forget
from oropendola_payments.engine.core.counters import counter_name
from oropendola_payments.engine.subscriptions import lifecycle

PASSWORD = "a-test-pass-phrase-1"
# One after the other: a site that is full of earlier runs meets a number twice sooner or later if each is drawn.
MOBILE_NUMBERS = count(secrets.randbelow(10**9))


def unique(prefix: str) -> str:
	return f"{prefix}-{frappe.generate_hash(length=10).lower()}"


def create_user(*roles: str, first_name: str = "Asha") -> str:
	"""A website user, or staff when roles are given."""
	email = f"{unique('user')}@example.com"
	user = frappe.get_doc(
		{
			"doctype": "User",
			"email": email,
			"enabled": 1,  # an import sets no defaults
			"first_name": first_name,
			"last_name": "Example",
			"mobile_no": f"+919{next(MOBILE_NUMBERS) % 10**9:09d}",
			"user_type": "System User" if roles else "Website User",
			"send_welcome_email": 0,
			"roles": [{"role": role} for role in roles],
		}
	)
	# Frappe's own insert takes a second on a bench and allows 60 new users an hour.
	user.update({"name": email, "full_name": f"{first_name} Example"})
	user.set_parent_in_children()
	for row in (user, *user.roles):
		row.db_insert()
	frappe.db.commit()
	return user.name


def create_plan(**values):
	plan = frappe.new_doc("AI Plan")
	plan_id = values.pop("plan_id", None) or unique("plan")
	plan.update(
		{
			"plan_id": plan_id,
			"plan_name": "Starter",
			"price": 499,
			"currency": "INR",
			"billing_interval": "Month",
			"interval_count": 1,
			"requests_limit_per_day": 100,
			"is_active": 1,
			**values,
		}
	)
	plan.insert(ignore_permissions=True)
	frappe.db.commit()
	return plan


def create_coupon(**values):
	"""A coupon that makes every plan half as expensive, once for each customer."""
	coupon = frappe.new_doc("AI Coupon")
	coupon.update(
		{"code": unique("half").upper(), "discount_type": "Percent", "basis_points": 5000, **values}
	)
	coupon.insert(ignore_permissions=True)
	frappe.db.commit()
	return coupon


def create_invoice(user: str | None = None, plan=None, coupon: str | None = None, **plan_values):
	"""The pending invoice of a new subscription."""
	user = user or create_user()
	plan = plan or create_plan(**plan_values)
	answer = lifecycle.subscribe(user, plan.name, None, coupon=coupon)
	return frappe.get_doc("AI Invoice", answer["invoice_id"])


def create_active_subscription(user: str | None = None, **plan_values):
	"""A subscription that was paid by hand."""
	from oropendola_payments.engine.settlement import manual_payment

	invoice = create_invoice(user, **plan_values)
	manual_payment.record_payment(invoice.name, invoice.total(), unique("transfer"), None, None)
	return frappe.get_doc("AI Subscription", invoice.subscription)


def enable_gateway(code: str, **values):
	"""The gateway, talking to the simulator, without the trouble that another test had with it."""
	name = frappe.db.get_value("Payment Gateway Settings", {"gateway": code}, "name")
	doc = frappe.get_doc("Payment Gateway Settings", name)
	doc.update({"enabled": 1, "mode": "Simulator", "api_base_url": None, **values})
	doc.save(ignore_permissions=True)
	# Many tests set the times of their payments back, which shall not be from before these keys.
	doc.db_set({"keys_changed_on": None, "degraded_since": None, "keys_refused": 0})
	frappe.db.commit()
	return doc


@contextmanager
def as_user(user: str):
	before = frappe.session.user
	frappe.set_user(user)
	try:
		yield
	finally:
		frappe.set_user(before)


@contextmanager
def payment_settings(**values):
	"""Payment Settings with other values for a while."""
	before = {field: frappe.db.get_single_value("Payment Settings", field) for field in values}
	_write_settings(values)
	try:
		yield
	finally:
		_write_settings(before)


def _write_settings(values: dict):
	for field, value in values.items():
		frappe.db.set_single_value("Payment Settings", field, value)
	forget("Payment Settings")
	frappe.db.commit()


def backdate_trouble(code: str, seconds: int):
	"""As if this gateway had become Degraded so many seconds ago."""
	name = frappe.db.get_value("Payment Gateway Settings", {"gateway": code})
	since = add_to_date(now_datetime(), seconds=-seconds)
	frappe.db.set_value("Payment Gateway Settings", name, "degraded_since", since, update_modified=False)
	forget("Payment Gateway Settings")


def end_window(kind: str, whose: str):
	"""As if the window of this counter had ended."""
	ended = add_to_date(now_datetime(), seconds=-1)
	frappe.db.set_value("Payment Counter", counter_name(kind, whose), "ends_at", ended)
	frappe.db.commit()


def forget_counters():
	"""As if nobody had asked for a code, so that one test does not use up what another needs."""
	frappe.db.delete("Payment Counter")
	frappe.db.commit()
