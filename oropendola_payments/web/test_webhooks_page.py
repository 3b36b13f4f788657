"""The page on which customers register webhook endpoints works without JavaScript, and shows a secret once."""

import frappe

from oropendola_payments.engine.webhooks_out import endpoints
from oropendola_payments.tests.support.factories import create_user, payment_settings
from oropendola_payments.tests.support.pages import page
from oropendola_payments.tests.support.receiver import WebhookTestCase

URL = "https://example.com/hook"


class TestWebhooksPage(WebhookTestCase):
	def press(self, action: str, user: str | None = None, **data):
		answer = page("/webhooks", user or self.user, method="POST", data={"action": action, **data})
		frappe.db.rollback()
		self.made += [row["endpoint"] for row in endpoints.list_of(self.user)]
		return answer

	def text(self) -> str:
		return page("/webhooks", self.user).text

	def test_a_customer_adds_an_endpoint_and_sees_its_secret_once(self):
		answer = self.press("create", url=URL, events="invoice.paid, refund.succeeded")
		self.assertIn("whsec_", answer.text)
		listed = self.text()
		self.assertNotIn("whsec_", listed)
		self.assertIn("invoice.paid, refund.succeeded", listed)

	def test_the_buttons_send_a_test_and_send_again(self):
		name = self.endpoint()["endpoint"]
		self.assertEqual(self.press("test", endpoint=name).status_code, 303)
		self.send(name)
		delivery = self.deliveries({"endpoint": name})[0].name
		self.assertIn("webhook.test", self.text())
		self.press("resend", delivery=delivery)
		self.assertEqual(self.send(name), 1)

	def test_the_buttons_rotate_change_disable_enable_and_delete(self):
		name = self.endpoint(url=URL)["endpoint"]
		self.assertIn("whsec_", self.press("rotate", endpoint=name, overlap="1").text)
		self.press("change", endpoint=name, url=URL + "/new", events="")
		self.assertIn("/hook/new", self.text())
		self.press("disable", endpoint=name)
		self.assertIn("Disabled", self.text())
		self.press("enable", endpoint=name)
		self.assertIn("Send a test event", self.text())
		self.press("delete", endpoint=name)
		self.assertIn("You have no endpoint yet.", self.text())

	def test_a_refused_address_is_explained_and_stays_in_the_form(self):
		self.press("create", url="https://10.0.0.1/hook")
		text = self.text()
		self.assertIn("must have a public host name", text)
		self.assertIn("https://10.0.0.1/hook", text)

	def test_another_customer_changes_nothing(self):
		"""W14."""
		name, other = self.endpoint()["endpoint"], create_user()
		for action in ("test", "rotate", "disable", "delete", "change"):
			self.press(action, other, endpoint=name, url="https://example.com/")
		self.assertEqual(self.doc({"endpoint": name}).status, "Active")

	def test_the_page_is_only_there_where_customers_may_register_endpoints(self):
		self.assertIn("/webhooks", page("/billing", self.user).text)
		with payment_settings(customer_webhooks=0):
			self.assertEqual(page("/webhooks", self.user).status_code, 404)
			self.assertNotIn('href="/webhooks"', page("/billing", self.user).text)

	def test_what_a_receiver_answers_is_escaped(self):
		name = self.endpoint(events=["invoice.paid"])["endpoint"]
		frappe.db.set_value("AI Webhook Endpoint", name, "last_error", "<b>x</b>")
		frappe.db.set_value("AI Webhook Endpoint", name, "failing_since", "2026-11-01")
		self.assertIn("&lt;b&gt;x", self.text())
