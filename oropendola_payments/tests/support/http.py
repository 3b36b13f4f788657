"""Requests through the WSGI application of the host, each in a thread of its own."""

import secrets
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, redirect_stderr
from io import StringIO

import frappe
import frappe.app
from frappe.utils.password import set_encrypted_password
from werkzeug.test import Client, TestResponse

from oropendola_payments.tests.support import contracts

API = "/api/method/oropendola_payments.api."
_tokens: dict[str, str] = {}


def call(endpoint: str, user: str | None = None, method: str = "POST", **options) -> TestResponse:
	"""One call of our API; `options` are those of werkzeug's test client, such as `json`, `data`, `query_string`."""
	return send(method, API + endpoint, user, **options)


def send(
	method: str, path: str, user: str | None = None, headers: Mapping | None = None, **options
) -> TestResponse:
	"""One request as this user, or as a guest."""
	sent = {"X-Frappe-Site-Name": frappe.local.site, "Accept": "application/json"}
	# Each request comes from an address of its own, so that no limit of an earlier run is met.
	sent |= {
		"X-Forwarded-For": f"198.18.{secrets.randbelow(256)}.{secrets.randbelow(256)}",
		**(headers or {}),
	}
	if user:
		sent["Authorization"] = token_of(user)
	frappe.db.commit()  # the request has its own connection
	# In developer mode Frappe prints the traceback of every refusal.
	with _sites_of_this_test(), redirect_stderr(StringIO()), ThreadPoolExecutor(1) as worker:
		client = Client(frappe.app.application, use_cookies=False)  # else it drops a cookie of `headers`
		answer = worker.submit(
			client.open, path, method=method, headers=sent, buffered=True, **options
		).result()
	frappe.db.rollback()  # the next read sees what the request committed
	contracts.check(method, path, answer)
	return answer


def message(answer: TestResponse) -> dict:
	"""The envelope of an answer, or {} when there is none."""
	body = answer.get_json(silent=True)
	envelope = body.get("message") if isinstance(body, dict) else None
	return envelope if isinstance(envelope, dict) else {}


def token_of(user: str) -> str:
	"""The value of the header Authorization that logs this user in."""
	key = f"{frappe.local.site}:{user}"
	if key not in _tokens:
		name, secret = frappe.generate_hash(length=15), frappe.generate_hash(length=15)
		frappe.db.set_value("User", user, "api_key", name)
		set_encrypted_password("User", user, secret, "api_secret")
		_tokens[key] = f"token {name}:{secret}"
	return _tokens[key]


@contextmanager
def _sites_of_this_test():
	before = frappe.app._site, frappe.app._sites_path
	frappe.app._site, frappe.app._sites_path = None, frappe.local.sites_path
	try:
		yield
	finally:
		frappe.app._site, frappe.app._sites_path = before
