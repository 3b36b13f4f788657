"""Endpoints: who may register, change and delete them, what is stored, and the log."""

import frappe
from frappe.utils import add_to_date, now_datetime

from oropendola_payments.api import webhook_endpoints as api
from oropendola_payments.engine.notifications import webhook_mails
from oropendola_payments.engine.webhooks_out import endpoints, log, relay, secret
from oropendola_payments.tests.support.factories import as_user, create_user, payment_settings
from oropendola_payments.tests.support.outbox import mails_stay_queued, mails_to
from oropendola_payments.tests.support.parallel import in_parallel
from oropendola_payments.tests.support.receiver import Reply, WebhookTestCase

URL = "https://example.com/hook/secret-path"


class EndpointCase(WebhookTestCase):
	def call(self, function, user: str | None = None, **arguments) -> dict:
		with as_user(user or self.user):
			answer = function(**arguments)
		self.made += [answer["endpoint"]] if "secret" in answer else []
		return answer

	def create(self, user: str | None = None, **arguments) -> dict:
		return self.call(api.create, user, **{"url": URL, **arguments})

	def refused(self, code: str, function, user: str | None = None, **arguments):
		answer = self.call(function, user, **arguments)
		self.assertEqual((answer["success"], answer.get("error_code")), (False, code), answer)


