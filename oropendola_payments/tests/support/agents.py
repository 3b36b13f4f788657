"""Messages to the endpoint for agents, in both generations of the protocol."""

import json
from contextlib import contextmanager

import frappe
from frappe.installer import update_site_config
from werkzeug.test import TestResponse

from oropendola_payments.mcp.protocol.revisions import MODERN
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import create_user, forget_counters, payment_settings
from oropendola_payments.tests.support.http import call

PREFIX = "io.modelcontextprotocol/"


@contextmanager
def admitted(**values):
	"""A site that admits agents for a while."""
	with payment_settings(mcp_enabled=1, **values):
		yield


@contextmanager
def site_config(**values):
	"""A site with this configuration for a while, also for requests."""
	before = {key: frappe.conf.get(key) for key in values}
	_configure(values)
	try:
		yield
	finally:
		_configure(before)


def _configure(values: dict):
	for key, value in values.items():
		update_site_config(key, "None" if value is None else value)  # this text removes the key


def meta(version: str = MODERN, **capabilities) -> dict:
	return {f"{PREFIX}protocolVersion": version, f"{PREFIX}clientCapabilities": capabilities}


def modern_headers(method: str, params: dict) -> dict:
	name = {"Mcp-Name": params["name"]} if method == "tools/call" and "name" in params else {}
	return {"MCP-Protocol-Version": MODERN, "Mcp-Method": method, **name}


def message(method: str, params: dict | None = None, number: object = 1) -> dict:
	return {
		"jsonrpc": "2.0",
		"id": number,
		"method": method,
		**({} if params is None else {"params": params}),
	}


class AgentTestCase(TestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.enter(admitted(mcp_for_staff=1))
		cls.user = create_user()

	@classmethod
	def enter(cls, context):
		"""As `enterClassContext` of Python 3.11."""
		entered = context.__enter__()
		cls.addClassCleanup(context.__exit__, None, None, None)
		return entered

	def setUp(self):
		forget_counters()

	def post(self, body, user: str | None = None, headers: dict | None = None, **options) -> TestResponse:
		"""One message as it goes over the wire; `body` may be bytes that are no message."""
		data = body if isinstance(body, bytes) else json.dumps(body).encode()
		options = {"data": data, "content_type": "application/json", **options}
		return call("mcp.serve", self.user if user is None else user or None, headers=headers, **options)

	def ask(
		self, method: str, params: dict | None = None, capabilities: dict | None = None, **options
	) -> dict:
		"""The result of a request of the newest revision."""
		params = {**(params or {}), "_meta": meta(**(capabilities or {}))}
		answer = self.post(message(method, params), headers=modern_headers(method, params), **options)
		self.assertEqual(answer.status_code, 200, answer.text)
		return answer.get_json()["result"]

	def tools(self, **options) -> set[str]:
		return {tool["name"] for tool in self.ask("tools/list", **options)["tools"]}

	def use(self, tool: str, user: str | None = None, /, **arguments) -> dict:
		"""The structured answer of a tool."""
		result = self.ask("tools/call", {"name": tool, "arguments": arguments}, user=user)
		self.assertNotIn("isError", result, result["content"])
		return result["structuredContent"]

	def refused(self, tool: str, user: str | None = None, /, **arguments) -> str:
		"""The sentence with which a tool refuses."""
		result = self.ask("tools/call", {"name": tool, "arguments": arguments}, user=user)
		self.assertTrue(result.get("isError"), result)
		self.assertNotIn("structuredContent", result)
		return result["content"][0]["text"]
