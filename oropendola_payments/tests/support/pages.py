"""Requests for customer pages, with or without the session of a browser."""

from frappe.utils.password import update_password

from oropendola_payments.tests.support import factories
from oropendola_payments.tests.support.http import send


def page(path: str, user: str | None = None, **options):
	return send(options.pop("method", "GET"), path, user, **options)


def cookie_of(user: str) -> str:
	"""A session in a browser, which has a CSRF token and the user's language."""
	cookie = session_of(user)
	page("/plans", headers={"Cookie": cookie})
	return cookie


def session_of(user: str) -> str:
	"""A session that has seen no page yet."""
	update_password(user, factories.PASSWORD)
	answer = send("POST", "/api/method/login", data={"usr": user, "pwd": factories.PASSWORD})
	return next(c for c in answer.headers.getlist("Set-Cookie") if c.startswith("sid=")).split(";")[0]


def policy_of(answer) -> dict[str, str]:
	rules = (rule.split(" ", 1) for rule in answer.headers["Content-Security-Policy"].split("; "))
	return dict(rules)
