"""Phones, and an SMS provider of our own that keeps what it was told to send."""

import threading
from contextlib import contextmanager

import frappe
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response


def new_phone() -> str:
	return f"+9198{frappe.generate_hash(length=20).translate(str.maketrans('abcdef', '012345'))[:8]}"


@contextmanager
def sms_provider(status: int = 200):
	"""A provider on a free port of this machine, set up in SMS Settings; yields what it received."""
	received = []

	@Request.application
	def provider(request):
		received.append(request.form.to_dict())
		return Response("ok", status=status)

	server = make_server("127.0.0.1", 0, provider, threaded=True)
	thread = threading.Thread(target=server.serve_forever)
	thread.start()
	fields = ("sms_gateway_url", "message_parameter", "receiver_parameter", "use_post")
	before = {field: frappe.db.get_single_value("SMS Settings", field) for field in fields}
	write_sms_settings(
		dict(zip(fields, (f"http://127.0.0.1:{server.server_port}/", "message", "to", 1), strict=True))
	)
	try:
		yield received
	finally:
		write_sms_settings(before)
		server.shutdown()
		thread.join()
		server.server_close()


def write_sms_settings(values: dict):
	for field, value in values.items():
		frappe.db.set_single_value("SMS Settings", field, value)
	frappe.clear_document_cache("SMS Settings", "SMS Settings")
	frappe.db.commit()
