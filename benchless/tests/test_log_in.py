"""Who a request is from: log-in, session, tokens and hooks, the same as in real Frappe v15."""

import secrets

import frappe

from benchless import site
from benchless.tests.probe_site import API, ProbeSiteTestCase


class TestLogin(ProbeSiteTestCase):
	def test_login_sets_a_lax_httponly_cookie_and_names_the_user(self):
		answer = self.login()
		cookie = next(c for c in answer.headers.getlist("Set-Cookie") if c.startswith("sid="))
		self.assertIn("HttpOnly", cookie)
		self.assertIn("SameSite=Lax", cookie)
		self.assertEqual((answer.json["message"], answer.json["full_name"]), ("No App", "Reader"))
		self.assertEqual(self.client.get(API + "for_users").json, {"message": "reader@example.com"})

	def test_wrong_password_and_unknown_user_get_the_same_401(self):
		for user in ("reader@example.com", "nobody@example.com"):
			answer = self.login(user, "wrong")
			self.assertEqual((answer.status_code, answer.json["message"]), (401, "Invalid login credentials"))

	def test_logout_ends_the_session_on_the_server(self):
		self.login()
		sid = self.client.get_cookie("sid").value
		self.client.post("/api/method/logout")
		self.client.set_cookie("sid", sid)
		self.assertEqual(self.client.get(API + "for_users").status_code, 403)

	def test_logged_in_post_without_the_csrf_token_gets_400(self):
		self.login()
		token = self.client.get(API + "csrf_token").json["message"]
		answer = self.client.post(API + "post_only")
		self.assertEqual((answer.status_code, answer.json["exc_type"]), (400, "CSRFTokenError"))
		for proof in ({"headers": {"X-Frappe-CSRF-Token": token}}, {"data": {"csrf_token": token}}):
			self.assertEqual(self.client.post(API + "post_only", **proof).status_code, 200)

	def test_unknown_session_is_a_guest_whose_cookies_are_cleared(self):
		self.client.set_cookie("sid", "0123456789abcdef")
		answer = self.client.get(API + "for_users")
		self.assertEqual((answer.status_code, answer.json["session_expired"]), (403, 1))


class TestAuthorization(ProbeSiteTestCase):
	def ask(self, header: str):
		return self.client.get(API + "for_users", headers={"Authorization": header})

	def test_api_key_and_secret_log_in_for_one_call(self):
		answer = self.ask("token probe-id:probe-secret")
		self.assertEqual(answer.json, {"message": "desk@example.com"})
		self.assertEqual(self.client.get(API + "for_users").status_code, 403)

	def test_basic_works_like_token(self):
		self.assertEqual(self.ask("Basic cHJvYmUtaWQ6cHJvYmUtc2VjcmV0").json, {"message": "desk@example.com"})

	def test_post_with_a_token_needs_no_csrf_token(self):
		headers = {"Authorization": "token probe-id:probe-secret"}
		self.assertEqual(self.client.post(API + "post_only", headers=headers).status_code, 200)

	def test_unproven_headers_get_401_even_for_functions_of_guests(self):
		for header in ("token probe-id:wrong", "token nobody:x", "Bearer unknown", "Negotiate abc"):
			answer = self.client.get(API + "for_guests", headers={"Authorization": header})
			self.assertEqual(
				(answer.status_code, answer.json["exc_type"]), (401, "AuthenticationError"), header
			)

	def test_basic_that_is_no_base64_gets_400(self):
		self.assertEqual(self.ask("Basic abc").status_code, 400)

	def test_an_oauth_token_logs_in_while_it_lives_and_its_client_has_the_scopes(self):
		for token, answer in (
			(self.oauth_token(), "desk@example.com"),
			(self.oauth_token(status="Revoked"), None),
			(self.oauth_token(expiration_time="2020-01-01 00:00:00"), None),
			(self.oauth_token(scopes="all more"), None),
		):
			told = self.ask(f"Bearer {token}")
			self.assertEqual((told.status_code, told.json.get("message")), (200 if answer else 401, answer))

	def oauth_token(self, **values) -> str:
		client = {
			"doctype": "OAuth Client",
			"app_name": "An app",
			"default_redirect_uri": "https://x.example",
		}
		row = {"doctype": "OAuth Bearer Token", "user": "desk@example.com", "scopes": "all"}
		row |= {"access_token": secrets.token_hex(15), "expiration_time": "2099-01-01 00:00:00", **values}
		with site.connect(self.site):
			row["client"] = frappe.get_doc(client).insert(ignore_permissions=True).name
			frappe.get_doc(row).insert(ignore_permissions=True)
			frappe.db.commit()
		return row["access_token"]

	def test_hook_of_an_app_may_accept_a_bearer(self):
		self.assertEqual(self.ask("Bearer probe-key").json, {"message": "reader@example.com"})
