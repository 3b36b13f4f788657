"""What a client sees of the stand-in over HTTP: the same as of real Frappe v15."""

import http.client
import threading
import urllib.request

import frappe
from frappe.app import application
from werkzeug.test import Client

from benchless import server, site
from benchless.tests.probe_site import API, PASSWORD, ProbeSiteTestCase, message_of


class TestTransactions(ProbeSiteTestCase):
	def test_get_does_not_commit(self):
		answer = self.client.get(API + "write_note?title=by-get")
		self.assertEqual((answer.status_code, answer.json), (200, {"message": "by-get"}))
		self.assertNotIn("by-get", self.notes())

	def test_post_commits(self):
		self.client.post(API + "write_note", data={"title": "by-post"})
		self.assertIn("by-post", self.notes())

	def test_refusal_rolls_back_and_answers_417_with_its_message(self):
		answer = self.client.post(API + "write_note_and_fail", data={"title": "refused"})
		self.assertEqual((answer.status_code, answer.json["exc_type"]), (417, "ValidationError"))
		self.assertEqual(message_of(answer), "That did not work.")
		self.assertNotIn("refused", self.notes())

	def test_bug_rolls_back_and_answers_500(self):
		answer = self.client.post(API + "write_note_and_break", data={"title": "broken"})
		self.assertEqual((answer.status_code, answer.json["exc_type"]), (500, "RuntimeError"))
		self.assertNotIn("broken", self.notes())


class TestMethods(ProbeSiteTestCase):
	def test_guest_gets_403_for_a_function_of_users(self):
		answer = self.client.get(API + "for_users")
		self.assertEqual((answer.status_code, answer.json["exc_type"]), (403, "PermissionError"))

	def test_function_that_is_not_whitelisted_gets_403(self):
		self.login()
		self.assertEqual(self.client.get(API + "not_whitelisted").status_code, 403)

	def test_wrong_http_method_gets_403(self):
		self.assertEqual(self.client.get(API + "post_only").status_code, 403)
		self.assertEqual(self.client.post(API + "post_only").json, {"message": "posted"})

	def test_unknown_function_gets_417_as_in_frappe(self):
		for name in (API + "no_such_function", "/api/method/no_such_app.x", "/api/method/nothing"):
			answer = self.client.get(name)
			self.assertEqual((answer.status_code, answer.json["exc_type"]), (417, "ValidationError"), name)

	def test_unknown_address_under_api_gets_404(self):
		answer = self.client.get("/api/no-such-thing")
		self.assertEqual((answer.status_code, answer.json["exc_type"]), (404, "DoesNotExistError"))

	def test_argument_is_converted_to_its_type_hint(self):
		self.assertEqual(self.client.get(API + "double?number=21").json, {"message": 42})

	def test_argument_of_the_wrong_type_gets_417(self):
		answer = self.client.get(API + "double?number=many")
		self.assertEqual((answer.status_code, answer.json["exc_type"]), (417, "FrappeTypeError"))

	def test_missing_argument_gets_500_as_in_frappe(self):
		answer = self.client.get(API + "double")
		self.assertEqual((answer.status_code, answer.json["exc_type"]), (500, "TypeError"))

	def test_unknown_arguments_are_dropped(self):
		self.assertEqual(self.client.get(API + "double?number=1&surprise=2").json, {"message": 2})

	def test_third_call_of_a_rate_limited_function_gets_429(self):
		statuses = [self.client.get(API + "rare").status_code for _ in range(3)]
		self.assertEqual(statuses, [200, 200, 429])

	def test_redirect_and_download_are_not_json(self):
		answer = self.client.get(API + "forward")
		self.assertEqual((answer.status_code, answer.location), (302, "/greeting"))
		answer = self.client.get(API + "download")
		self.assertEqual(answer.data, b"forty-two")
		self.assertEqual(answer.headers["Content-Disposition"], "attachment; filename=answer.txt")


class TestBodies(ProbeSiteTestCase):
	def post(self, body: bytes, content_type: str, query: str = ""):
		return self.client.post(API + "for_guests" + query, data=body, content_type=content_type)

	def test_json_body_hides_the_query_string(self):
		answer = self.post(b'{"a": 1}', "application/json", "?b=2")
		self.assertEqual(answer.json, {"message": {"a": 1}})

	def test_form_body_joins_the_query_string(self):
		answer = self.post(b"a=1", "application/x-www-form-urlencoded", "?b=2")
		self.assertEqual(answer.json, {"message": {"a": "1", "b": "2"}})

	def test_bytes_that_are_no_utf8_reach_the_function(self):
		for content_type in ("text/plain", "application/octet-stream", "application/x-www-form-urlencoded"):
			self.assertEqual(self.post(b"\xff\xfe=\xff", content_type).status_code, 200, content_type)
		self.assertEqual(self.post(b'{"a": "\xff"}', "application/json").json, {"message": {"a": "\ufffd"}})

	def test_raw_body_is_untouched(self):
		body = bytes(range(256))
		answer = self.client.post(API + "raw_body", data=body, content_type="text/plain")
		self.assertEqual(answer.json, {"message": body.hex()})

	def test_broken_json_gets_500_before_any_function_runs_as_in_frappe(self):
		for body in (b"{", b"\xff\xff"):
			answer = self.post(body, "application/json")
			self.assertEqual((answer.status_code, answer.json["exc_type"]), (500, "JSONDecodeError"))
		self.assertEqual(self.post(b"{", "text/plain").status_code, 200)

	def test_json_that_is_no_object_gets_417(self):
		self.assertEqual(self.post(b"5", "application/json").status_code, 417)

	def test_json_list_arrives_as_data(self):
		self.assertEqual(self.post(b"[1]", "application/json").json, {"message": {"data": [1]}})


