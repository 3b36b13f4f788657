"""A request to one of our paths runs that path's method and no other, and an API key may come as a bearer token."""

from oropendola_payments.ai_billing.doctype.ai_api_key.ai_api_key import make_key
from oropendola_payments.engine.keys import reveal
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import create_active_subscription, create_user
from oropendola_payments.tests.support.http import API, call, message, send, token_of

CONSUME = "usage.consume"


class TestOtherMethods(TestCase):
	def test_the_parameter_cmd_does_not_run_another_method(self):
		"""S40"""
		for options in (
			{"query_string": {"cmd": "frappe.ping"}},
			{"data": {"cmd": "frappe.ping"}},
			{"json": {"cmd": "frappe.ping"}},
		):
			answer = call(CONSUME, **options)
			self.assertEqual(answer.status_code, 401, options)
			self.assertEqual(message(answer)["error_code"], "unauthorized")

	def test_a_path_behind_the_method_does_not_let_cmd_in(self):
		"""S40"""
		answer = send("POST", f"{API}{CONSUME}/v1/chat?cmd=frappe.ping")
		self.assertEqual(answer.status_code, 401)

	def test_a_notice_of_a_gateway_with_a_field_cmd_is_still_a_notice(self):
		answer = call(
			"webhooks.receive", query_string={"gateway": "stripe"}, json={"cmd": "frappe.ping", "id": "evt_1"}
		)
		self.assertNotEqual(answer.get_json(silent=True), {"message": "pong"})
		self.assertGreaterEqual(answer.status_code, 400)

	def test_cmd_still_works_on_paths_of_others(self):
		self.assertEqual(
			send("GET", "/api/method/frappe.ping?cmd=frappe.ping").get_json(), {"message": "pong"}
		)


class TestBearerKey(TestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.doc = create_active_subscription(requests_limit_per_day=1000)
		cls.key = reveal.reveal(cls.doc.user)["api_key"]

	def test_the_key_is_accepted_as_a_bearer_token(self):
		for scheme in ("Bearer", "bearer"):
			answer = call(CONSUME, headers={"Authorization": f"{scheme} {self.key}"})
			self.assertTrue(message(answer)["allowed"], answer.get_data(as_text=True))

	def test_a_wrong_key_as_a_bearer_token_gets_our_refusal(self):
		answer = call(CONSUME, headers={"Authorization": f"Bearer {make_key()}"})
		self.assertEqual((answer.status_code, message(answer)["error_code"]), (401, "unauthorized"))

	def test_the_header_of_the_key_wins_over_a_bearer_key(self):
		answer = call(CONSUME, headers={"Authorization": f"Bearer {make_key()}", "X-API-Key": self.key})
		self.assertTrue(message(answer)["allowed"])

	def test_another_bearer_token_is_left_to_the_framework(self):
		answer = call(CONSUME, headers={"Authorization": "Bearer ya29.foreign", "X-API-Key": self.key})
		self.assertEqual((answer.status_code, message(answer)), (401, {}))

	def test_the_key_is_no_login_elsewhere(self):
		bearer = {"Authorization": f"Bearer {self.key}"}
		for path in (
			f"{API}subscription.get_my_subscription",
			"/api/method/frappe.auth.get_logged_user",
			"/api/resource/AI Invoice",
		):
			answer = send("GET", path, headers=bearer)
			self.assertEqual(answer.status_code, 401, path)

	def test_a_user_who_sends_his_token_and_a_key_stays_that_user(self):
		headers = {"Authorization": token_of(create_user()), "X-API-Key": self.key}
		self.assertTrue(message(call(CONSUME, headers=headers))["allowed"])


class TestUnreadableBodies(TestCase):
	def refused(self, body: bytes | str, path: str = CONSUME):
		answer = call(
			path, data=body, content_type="application/json", headers={"Accept": "application/json"}
		)
		self.assertEqual(answer.status_code, 400, answer.get_data(as_text=True)[-300:])
		self.assertEqual((message(answer)["success"], message(answer)["error_code"]), (False, "bad_request"))
		self.assertEqual(set(answer.get_json()), {"message"}, "and nothing of the framework's")

	def test_json_that_cannot_be_read_is_refused_in_our_envelope(self):
		for body in ("{", '{"requests": }', b"\xff\xfe", '{"a": 1} {"b": 2}', "[" * 100_000):
			with self.subTest(body=body[:20]):
				self.refused(body)
		self.refused("{", "payment.initiate_payment")

	def test_an_unreadable_body_elsewhere_is_left_to_the_framework(self):
		answer = send("POST", "/api/method/frappe.ping", data="{", content_type="application/json")
		self.assertNotIn("error_code", answer.get_data(as_text=True))
