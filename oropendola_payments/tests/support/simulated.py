"""The simulator for tests, and the requests between it and the site: a test delivers, drops, repeats or reorders them."""

import secrets
from urllib.parse import urlencode, urlsplit

import frappe
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from oropendola_payments.simulator import Delivery, Return, Simulator

_running: Simulator | None = None


def simulator() -> Simulator:
	"""One simulator for the whole run, on a free port; `reset` empties its ledger."""
	global _running
	if _running is None:
		# A site's database outlives the run: ids of another run must not come again.
		_running = Simulator(first_number=secrets.randbelow(10**8)).start()
	frappe.conf.payment_simulator_url = _running.url
	frappe.conf.allow_payment_simulator = 1
	return _running


def close_simulator():
	global _running
	if _running is not None:
		_running.close()
		_running = None


def open_pay_page(answer: dict):
	"""What the customer's browser does with the answer of initiate_payment."""
	form = answer.get("form")
	if form:
		return simulator().open(form["action"], form["fields"])
	if answer.get("next_action") == "redirect":
		return simulator().open(answer["payment_url"])
	return None


def deliver_return(back: Return):
	"""The browser returns to the site. Returns the response of the callback."""
	from oropendola_payments.api import callbacks

	with incoming_request(back.method, back.url, fields=back.fields):
		return callbacks.returned()


def deliver(delivery: Delivery):
	"""The provider's webhook reaches the site. Returns the answer of the endpoint."""
	from oropendola_payments.api import webhooks

	url = f"http://site.example/api/method/oropendola_payments.api.webhooks.receive?gateway={delivery.code}"
	with incoming_request("POST", url, body=delivery.body, headers=dict(delivery.headers)):
		return webhooks.receive()


class incoming_request:
	"""A request by Guest, prepared as the framework does it."""

	def __init__(
		self, method: str, url: str, fields: dict | None = None, body: bytes | None = None, headers=None
	):
		parts = urlsplit(url)
		headers = dict(headers or {})
		if method == "POST" and body is None:
			body = urlencode(fields or {}).encode()
			headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
		query = (
			parts.query
			if method == "POST"
			else "&".join(filter(None, (parts.query, urlencode(fields or {}))))
		)
		content_type = next((v for k, v in headers.items() if k.lower() == "content-type"), None)
		builder = EnvironBuilder(
			path=parts.path,
			query_string=query,
			method=method,
			data=body,
			headers=headers,
			content_type=content_type,
		)
		self.request = Request(builder.get_environ())

	def __enter__(self):
		self.before = (getattr(frappe.local, "request", None), frappe.session.user, frappe.local.response)
		frappe.local.request = self.request
		frappe.local.request_ip = "127.0.0.1"
		frappe.local.response = frappe._dict({"docs": []})
		frappe.set_user("Guest")
		return self

	def __exit__(self, *error):
		request, user, response = self.before
		frappe.set_user(user)
		frappe.local.response = response
		if request is None:
			del frappe.local.request  # Frappe asks whether there is one
		else:
			frappe.local.request = request
