"""A payment link as somebody without a log-in uses it: the page, its form, the gateway, and the way back."""

import re
from html import unescape
from urllib.parse import urlsplit

import frappe

from oropendola_payments.engine.links import create as links
from oropendola_payments.tests.support.http import send
from oropendola_payments.tests.support.pages import page

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
