"""Programs that use the official SDK of the Model Context Protocol, over HTTP, in both generations of the protocol."""

import asyncio
import re
from contextlib import asynccontextmanager
from unittest import skipUnless

import frappe

from oropendola_payments.mcp.protocol.revisions import LEGACY, MODERN
from oropendola_payments.tests.browser.host import Host
from oropendola_payments.tests.support.agents import AgentTestCase
from oropendola_payments.tests.support.factories import create_plan, create_user
from oropendola_payments.tests.support.http import API, token_of
from oropendola_payments.tests.support.source import ROOT

try:
	import httpx2
	from mcp import Client, MCPError
	from mcp.client.streamable_http import streamable_http_client
	from mcp.types import ElicitResult
except ImportError:
	Client = None  # a bench need not have the SDK, and its runner does not know modules that skip themselves

PAGE = ROOT / "docs" / "mcp.md"
NEEDED = "The SDK is not installed; it is in benchless/requirements.txt."


@skipUnless(Client, NEEDED)
class TestSDK(AgentTestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.host = Host()
		cls.addClassCleanup(cls.host.close)

	def setUp(self):
		super().setUp()
		self.user, self.plan = create_user(), create_plan().name
		self.token = token_of(self.user)
		frappe.db.commit()

	def invoices(self) -> list[str]:
		frappe.db.rollback()
		return frappe.get_all("AI Invoice", {"user": self.user}, pluck="name")

	@asynccontextmanager
	async def client(self, token: str, **options):
		async with httpx2.AsyncClient(headers={"Authorization": token}, trust_env=False) as http:
			transport = streamable_http_client(f"{self.host.url}{API}mcp.serve", http_client=http)
			async with Client(transport, **options) as client:
				yield client

	async def order(self, **options) -> tuple[str, dict]:
		"""The revision that was agreed on, and the answer to an order. The SDK compares answers with the schemas of the tools."""
		async with self.client(self.token, **options) as client:
			names = {tool.name for tool in (await client.list_tools()).tools}
			self.assertLess({"list_plans", "buy_plan", "get_payment_status"}, names)
			plans = await client.call_tool("list_plans", {})
			self.assertIn(self.plan, [row["plan_id"] for row in plans.structured_content["plans"]])
			bought = await client.call_tool("buy_plan", {"plan_id": self.plan})
			invoice = bought.structured_content["invoice_id"]
			paid = await client.call_tool("get_payment_status", {"invoice_id": invoice})
			self.assertEqual(paid.structured_content["status"], "Pending")
			return client.protocol_version, bought.structured_content

	def test_a_client_of_either_generation_orders(self):
		for mode, revision in (("auto", MODERN), ("legacy", LEGACY[0])):
			agreed, bought = asyncio.run(self.order(mode=mode))
			self.assertEqual(agreed, revision)
			self.assertEqual(self.invoices(), [bought["invoice_id"]])
			self.assertIn(bought["invoice_id"], bought["page"]["url"])

	def test_a_client_that_opens_pages_is_asked_to_and_orders_once(self):
		opened = []

		async def open_page(_context, asked) -> "ElicitResult":
			opened.append((asked.mode, asked.url))
			return ElicitResult(action="accept")

		_agreed, bought = asyncio.run(self.order(elicitation_callback=open_page))
		self.assertEqual(opened, [("url", bought["page"]["url"])])
		self.assertEqual(self.invoices(), [bought["invoice_id"]])

	def test_a_refusal_reaches_the_model_as_a_sentence(self):
		async def ask():
			async with self.client(self.token) as client:
				return await client.call_tool("buy_plan", {"plan_id": "no such plan"})

		answer = asyncio.run(ask())
		self.assertTrue(answer.is_error)
		self.assertTrue(answer.content[0].text)
		self.assertEqual(self.invoices(), [])

	def test_without_a_valid_token_there_is_no_connection(self):
		async def connect(token: str):
			async with self.client(token):
				pass

		for token in ("token wrong:wrong", "Bearer wrong"):
			with self.assertRaises(Exception) as caught:
				asyncio.run(connect(token))
			error = caught.exception
			while hasattr(error, "exceptions"):  # the SDK's tasks put their errors into groups
				error = error.exceptions[0]
			self.assertIsInstance(error, MCPError)
			self.assertEqual(str(error), "This token is not valid.")

	@skipUnless(PAGE.exists(), "The documents are not installed with the app.")
	def test_the_program_of_the_docs_orders(self):
		names: dict = {}
		exec(re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[1], names)
		page, status = asyncio.run(names["order"](self.host.url, self.token, self.plan))
		self.assertIn(self.invoices()[0], page)
		self.assertEqual(status, "Pending")
