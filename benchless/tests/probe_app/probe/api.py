"""Functions that the tests call over HTTP."""

import frappe
from frappe.rate_limiter import rate_limit
from werkzeug.wrappers import Response


def not_whitelisted():
	return "secret"


@frappe.whitelist()
def for_users():
	return frappe.session.user


@frappe.whitelist(allow_guest=True)
def for_guests(**arguments):
	arguments.pop("cmd", None)
	return arguments


@frappe.whitelist(allow_guest=True)
def write_note(title: str):
	return _insert(title)


@frappe.whitelist(allow_guest=True, methods=["POST"])
def post_only():
	return "posted"


@frappe.whitelist(allow_guest=True)
def write_note_and_fail(title: str):
	_insert(title)
	frappe.throw("That did not work.")


@frappe.whitelist(allow_guest=True)
def write_note_and_break(title: str):
	_insert(title)
	raise RuntimeError("a bug")


@frappe.whitelist(allow_guest=True)
def double(number: int):
	return 2 * number


@frappe.whitelist(allow_guest=True)
@rate_limit(limit=2, seconds=60)
def rare():
	return "ok"


@frappe.whitelist(allow_guest=True)
def forward():
	frappe.local.response["type"] = "redirect"
	frappe.local.response["location"] = "/greeting"


@frappe.whitelist(allow_guest=True)
def download():
	frappe.local.response.filename = "answer.txt"
	frappe.local.response.filecontent = b"forty-two"
	frappe.local.response.type = "download"


@frappe.whitelist(allow_guest=True)
def raw_body():
	return frappe.request.get_data().hex()


@frappe.whitelist()
def csrf_token():
	return frappe.sessions.get_csrf_token()


@frappe.whitelist(allow_guest=True)
def write_note_later(title: str):
	frappe.enqueue("probe.api.note_of_worker", title=title, enqueue_after_commit=True)


def note_of_worker(title: str):
	_insert(title, body=frappe.session.user)


def scheduled():
	_insert("scheduled")


class Renderer:
	"""A page without a template."""

	def __init__(self, path, http_status_code=None):
		self.path = path

	def can_render(self):
		return self.path == ".well-known/probe"

	def render(self):
		return Response("rendered", mimetype="text/x-probe")


def log_in_by_probe_key():
	if frappe.get_request_header("Authorization") == "Bearer probe-key":
		frappe.set_user("reader@example.com")


def _insert(title: str, body: str | None = None) -> str:
	note = frappe.get_doc({"doctype": "Probe Note", "title": title, "body": body})
	return note.insert(ignore_permissions=True).name
