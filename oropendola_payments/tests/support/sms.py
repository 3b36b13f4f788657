"""Phone numbers, and an SMS provider that keeps the requests it receives."""

import threading
from collections.abc import Sequence
from contextlib import contextmanager

import frappe
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response


def new_phone() -> str:
	return f"+9198{frappe.generate_hash(length=20).translate(str.maketrans('abcdef', '012345'))[:8]}"


UNREACHABLE = "http://127.0.0.1:9/"  # where nothing listens


@contextmanager
def sms_provider(status: int = 200, use_post: int = 1, parameters: Sequence[dict] = ()):
	"""A provider on a free port of this machine, set up in SMS Settings; yields what it received."""
	received = []

	@Request.application
	def provider(request):
		received.append(request.get_json() if request.is_json else request.values.to_dict())
		received[-1].update(
			{f"header:{name}": value for name, value in request.headers if name in ("X-Key", "Template")}
		)
		return Response("ok", status=status)

	server = make_server("127.0.0.1", 0, provider, threaded=True)
	thread = threading.Thread(target=server.serve_forever, args=(0.01,))
	thread.start()
	try:
		with sms_settings(f"http://127.0.0.1:{server.server_port}/", use_post, parameters):
			yield received
	finally:
		server.shutdown()
		thread.join()
		server.server_close()


@contextmanager
def sms_settings(url: str, use_post: int = 1, parameters: Sequence[dict] = ()):
	values = {
		"sms_gateway_url": url,
		"message_parameter": "message",
		"receiver_parameter": "to",
		"use_post": use_post,
		"parameters": list(parameters),
	}
	doc = frappe.get_doc("SMS Settings")
	before = {
		**{field: doc.get(field) for field in values},
		"parameters": [row.as_dict() for row in doc.parameters],
	}
	write_sms_settings(values)
	try:
		yield
	finally:
		write_sms_settings(before)


def write_sms_settings(values: dict):
	doc = frappe.get_doc("SMS Settings")
	doc.update(values)
	doc.flags.ignore_mandatory = True  # a site that never sent an SMS has them empty
	doc.save(ignore_permissions=True)
	frappe.db.commit()
