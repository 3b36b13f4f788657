"""Messages of both generations, right and wrong."""

from oropendola_payments.mcp.protocol.revisions import LEGACY, MODERN, SUPPORTED
from oropendola_payments.tests.support.agents import PREFIX, AgentTestCase, message, meta, modern_headers

NO_ARGUMENTS = {"name": "list_plans", "arguments": {}}


class TestModern(AgentTestCase):
	def answered(self, method: str, params: dict | None = None, headers: dict | None = None) -> tuple:
		params = {"_meta": meta(), **(params or {})}
		sent = {**modern_headers(method, params), **(headers or {})}
		answer = self.post(message(method, params), headers={k: v for k, v in sent.items() if v is not None})
		return answer.status_code, answer.get_json().get("error", {}).get("code"), answer.get_json()

	def refusal(self, *args, **options) -> tuple:
		return self.answered(*args, **options)[:2]

	def test_discovery_names_all_revisions(self):
		found = self.ask("server/discover")
		self.assertEqual(found["supportedVersions"], [MODERN, *LEGACY])
		self.assertEqual((found["resultType"], found["capabilities"]), ("complete", {"tools": {}}))
		self.assertEqual(found["_meta"][f"{PREFIX}serverInfo"]["name"], "oropendola-payments")

	def test_the_list_may_be_kept_by_this_caller_only(self):
		found = self.ask("tools/list")
		self.assertEqual((found["cacheScope"], found["ttlMs"] > 0), ("private", True))

	def test_headers_must_agree_with_the_message(self):
		for headers in (
			{"MCP-Protocol-Version": None},
			{"MCP-Protocol-Version": LEGACY[0]},
			{"Mcp-Method": None},
			{"Mcp-Method": "tools/List"},
		):
			self.assertEqual(self.refusal("tools/list", headers=headers), (400, -32020), headers)
		for name in (None, "buy_plan", "=?base64?!?="):
			self.assertEqual(
				self.refusal("tools/call", NO_ARGUMENTS, {"Mcp-Name": name}), (400, -32020), name
			)

	def test_a_name_may_be_encoded_and_surrounded_by_spaces(self):
		for name in (" list_plans ", "=?base64?bGlzdF9wbGFucw==?="):
			self.assertEqual(self.answered("tools/call", NO_ARGUMENTS, {"Mcp-Name": name})[0], 200, name)

	def test_a_message_must_say_revision_and_capabilities(self):
		for broken in (
			{},
			7,
			{f"{PREFIX}protocolVersion": MODERN},
			{**meta(), f"{PREFIX}clientCapabilities": []},
		):
			self.assertEqual(self.refusal("tools/list", {"_meta": broken}), (400, -32602), broken)

	def test_an_unknown_revision_is_refused_with_the_known_ones(self):
		params = {"_meta": meta("1999-01-01")}
		status, code, body = self.answered("tools/list", params, {"MCP-Protocol-Version": "1999-01-01"})
		self.assertEqual((status, code), (400, -32022))
		self.assertEqual(body["error"]["data"], {"supported": list(SUPPORTED), "requested": "1999-01-01"})

	def test_methods_that_are_not_here_are_not_found(self):
		for method in ("initialize", "ping", "resources/list", "logging/setLevel", "tools/delete"):
			self.assertEqual(self.refusal(method), (404, -32601), method)

	def test_an_unknown_tool_and_arguments_that_are_no_object_are_invalid(self):
		for params in ({"name": "drop_tables"}, {"name": "list_plans", "arguments": [1]}):
			self.assertEqual(self.refusal("tools/call", params), (200, -32602), params)
		self.assertEqual(self.refusal("tools/list", {"cursor": "x"}), (200, -32602))

	def test_a_notification_gets_no_answer(self):
		answer = self.post({"jsonrpc": "2.0", "method": "notifications/cancelled"})
		self.assertEqual((answer.status_code, answer.text), (202, ""))

	def test_what_is_no_request_is_refused(self):
		for body in (
			{"id": 1, "method": "ping"},
			{"jsonrpc": "1.0", "id": 1, "method": "ping"},
			{"jsonrpc": "2.0", "id": 1},
			{"jsonrpc": "2.0", "id": 1, "method": 7},
			{"jsonrpc": "2.0", "id": None, "method": "ping"},
			{"jsonrpc": "2.0", "id": True, "method": "ping"},
			{"jsonrpc": "2.0", "id": [1], "method": "ping"},
		):
			answer = self.post(body)
			self.assertEqual((answer.status_code, answer.get_json()["error"]["code"]), (400, -32600), body)
		answer = self.post({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": [1]})
		self.assertEqual((answer.status_code, answer.get_json()["error"]["code"]), (400, -32602))

	def test_the_answer_carries_the_id_of_the_request(self):
		for number in (0, "a", 7):
			params = {"_meta": meta()}
			answer = self.post(
				message("tools/list", params, number), headers=modern_headers("tools/list", params)
			)
			self.assertEqual(answer.get_json()["id"], number)


class TestLegacy(AgentTestCase):
	def result(self, method: str, params: dict | None = None, version: str | None = LEGACY[0]) -> dict:
		headers = {"MCP-Protocol-Version": version} if version else {}
		answer = self.post(message(method, params), headers=headers)
		self.assertEqual(answer.status_code, 200, answer.text)
		return answer.get_json()

	def test_the_handshake_agrees_on_a_revision_and_opens_no_session(self):
		asked = {"capabilities": {}, "clientInfo": {"name": "x", "version": "1"}}
		for wanted, agreed in ((LEGACY[0], LEGACY[0]), (LEGACY[1], LEGACY[1]), ("2024-11-05", LEGACY[0])):
			body = message("initialize", {"protocolVersion": wanted, **asked})
			answer = self.post(body)
			self.assertEqual(answer.get_json()["result"]["protocolVersion"], agreed)
			self.assertNotIn("Mcp-Session-Id", answer.headers)

	def test_both_revisions_list_and_call_without_the_newer_fields(self):
		for version in LEGACY:
			listed = self.result("tools/list", version=version)["result"]
			self.assertEqual(set(listed), {"tools"})
			called = self.result("tools/call", NO_ARGUMENTS, version)["result"]
			self.assertEqual(set(called), {"content", "structuredContent"})
			self.assertEqual(self.result("ping", version=version)["result"], {})

	def test_an_unknown_method_is_an_error_with_status_200(self):
		self.assertEqual(self.result("resources/list")["error"]["code"], -32601)

	def test_an_unknown_revision_in_the_header_is_refused(self):
		for version in ("2023-01-01", ""):
			answer = self.post(message("tools/list"), headers={"MCP-Protocol-Version": version})
			self.assertEqual(answer.status_code, 400)

	def test_the_notification_after_the_handshake_is_accepted(self):
		answer = self.post(
			{"jsonrpc": "2.0", "method": "notifications/initialized"},
			headers={"MCP-Protocol-Version": LEGACY[1]},
		)
		self.assertEqual(answer.status_code, 202)