class TestResource(ProbeSiteTestCase):
	def test_customer_sees_and_changes_only_own_records(self):
		other = Client(application)
		other.post("/api/method/login", data={"usr": "writer@example.com", "pwd": PASSWORD})
		other.post("/api/resource/Probe Note", json={"title": "of writer"})
		self.login()
		made = self.client.post("/api/resource/Probe Note", json={"title": "of reader", "body": "x"})
		self.assertEqual(made.json["data"]["owner"], "reader@example.com")
		self.assertEqual(self.client.get("/api/resource/Probe Note").json, {"data": [{"name": "of reader"}]})
		for call in (self.client.get, self.client.put, self.client.delete):
			self.assertEqual(call("/api/resource/Probe Note/of writer").status_code, 403)

	def test_document_is_made_read_changed_and_deleted(self):
		self.login("desk@example.com")
		address = "/api/resource/Probe Note/a note"
		self.client.post("/api/resource/Probe Note", json={"title": "a note"})
		self.assertEqual(self.client.put(address, json={"body": "new"}).json["data"]["body"], "new")
		self.assertEqual(self.client.get(address).json["data"]["body"], "new")
		answer = self.client.delete(address)
		self.assertEqual((answer.status_code, answer.json), (202, {"data": "ok"}))
		self.assertEqual(self.client.get(address).status_code, 404)

	def test_only_whitelisted_methods_of_a_document_can_be_called(self):
		self.login("desk@example.com")
		self.client.post("/api/resource/Probe Note", json={"title": "Loud"})
		called = {"dt": "Probe Note", "dn": "Loud", "method": "shout", "args": '{"times": 2}'}
		answer = self.client.post("/api/method/run_doc_method", json=called)
		self.assertEqual(answer.json["message"], "LOUD!!")
		answer = self.client.get("/api/resource/Probe Note/Loud?run_method=shout")
		self.assertEqual(answer.json["data"], "LOUD!")
		answer = self.client.post("/api/method/run_doc_method", json={**called, "method": "whisper"})
		self.assertEqual(answer.status_code, 403)

	def test_list_takes_fields_and_filters(self):
		self.login("desk@example.com")
		self.client.post("/api/resource/Probe Note", json={"title": "listed", "body": "yes"})
		query = {"fields": '["name", "body"]', "filters": '[["title", "=", "listed"]]'}
		answer = self.client.get("/api/resource/Probe Note", query_string=query)
		self.assertEqual(answer.json, {"data": [{"name": "listed", "body": "yes"}]})

	def test_generic_client_sets_fields_but_never_standard_ones(self):
		self.login("desk@example.com")
		self.client.post(
			"/api/method/frappe.client.insert", json={"doc": {"doctype": "Probe Note", "title": "set"}}
		)
		named = {"doctype": "Probe Note", "name": "set"}
		for values in (
			{"fieldname": "body", "value": "a"},
			{"fieldname": {"body": "a"}},
			{"fieldname": '{"body": "a"}'},
		):
			answer = self.client.post("/api/method/frappe.client.set_value", json={**named, **values})
			self.assertEqual(answer.json["message"]["body"], "a")
		answer = self.client.post(
			"/api/method/frappe.client.set_value", json={**named, "fieldname": "owner", "value": "x"}
		)
		self.assertEqual(answer.status_code, 417)

	def test_guest_gets_403(self):
		self.assertEqual(self.client.get("/api/resource/Probe Note").status_code, 403)

	def test_second_record_of_the_same_name_gets_409(self):
		self.login("desk@example.com")
		statuses = [
			self.client.post("/api/resource/Probe Note", json={"title": "twice"}).status_code
			for _ in range(2)
		]
		self.assertEqual(statuses, [200, 409])


