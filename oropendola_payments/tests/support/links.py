"""A payment link as somebody without a log-in uses it: the page, its form, the gateway, and the way back."""

import re
from html import unescape
from urllib.parse import urlsplit

import frappe

from oropendola_payments.engine.checkout import initiate as checkout
from oropendola_payments.engine.links import create as links
from oropendola_payments.tests.support import factories
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.gateway_events import currency_of
from oropendola_payments.tests.support.http import send
from oropendola_payments.tests.support.pages import page
from oropendola_payments.tests.support.simulated import simulator

PAYER = {"email": "payer@example.com", "phone": "+919876543210"}


def new_link(invoice: str, made_by: str = "Administrator", **options):
	"""A new link and the path of its page."""
	made = links.create(invoice, made_by=made_by, **options)
	return made.link, urlsplit(made.address).path


def token_of(path: str) -> str:
	return path.removeprefix("/p/")


def form_of(path: str, **options) -> dict:
	"""The hidden fields that the page gives to its form."""
	return {"form_token": field_of(page(path, **options).text, "form_token")}


def field_of(html: str, name: str) -> str:
	found = re.search(rf'name="{name}" value="([^"]*)"', html)
	return unescape(found[1]) if found else ""


def post(path: str, action: str, **fields):
	return send("POST", path, data={**form_of(path), **PAYER, "action": action, **fields})


def start(path: str, gateway: str, **fields) -> str:
	"""Press Pay and return the attempt."""
	answer = post(path, "pay", gateway=gateway, **fields)
	if answer.status_code != 303:
		raise AssertionError(answer.text)
	return re.search(r"attempt=(\w+)", answer.headers["Location"])[1]


def set_status(test, invoice: str, status: str):
	"""As if the invoice had this status, until the end of the test: other tests check that paid invoices are served."""
	test.addCleanup(frappe.db.commit)
	test.addCleanup(frappe.db.set_value, "AI Invoice", invoice, "status", "Pending")
	frappe.db.set_value("AI Invoice", invoice, "status", status)
	frappe.db.commit()


def attempts_through(link: str) -> list[str]:
	return frappe.get_all("Payment Attempt", {"payment_link": link}, pluck="name")


def checkout_of_another_invoice() -> str:
	invoice = factories.create_invoice()
	return checkout.initiate(invoice.user, invoice.name, "payu")["attempt"]


class LinkCase(TestCase):
	gateway = "payu"

	def setUp(self):
		self.sim = simulator()
		factories.forget_counters()
		self.enable(self.gateway)
		self.user = factories.create_user(first_name="Zubaida")
		self.invoice = factories.create_invoice(self.user, currency=currency_of(self.gateway))
		self.link, self.path = new_link(self.invoice.name)

	def enable(self, code: str, **values):
		"""Its address in the settings, because a request has a site configuration of its own."""
		factories.enable_gateway(code, api_base_url=f"{self.sim.url}/{code}", require_phone_code=0, **values)

	def pay_at_gateway(self, attempt: str, result: str = "success"):
		"""The payer opens the gateway's page, presses a button, and the browser returns to the site. The answer of the return."""
		shown = page(f"{self.path}?attempt={attempt}")
		self.assertEqual(shown.status_code, 200)
		data = frappe.get_doc("Payment Attempt", attempt).checkout()
		if data.get("form"):
			self.sim.open(data["form"]["action"], data["form"]["fields"])
		elif data.get("url"):
			self.sim.open(data["url"])
		back = self.sim.pay(self.gateway, attempt, outcome=result)
		path = back.url.split("/", 3)[3]
		options = {"data": back.fields} if back.method == "POST" else {"query_string": None}
		if back.method == "GET" and back.fields:
			path += ("&" if "?" in path else "?") + "&".join(f"{k}={v}" for k, v in back.fields.items())
		return send(back.method, f"/{path}", **{k: v for k, v in options.items() if v})

	def status(self) -> str:
		return frappe.db.get_value("AI Invoice", self.invoice.name, "status")
