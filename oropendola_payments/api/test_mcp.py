"""HTTP around the protocol for agents: who is let in, and what the framework refuses."""

import json
from urllib.parse import urlsplit

import frappe

from oropendola_payments.api.mcp import LARGEST, REQUESTS_PER_MINUTE
from oropendola_payments.engine.core.counters import counter_name
from oropendola_payments.engine.keys import reveal
from oropendola_payments.roles import TRANSACT
from oropendola_payments.tests.support.agents import (
	AgentTestCase,
	admitted,
	message,
	meta,
	modern_headers,
	site_config,
)
from oropendola_payments.tests.support.factories import (
	create_active_subscription,
	create_user,
	payment_settings,
)
from oropendola_payments.tests.support.http import API, call, send, token_of
from oropendola_payments.tests.support.live import ADDRESS
from oropendola_payments.tests.support.oauth import OAuthClient
from oropendola_payments.tests.support.pages import session_of

PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
OLD = {"MCP-Protocol-Version": "2025-11-25"}


class TestEntry(AgentTestCase):
	def error(self, answer) -> tuple[int, int]:
		return answer.status_code, answer.get_json()["error"]["code"]

	def test_only_post_is_answered(self):
		for method in ("GET", "DELETE", "PUT", "PATCH", "HEAD"):
			answer = call("mcp.serve", self.user, method=method)
			self.assertEqual((answer.status_code, answer.headers["Allow"], answer.text), (405, "POST", ""))

	def test_a_site_that_does_not_admit_agents_says_so_to_everybody(self):
		with payment_settings(mcp_enabled=0):
			for user in (False, self.user):
				self.assertEqual(self.error(self.post(PING, user, OLD)), (404, -32600))
			for path in ("oauth-protected-resource", "oauth-authorization-server"):
				if frappe.__version__ < "16":
					self.assertEqual(send("GET", f"/.well-known/{path}").status_code, 404)

	def test_a_page_of_another_origin_is_refused(self):
		"""M3"""
		for origin in ("https://evil.example", "null", "http://[", f"{frappe.utils.get_url()}.evil.example"):
			answer = self.post(PING, headers={**OLD, "Origin": origin})
			self.assertEqual(self.error(answer), (403, -32600), origin)

	def test_the_sites_own_origin_and_those_of_its_configuration_are_admitted(self):
		self.enterContext(
			site_config(
				host_name=ADDRESS, allow_cors="https://studio.example", restart_supervisor_on_update=1
			)
		)
		for origin in (ADDRESS, "https://studio.example:443"):
			answer = self.post(PING, headers={**OLD, "Origin": origin})
			self.assertEqual(answer.status_code, 200, answer.text)

	def test_a_body_that_is_too_large_is_refused(self):
		"""M4"""
		self.assertEqual(
			self.error(self.post(b" " * LARGEST + json.dumps(PING).encode(), headers=OLD)), (413, -32600)
		)

	def test_another_content_type_is_refused(self):
		answer = self.post(PING, headers=OLD, content_type="text/plain")
		self.assertEqual(self.error(answer), (415, -32600))

	def test_a_body_that_the_framework_cannot_read_gets_an_error_of_the_protocol(self):
		for body, code in (
			(b"{", -32700),
			(b'{"id": NaN}', -32700),
			(b"7", -32600),
			(b'"x"', -32600),
			(b"[]", -32600),
		):
			answer = self.post(body, headers=OLD)
			self.assertEqual(self.error(answer), (400, code), body)
		self.assertEqual(self.error(self.post([PING, PING], headers=OLD)), (400, -32600))

	def test_a_deep_or_endless_number_is_refused(self):
		for body in (
			b"[" * 50_000,
			b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":' + b"9" * 5000 + b"}}",
		):
			answer = self.post(body, headers=OLD)
			self.assertIn(answer.status_code, (200, 400), body[:40])

	def test_argument_names_of_the_framework_are_harmless(self):
		body = {**PING, "cmd": "frappe.ping", "fn": "frappe.ping", "self": 1, "data": 2}
		answer = self.post(body, headers=OLD, query_string={"cmd": "frappe.ping"})
		self.assertEqual(answer.get_json()["result"], {})

	def test_no_cookie_is_set(self):
		for user in (False, self.user):
			self.assertNotIn("Set-Cookie", self.post(PING, user, OLD).headers)

	def test_a_user_has_so_many_requests_a_minute(self):
		"""M4"""
		self.post(PING, headers=OLD)
		name = counter_name("mcp", self.user)
		frappe.db.set_value("Payment Counter", name, "count", REQUESTS_PER_MINUTE)
		answer = self.post(PING, headers=OLD)
		self.assertEqual(answer.status_code, 429)
		self.assertLessEqual(int(answer.headers["Retry-After"]), 60)


