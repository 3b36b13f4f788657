"""Phones, and an SMS provider of our own that keeps what it was told to send."""

import threading
from contextlib import contextmanager

import frappe
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response


def new_phone() -> str:
	return f"+9198{frappe.generate_hash(length=20).translate(str.maketrans('abcdef', '012345'))[:8]}"


NOBODY = "http://127.0.0.1:9/"  # where nothing listens


@contextmanager
def sms_provider(status: int = 200, use_post: int = 1):
	"""A provider on a free port of this machine, set up in SMS Settings; yields what it received."""
	received = []

	@Request.application
	def provider(request):
		received.append(request.values.to_dict())
		return Response("ok", status=status)

	server = make_server("127.0.0.1", 0, provider, threaded=True)
	thread = threading.Thread(target=server.serve_forever)
	thread.start()
	try:
		with sms_settings(f"http://127.0.0.1:{server.server_port}/", use_post):
			yield received
	finally:
		server.shutdown()
		thread.join()
		server.server_close()


@contextmanager
def sms_settings(url: str, use_post: int = 1):
	values = {
		"sms_gateway_url": url,
		"message_parameter": "message",
		"receiver_parameter": "to",
		"use_post": use_post,
	}
	before = {field: frappe.db.get_single_value("SMS Settings", field) for field in values}
	write_sms_settings(values)
	try:
		yield
	finally:
		write_sms_settings(before)


def write_sms_settings(values: dict):
	for field, value in values.items():
		frappe.db.set_single_value("SMS Settings", field, value)
	frappe.clear_document_cache("SMS Settings", "SMS Settings")
	frappe.db.commit()
