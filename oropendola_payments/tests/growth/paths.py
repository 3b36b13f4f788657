"""What customers and gateways wait for, each through the site's own requests."""

from collections.abc import Callable
from functools import cache

import frappe

from oropendola_payments.ai_billing.current import forget
from oropendola_payments.engine.metering.test_usage import served_customer
from oropendola_payments.tests.support.factories import create_user
from oropendola_payments.tests.support.http import call, send
from oropendola_payments.tests.support.journey import Journey
from oropendola_payments.tests.support.simulated import simulator

GATEWAYS = ("razorpay", "stripe", "payu")
GET = {"method": "GET"}
PAGES = ("billing", "usage", "plans", "credits")
LISTS = (
	"payment.get_pending_invoices",
	"subscription.get_my_subscriptions",
	"documents.get_my_documents",
	"credits.get_balance",
	"credits.get_entries",
)

Work = Callable[[], object]


def paths() -> dict[str, Callable[[], Work]]:
	"""Return the work by its name. Each value prepares a fresh case and returns what is to be measured."""
	found = {"ping": lambda: lambda: _well(send("POST", "/api/method/ping"))}
	for gateway in GATEWAYS:
		found[f"open a payment, {gateway}"] = lambda gateway=gateway: _opening(gateway)
		found[f"settling webhook, {gateway}"] = lambda gateway=gateway: _settling(gateway)
	found["duplicate webhook"] = _duplicate
	found["retry"] = _retry
	found["payment status"] = _status
	found |= {f"usage.{name}": lambda name=name: _with_key(f"usage.{name}") for name in ("consume", "check")}
	for name in LISTS:
		found[name] = lambda name=name: _own_list(name, _served()[0])
		found[f"{name}, largest customer"] = lambda name=name: _own_list(name, largest_customer())
	for name in PAGES:
		found[f"page {name}"] = lambda name=name: _page(name, _served()[0])
		found[f"page {name}, largest customer"] = lambda name=name: _page(name, largest_customer())
	found["page checkout"] = _checkout
	found["health, guest"] = lambda: lambda: _well(call("health.status"))
	return found


@cache
def largest_customer() -> str:
	"""Return the customer with the most invoices."""
	rows = frappe.db.sql(
		"SELECT `user` FROM `tabAI Invoice` WHERE name LIKE 'GROW%' GROUP BY `user` ORDER BY COUNT(*) DESC, `user` LIMIT 1"
	)
	return rows[0][0] if rows else _served()[0]


def journey(gateway: str) -> Journey:
	return Journey(gateway, user=create_user(), settings={"api_base_url": f"{simulator().url}/{gateway}"})


def _well(answer: object) -> None:
	if answer.status_code not in (200, 303):
		raise AssertionError(answer.get_data(as_text=True)[:600])


def _served() -> tuple[str, str]:
	doc, key = served_customer()
	return doc.user, key


def _opening(gateway: str) -> Work:
	mine = journey(gateway)
	body = {"invoice_id": mine.invoice, "gateway": gateway}
	return lambda: _well(call("payment.initiate_payment", mine.user, json=body))


def _message(gateway: str) -> Work:
	mine = journey(gateway)
	mine.customer_pays(mine.start())
	message = mine.take_webhooks()[-1]
	options = {"query_string": {"gateway": gateway}, "data": message.body, "headers": dict(message.headers)}
	return lambda: _well(call("webhooks.receive", **options))


def _settling(gateway: str) -> Work:
	return _message(gateway)


def _duplicate() -> Work:
	deliver = _message("razorpay")
	deliver()
	return deliver


def _retry() -> Work:
	mine = journey("payu")
	mine.deliver_return(mine.customer_pays(mine.start(), "failure"))
	body = {"invoice_id": mine.invoice, "gateway": "payu"}
	return lambda: _well(call("payment.retry_payment", mine.user, json=body))


def _status() -> Work:
	mine = journey("razorpay")
	body = {"invoice_id": mine.invoice, "attempt": mine.start()}
	return lambda: _well(call("payment.get_payment_status", mine.user, json=body))


def _with_key(endpoint: str) -> Work:
	_user, key = _served()
	return lambda: _well(call(endpoint, headers={"X-API-Key": key}, json={"requests": 1}))


def _own_list(endpoint: str, user: str) -> Work:
	return lambda: _well(call(endpoint, user))


def _page(name: str, user: str) -> Work:
	# The plans of other cases would be shown too.
	frappe.db.set_value("AI Plan", {"is_active": 1, "plan_id": ("like", "plan-%")}, "is_active", 0)
	forget("AI Plan")
	return lambda: _well(send("GET", f"/{name}", user))


def _checkout() -> Work:
	mine = journey("razorpay")
	return lambda: _well(send("GET", f"/checkout?invoice={mine.invoice}", mine.user))