class TestLogIn(AgentTestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.oauth = OAuthClient()

	def tools_with(self, **headers) -> set[str]:
		params = {"_meta": meta()}
		answer = self.post(
			message("tools/list", params), False, {**modern_headers("tools/list", params), **headers}
		)
		self.assertEqual(answer.status_code, 200, answer.text)
		return {tool["name"] for tool in answer.get_json()["result"]["tools"]}

	def test_a_guest_sees_nothing_and_learns_where_to_log_in(self):
		"""M5"""
		for headers in ({}, {"Authorization": "Bearer nonsense"}, {"Authorization": "token a:b"}):
			answer = self.post(message("tools/list", {"_meta": meta()}), False, headers)
			self.assertEqual(answer.status_code, 401)
			challenge = answer.headers["WWW-Authenticate"]
			self.assertIn("/.well-known/oauth-protected-resource", challenge)
			self.assertNotIn("list_plans", answer.text)

	def test_the_metadata_names_this_endpoint_and_the_sites_log_in(self):
		challenge = self.post(PING, False, OLD).headers["WWW-Authenticate"]
		site, _well_known, path = challenge.partition('="')[2].rstrip('"').partition("/.well-known")
		host = {"Host": urlsplit(site).netloc}
		found = send("GET", f"/.well-known{path}", headers=host).get_json()
		self.assertTrue(f"{site}{API}mcp.serve".startswith(found["resource"]), found)
		server = send("GET", "/.well-known/oauth-authorization-server", headers=host).get_json()
		self.assertEqual(server["issuer"], found["authorization_servers"][0])
		self.assertIn("S256", server["code_challenge_methods_supported"])
		self.assertTrue(server["token_endpoint"].endswith("frappe.integrations.oauth2.get_token"))

	def test_money_tools_need_the_scope_of_a_token_or_the_role(self):
		"""M6"""
		money = {
			"create_cashfree_order",
			"initiate_cashfree_payment",
			"confirm_cashfree_payment",
			"get_cashfree_order_status",
		}
		plain, paying = self.oauth.token(self.user, "all openid"), self.oauth.token(self.user, "all transact")
		self.assertEqual(self.tools_with(Authorization=f"Bearer {plain}") & money, set())
		self.assertEqual(self.tools_with(Authorization=f"Bearer {paying}") & money, money)
		with_role = create_user(TRANSACT)
		self.assertEqual(self.tools_with(Authorization=token_of(with_role)) & money, money)
		token = self.oauth.token(with_role, "all openid")
		self.assertEqual(self.tools_with(Authorization=f"Bearer {token}") & money, set())
		answer = self.ask("tools/list")
		self.assertEqual({tool["name"] for tool in answer["tools"]} & money, set())

	def test_an_api_key_reads_and_does_nothing_else(self):
		"""M7"""
		doc = create_active_subscription()
		key = reveal.reveal(doc.user)["api_key"]
		expected = {"list_plans", "compare_plans", "get_usage", "list_invoices", "get_payment_status"}
		for headers in ({"Authorization": f"Bearer {key}"}, {"X-API-Key": key}):
			self.assertEqual(self.tools_with(**headers), expected)
		params = {"name": "get_usage", "_meta": meta()}
		answer = self.post(
			message("tools/call", params), False, {**modern_headers("tools/call", params), "X-API-Key": key}
		)
		self.assertIn(doc.name, answer.text)
		self.assertNotIn(key, answer.text)

	def test_an_api_key_that_does_not_work_leads_to_no_log_in_page(self):
		for key in ("oro_nonsense", "x"):
			answer = self.post(PING, False, {**OLD, "X-API-Key": key})
			self.assertEqual(answer.status_code, 401)
			self.assertEqual(answer.headers["WWW-Authenticate"], 'Bearer error="invalid_token"')

	def test_staff_tools_need_the_role_and_the_setting(self):
		"""M8"""
		staff = {"list_payments", "list_failed_messages", "list_differences", "list_alerts"}
		auditor = create_user("Payments Auditor")
		self.assertEqual(self.tools() & staff, set())
		self.assertEqual(self.tools(user=auditor) & staff, staff)
		with admitted(mcp_for_staff=0):
			self.assertEqual(self.tools(user=auditor) & staff, set())

	def test_a_browsers_session_is_no_log_in(self):
		"""M3: a page of any site can make a browser send its cookies."""
		cookie = session_of(self.user)
		for headers in ({}, {"Authorization": "Bearer made up"}):
			answer = self.post(PING, False, {**OLD, **headers, "Cookie": cookie})
			self.assertEqual(answer.status_code, 401, answer.text)
