"""What a payment link cannot do, what its owner sees of it, and how links are made by API."""

import re

import frappe

from oropendola_payments.engine.core.test_redaction import found_in_logs, log_sizes
from oropendola_payments.tests.support import factories
from oropendola_payments.tests.support.endpoints import ROWS
from oropendola_payments.tests.support.http import call, message, send
from oropendola_payments.tests.support.links import (
	LinkCase,
	attempts_through,
	field_of,
	form_of,
	new_link,
	post,
	start,
	token_of,
)
from oropendola_payments.tests.support.pages import cookie_of, page
from oropendola_payments.tests.support.tax import profile, registered_seller


class TestNothingElse(LinkCase):
	"""S50: a link can do nothing but pay."""

	def test_no_other_endpoint_accepts_the_token_of_a_link(self):
		"""S50: not as a parameter, a cookie, a bearer token, an API key or a password."""
		token = token_of(self.path)
		headers = {"Cookie": f"sid={token}", "X-API-Key": token, "X-Payment-Link": token}
		sent = {"token": token, "payment_link": self.link.name, "invoice_id": self.invoice.name}
		for row in ROWS:
			if row.statuses[0] == 403:
				options = {"json": sent} if row.methods[-1] == "POST" else {"query_string": sent}
				answer = call(row.endpoint, headers=headers, method=row.methods[-1], **options)
				self.assertEqual(answer.status_code, 403, (row.endpoint, answer.text[:200]))

	def test_the_page_of_a_link_has_no_other_action(self):
		for action in (
			"renew",
			"cancel",
			"show_key",
			"rotate_key",
			"log_out",
			"revoke",
			"create",
			"apply_credit",
		):
			answer = post(self.path, action)
			self.assertEqual(answer.status_code, 200, action)
			self.assertNotIn("oro_", answer.text)
		self.assertEqual(
			frappe.db.get_value("AI Subscription", self.invoice.subscription, "status"), "Pending"
		)

	def test_a_link_with_nothing_to_pay_fulfils_nothing(self):
		form, nothing = (
			form_of(self.path),
			dict.fromkeys(("total_amount", "outstanding_amount", "net_amount"), 0),
		)
		frappe.db.set_value("AI Invoice", self.invoice.name, nothing)
		self.assertIn("There is nothing to pay", page(self.path).text)
		self.assertEqual(post(self.path, "pay", gateway="payu", **form).status_code, 409)
		self.assertEqual(self.status(), "Pending")

	def test_ten_thousand_guesses_find_nothing_and_are_stopped(self):
		"""S46: from one address over HTTP only a few, and the look-up itself finds nothing however often it is asked."""
		headers = {"X-Forwarded-For": f"203.0.113.{frappe.generate_hash(length=6)}"}
		codes = [
			page("/p/" + frappe.generate_hash(length=43), headers=headers).status_code for _n in range(22)
		]
		self.assertEqual((set(codes[:20]), codes[-1]), ({404}, 429))
		from oropendola_payments.ai_billing.doctype.ai_payment_link.ai_payment_link import (
			hash_token,
			make_token,
		)

		guesses = [hash_token(make_token()) for _n in range(10_000)]
		self.assertFalse(frappe.get_all("AI Payment Link", {"token_hash": ("in", guesses)}))

	def test_no_log_contains_the_token(self):
		"""S51."""
		sizes = log_sizes()
		page(self.path)
		post(self.path, "pay", gateway="stripe")
		start(self.path, "payu")
		frappe.db.commit()
		self.assertEqual(found_in_logs(sizes, [token_of(self.path)]), [])


class TestCustomerPage(LinkCase):
	def setUp(self):
		super().setUp()
		self.headers = {"Cookie": cookie_of(self.user)}

	def act(self, action: str, **fields):
		shown = page(f"/payment-links?invoice={self.invoice.name}", headers=self.headers)
		data = {
			"csrf_token": field_of(shown.text, "csrf_token"),
			"invoice": self.invoice.name,
			"action": action,
		}
		return send("POST", "/payment-links", headers=self.headers, data={**data, **fields})

	def test_the_link_is_shown_once_with_its_qr_code(self):
		text = self.act("create", note="Accounting").text
		path = re.search(r"/p/[\w-]{43}", text)[0]
		self.assertIn("data:image/svg+xml", text)
		self.assertIn("Accounting", text)
		self.assertEqual(page(path).status_code, 200)
		self.assertNotIn(path, page(f"/payment-links?invoice={self.invoice.name}", headers=self.headers).text)

	def test_a_customer_revokes_a_link(self):
		self.assertEqual(self.act("revoke", link=self.link.name).status_code, 303)
		self.assertIn("This payment link has ended", page(self.path).text)

	def test_a_customer_cannot_revoke_the_link_of_another_invoice(self):
		link, _path = new_link(factories.create_invoice().name)
		self.act("revoke", link=link.name)
		self.assertTrue(link.reload().is_usable())

	def test_another_customers_invoice_is_not_found(self):
		other = factories.create_invoice()
		self.assertEqual(page(f"/payment-links?invoice={other.name}", headers=self.headers).status_code, 404)

	def test_billing_and_checkout_lead_to_the_page(self):
		for path in ("/billing", f"/checkout?invoice={self.invoice.name}"):
			self.assertIn(
				f"/payment-links?invoice={self.invoice.name}", page(path, headers=self.headers).text
			)

	def test_the_checkout_says_that_somebody_started_to_pay(self):
		start(self.path, "payu")
		text = page(f"/checkout?invoice={self.invoice.name}", headers=self.headers).text
		self.assertIn("through a payment link", text)
		self.assertNotIn("Continue this payment", text)


class TestApi(LinkCase):
	def test_a_link_made_by_the_api_pays(self):
		made = message(
			call("links.create", self.user, json={"invoice_id": self.invoice.name, "expires_days": 3})
		)
		self.assertEqual(page("/p/" + made["url"].rpartition("/")[2]).status_code, 200)
		listed = message(
			call("links.list", self.user, method="GET", query_string={"invoice_id": self.invoice.name})
		)
		self.assertIn(made["link"], [row["link"] for row in listed["links"]])
		self.assertNotIn(made["url"], str(listed))

	def test_a_validity_out_of_range_is_refused(self):
		for days in (0, 121, -5, "many"):
			answer = call(
				"links.create", self.user, json={"invoice_id": self.invoice.name, "expires_days": days}
			)
			self.assertEqual(answer.status_code, 400)


class TestUnknownTax(LinkCase):
	def setUp(self):
		self.enterContext(registered_seller())
		super().setUp()

	def test_a_payer_is_told_who_can_say_where_the_customer_is(self):
		answer = post(self.path, "pay", gateway=self.gateway)
		self.assertEqual(answer.status_code, 409)
		self.assertIn("ask the customer to enter country and state", answer.text)
		self.assertEqual(attempts_through(self.link.name), [])
		profile.save(self.user, {"country": "IN", "state": "Karnataka"})
		self.assertTrue(start(self.path, self.gateway))
		self.assertEqual(self.invoice.reload().total_amount, 588.82)