class TestWebsite(ProbeSiteTestCase):
	def test_page_is_rendered_with_its_context_inside_the_base_template(self):
		self.login()
		text = self.client.get("/greeting?person=<b>").text
		self.assertIn("Hello &lt;b&gt;, csrf ", text)
		self.assertIn("<title>Greeting</title>", text)

	def test_csrf_token_of_a_page_opens_the_next_post(self):
		self.login()
		token = self.client.get("/greeting").text.partition("csrf ")[2].partition("<")[0]
		self.assertEqual(self.client.post(API + "post_only").status_code, 400)
		answer = self.client.post(API + "post_only", headers={"X-Frappe-CSRF-Token": token})
		self.assertEqual(answer.status_code, 200)

	def test_route_rule_fills_the_arguments(self):
		self.assertIn("Hello Ada", self.client.get("/greet/Ada").text)

	def test_page_that_refuses_guests_answers_403_and_offers_the_login(self):
		answer = self.client.get("/members")
		self.assertEqual(answer.status_code, 403)
		self.assertIn("/login?redirect-to=%2Fmembers", answer.text)

	def test_unknown_page_answers_404(self):
		self.assertEqual(self.client.get("/no-such-page").status_code, 404)

	def test_an_app_renders_a_page_by_itself(self):
		answer = self.client.get("/.well-known/probe")
		self.assertEqual((answer.text, answer.mimetype), ("rendered", "text/x-probe"))
		self.assertEqual(self.client.get("/.well-known/other").status_code, 404)

	def test_page_outside_the_folder_is_not_served(self):
		for path in ("/../hooks.py", "/..%2fhooks.py", "/greeting.py"):
			self.assertEqual(self.client.get(path).status_code, 404, path)

	def test_broken_page_answers_500_with_an_own_page(self):
		answer = self.client.get("/broken")
		self.assertEqual((answer.status_code, answer.mimetype), (500, "text/html"))

	def test_home_of_a_guest_is_the_login_page(self):
		self.assertIn("login_password", self.client.get("/").text)

	def test_home_is_the_page_of_the_website_settings(self):
		with site.connect(self.site):
			frappe.db.set_single_value("Website Settings", "home_page", "members")
			frappe.db.commit()
		self.addCleanup(self.forget_home)
		self.login()
		self.assertEqual(self.client.get("/").text, self.client.get("/members").text)

	def forget_home(self):
		with site.connect(self.site):
			frappe.db.set_single_value("Website Settings", "home_page", None)
			frappe.db.commit()

	def test_login_page_sends_known_users_on_but_never_to_another_site(self):
		self.login()
		self.assertEqual(self.client.get("/login?redirect-to=/members").location, "/members")
		for address in ("//evil.example.com", "https://evil.example.com", "/\\evil.example.com"):
			self.assertEqual(self.client.get(f"/login?redirect-to={address}").location, "/me")


class TestServer(ProbeSiteTestCase):
	def setUp(self):
		self.server = server.Server(self.site, port=0)
		self.server.start()
		self.addCleanup(self.server.close)

	def read(self, path: str, data: bytes | None = None):
		with urllib.request.urlopen(self.server.url + path, data=data, timeout=20) as answer:
			return answer.read()

	def test_parallel_posts_are_all_kept(self):
		names = [f"parallel-{number}" for number in range(8)]
		threads = [
			threading.Thread(target=self.read, args=(API + "write_note", f"title={name}".encode()))
			for name in names
		]
		for thread in threads:
			thread.start()
		for thread in threads:
			thread.join()
		self.assertLessEqual(set(names), set(self.notes()))

	def test_assets_of_an_app_are_served(self):
		self.assertEqual(self.read("/assets/probe/asset.txt"), b"plain asset\n")

	def test_queued_job_runs_after_the_request_as_its_user(self):
		self.read(API + "write_note_later", b"title=by-worker")
		self.server.finish_jobs()
		self.assertIn("by-worker", self.notes())

	def test_due_event_of_the_scheduler_runs_once_and_is_logged(self):
		with site.connect(self.site):
			frappe.db.set_value(
				"Scheduled Job Type", {"method": "probe.api.scheduled"}, "creation", "2020-01-01"
			)
			frappe.db.commit()
		self.assertEqual(server.enqueue_due_events(self.site), ["probe.api.scheduled"])
		self.server.finish_jobs()
		self.assertIn("scheduled", self.notes())
		self.assertEqual(server.enqueue_due_events(self.site), [])
		with site.connect(self.site):
			self.assertEqual(frappe.get_all("Scheduled Job Log", pluck="status"), ["Complete"])

	def test_visitor_under_the_number_is_led_to_the_name_where_the_log_in_is_good(self):
		self.assertEqual(
			self.location("/members?a=1%202"), f"http://localhost:{self.server.port}/members?a=1%202"
		)
		self.assertIsNone(self.location("/api/method/ping"))

	def location(self, path: str) -> str | None:
		connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=20)
		self.addCleanup(connection.close)
		connection.request("GET", path)
		return connection.getresponse().headers["Location"]

	def test_busy_port_is_named_in_the_error(self):
		with self.assertRaisesRegex(server.PortInUse, f"{self.server.port}.*--port"):
			server.Server(self.site, port=self.server.port)