class TestRegistering(EndpointCase):
	def test_the_secret_is_shown_once_and_stored_encrypted(self):
		"""W15."""
		made = self.create(events="invoice.paid, refund.succeeded", description="Ours")
		self.assertRegex(made["secret"], r"^whsec_[A-Za-z0-9+/]{43}=$")
		listed = self.call(api.list_endpoints)["endpoints"]
		self.assertEqual([row["endpoint"] for row in listed], [made["endpoint"]])
		self.assertNotIn(made["secret"], frappe.as_json([listed, self.doc(made).as_dict()]))
		stored = frappe.db.sql("SELECT password, encrypted FROM `__Auth` WHERE name = %s", made["endpoint"])
		self.assertEqual([row[1] for row in stored], [1])
		self.assertNotIn(made["secret"], stored[0][0])

	def test_the_audit_trail_has_every_step_and_no_path_of_the_address(self):
		made = self.create()
		name = made["endpoint"]
		self.call(api.update, endpoint=name, events=["invoice.paid"])
		self.call(api.rotate_secret, endpoint=name)
		self.call(api.disable, endpoint=name)
		self.call(api.enable, endpoint=name)
		self.call(api.delete, endpoint=name)
		rows = frappe.get_all(
			"Payment Event", {"reference_name": name}, ["event", "details", "actor"], order_by="sequence"
		)
		steps = ("endpoint_registered", "endpoint_changed", "secret_rotated", "endpoint_disabled")
		self.assertEqual(
			[row.event for row in rows],
			[f"webhook_{step}" for step in (*steps, "endpoint_enabled", "endpoint_deleted")],
		)
		self.assertEqual({row.actor for row in rows}, {self.user})
		self.assertNotIn("secret-path", frappe.as_json(rows))

	def test_customers_need_the_switch_and_have_a_limit(self):
		"""W16."""
		with payment_settings(customer_webhooks=0):
			self.refused("not_allowed", api.create, url=URL)
		with payment_settings(max_webhook_endpoints=2):
			answers = in_parallel(4, lambda _number: self.create())
			self.assertEqual(sum(answer["success"] for answer in answers), 2)
			self.refused("endpoint_limit", api.create, url=URL)

	def test_only_managers_ask_for_the_events_of_all_customers(self):
		"""W14."""
		self.refused("not_allowed", api.create, url=URL, all_customers=1)
		self.refused("not_allowed", api.list_endpoints, all_customers=1)
		manager = create_user("Payments Manager")
		made = self.create(manager, all_customers=1)
		listed = self.call(api.list_endpoints, manager, all_customers=1)["endpoints"]
		self.assertIn(made["endpoint"], [row["endpoint"] for row in listed])

	def test_another_customers_endpoint_is_not_found(self):
		"""W14."""
		made, other = self.create(), create_user()
		delivery = self.call(api.send_test_event, endpoint=made["endpoint"])["delivery"]
		for function in (
			api.update,
			api.rotate_secret,
			api.disable,
			api.enable,
			api.delete,
			api.send_test_event,
		):
			self.refused("not_found", function, other, endpoint=made["endpoint"])
		self.refused("not_found", api.list_deliveries, other, endpoint=made["endpoint"])
		self.refused("not_found", api.resend_failed, other, endpoint=made["endpoint"], since="2026-11-20")
		for function in (api.get_delivery, api.resend):
			self.refused("not_found", function, other, delivery=delivery)

	def test_bad_input_is_refused_and_changes_nothing(self):
		made = self.create(events=["invoice.paid"])
		name = made["endpoint"]
		before = self.doc(made).as_dict()
		for values in ({"url": "http://example.com"}, {"url": "https://10.0.0.1/"}):
			self.refused("address_refused", api.update, endpoint=name, **values)
			self.refused("address_refused", api.create, **values)
		for events in ("invoice.payed", ["dispute.changed"], ["webhook.test"], '["a', [1], ["x"] * 101):
			self.refused("bad_request", api.update, endpoint=name, events=events)
		for hours in (-1, 73):
			self.refused("bad_request", api.rotate_secret, endpoint=name, overlap_hours=hours)
		for since in ("soon", "2099-01-01", "1999-01-01"):
			self.refused("bad_request", api.resend_failed, endpoint=name, since=since)
		self.refused("bad_request", api.list_deliveries, endpoint=name, status="Lost")
		self.assertEqual(self.doc(made).as_dict(), before)

	def test_a_second_rotation_does_not_end_the_overlap_early(self):
		made = self.create()
		self.assertTrue(self.call(api.rotate_secret, endpoint=made["endpoint"])["success"])
		self.refused("conflict", api.rotate_secret, endpoint=made["endpoint"])
		new = self.call(api.rotate_secret, endpoint=made["endpoint"], overlap_hours=0)
		self.assertEqual(secret.current_secrets(self.doc(made)), [new["secret"]])

	def test_a_deleted_endpoint_leaves_nothing(self):
		made = self.endpoint()
		self.announce()
		self.send(made)
		self.call(api.delete, endpoint=made["endpoint"])
		for table in ("AI Webhook Endpoint", "AI Webhook Delivery", "AI Webhook Attempt"):
			column = {"AI Webhook Endpoint": "name", "AI Webhook Delivery": "endpoint"}.get(table)
			if column:
				self.assertFalse(frappe.db.exists(table, {column: made["endpoint"]}))
		self.assertFalse(frappe.db.sql("SELECT 1 FROM `__Auth` WHERE name = %s", made["endpoint"]))

	def test_an_enabled_endpoint_gets_the_whole_state_first(self):
		made = self.endpoint(events=())
		self.call(api.disable, endpoint=made["endpoint"])
		self.call(api.enable, endpoint=made["endpoint"])
		self.send(made)
		self.assertEqual(self.receiver.types(), ["customer.state_changed"])


class TestLog(EndpointCase):
	def test_a_test_event_goes_to_this_endpoint_alone(self):
		made, other = self.endpoint(), self.endpoint()
		answer = self.call(api.send_test_event, endpoint=made["endpoint"])
		self.assertEqual((self.send(made), self.send(other)), (1, 0))
		self.assertEqual(self.receiver.types(), ["webhook.test"])
		shown = self.call(api.get_delivery, delivery=answer["delivery"])
		self.assertEqual((shown["status"], shown["attempt_log"][0]["status_code"]), ("Delivered", 200))

	def test_a_delivery_is_sent_again_with_the_same_id(self):
		made = self.endpoint()
		self.announce()
		self.send(made)
		name = self.deliveries(made)[0].name
		self.call(api.resend, delivery=name)
		self.call(api.resend, delivery=name)  # a second click
		self.assertEqual(self.send(made), 1)
		self.assertEqual(len({one.headers["webhook-id"] for one in self.receiver.received}), 1)
		self.assertEqual(len(self.deliveries(made)[0].attempt_log), 2)

	def test_what_was_lost_while_disabled_can_be_sent_again(self):
		made = self.endpoint()
		for _event in range(3):
			self.announce()
		relay.distribute()
		self.call(api.disable, endpoint=made["endpoint"])
		self.assertEqual({row.status for row in self.deliveries(made)}, {"Given Up"})
		since = str(add_to_date(now_datetime(), hours=-1))
		self.refused("conflict", api.resend_failed, endpoint=made["endpoint"], since=since)
		self.call(api.enable, endpoint=made["endpoint"])
		answer = self.call(api.resend_failed, endpoint=made["endpoint"], since=since)
		self.assertEqual((answer["resent"], self.send(made)), (3, 3))

	def test_the_log_is_paged_and_filtered(self):
		made = self.endpoint()
		self.receiver.replies = [Reply(410)]
		for _event in range(3):
			self.announce()
		self.send(made)
		rows = self.call(api.list_deliveries, endpoint=made["endpoint"], status="Given Up")
		self.assertEqual((len(rows["deliveries"]), rows["more"]), (3, False))
		self.assertEqual(self.call(api.list_deliveries, endpoint=made["endpoint"], page=2)["deliveries"], [])

	def test_tests_and_repeats_are_limited(self):
		"""W16."""
		made = self.endpoint()
		for _time in range(log.MOST_PER_HOUR):
			log._require_few(made["endpoint"])
		self.refused("too_many_requests", api.send_test_event, endpoint=made["endpoint"])

	def test_log_settings_delete_what_is_old_and_done(self):
		made = self.endpoint()
		self.announce()
		self.send(made)
		self.announce()
		relay.distribute()
		frappe.db.sql(
			"UPDATE `tabAI Webhook Delivery` SET creation = '2026-01-01' WHERE endpoint = %s",
			made["endpoint"],
		)
		frappe.db.sql("UPDATE `tabAI Webhook Event` SET creation = '2026-01-01' WHERE `user` = %s", self.user)
		for doctype in ("AI Webhook Delivery", "AI Webhook Event"):
			frappe.get_doc({"doctype": doctype}).clear_old_logs(90)
		self.assertEqual([row.status for row in self.deliveries(made)], ["Waiting"])
		self.assertEqual(frappe.db.count("AI Webhook Event", {"user": self.user}), 1)


class TestMails(EndpointCase):
	def test_the_owner_is_told_that_an_endpoint_was_disabled(self):
		made = self.endpoint()
		frappe.db.set_value("AI Webhook Endpoint", made["endpoint"], "last_error", "HTTP 500")
		with mails_stay_queued():
			for key in ("webhook_failing", "webhook_disabled"):
				webhook_mails.send(key, made["endpoint"])
			mails = mails_to(self.user)
		self.assertEqual(len(mails), 2)
		self.assertIn("127.0.0.1", mails[1].subject)
		self.assertIn("HTTP 500", mails[1].html)
		self.assertNotIn("/hook", mails[1].html)

	def test_the_manager_who_registered_it_is_told_about_an_endpoint_for_all(self):
		manager = create_user("Payments Manager")
		made = self.call(api.create, manager, url=self.receiver.url, all_customers=1)
		with mails_stay_queued():
			webhook_mails.send("webhook_disabled", made["endpoint"])
			self.assertEqual(len(mails_to(manager)), 1)


class TestPrivacy(EndpointCase):
	def test_a_deleted_customer_leaves_no_endpoint_and_no_data(self):
		made = self.endpoint()
		self.announce()
		self.send(made)
		endpoints.forget_user(self.user)
		frappe.db.commit()
		self.assertFalse(frappe.db.exists("AI Webhook Endpoint", made["endpoint"]))
		data = frappe.get_all("AI Webhook Event", {"user": self.user}, pluck="data")
		self.assertEqual(set(data), {"{}"})
