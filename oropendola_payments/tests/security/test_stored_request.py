"""The stored request to a gateway comes from our records, whatever the browser sends. Over HTTP."""

import frappe

from oropendola_payments.roles import TRANSACT
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import create_invoice, create_user, enable_gateway
from oropendola_payments.tests.support.http import call, message
from oropendola_payments.tests.support.simulated import simulator

MARK = "surplus-of-an-attacker"
# Parameters that other apps merge into a stored request, and fields of our own attempt.
SURPLUS = {
	"amount": "1",
	"total_amount": "1",
	"net_amount": "1",
	"currency": "USD",
	"status": "Paid",
	"mode": "Live",
	"user": "Administrator",
	"reference": MARK,
	"order_id": MARK,
	"gateway_order_id": MARK,
	"gateway_payment_id": MARK,
	"reference_doctype": "User",
	"reference_docname": "Administrator",
	"description": MARK,
	"title": MARK,
	"customer": {"name": MARK, "email": f"{MARK}@example.com"},
	"payer_email": f"{MARK}@example.com",
	"surl": f"https://{MARK}.example/",
	"redirect_to": f"https://{MARK}.example/",
	"webhook_url": f"https://{MARK}.example/",
	"method_details": {"vpa": MARK},
	"request_data": {"note": MARK},
	"checkout_data": MARK,
	"data": {"note": MARK},
	MARK: MARK,
}
# Keys whose values name the attempt or the invoice, so that they differ between two payments.
OWN = {"reference", "return_url", "cancel_url", "idempotency_key", "invoice", "customer", "description"}


class StoredRequestCase(TestCase):
	def setUp(self):
		for code in ("payu", "cashfree"):
			enable_gateway(code, api_base_url=f"{simulator().url}/{code}")
			self.addCleanup(enable_gateway, code)
		self.owner = create_user(TRANSACT)
		frappe.db.set_value("User", self.owner, "user_type", "Website User")
		self.invoice = create_invoice(self.owner).name

	def attempts(self) -> list:
		fields = [
			"name",
			"amount",
			"currency",
			"status",
			"mode",
			"user",
			"gateway_payment_id",
			"request_data",
		]
		return frappe.get_all("Payment Attempt", {"invoice": self.invoice}, fields, order_by="creation")

	def rows(self) -> dict:
		"""Records that a request could have created, with their content."""
		return {
			doctype: frappe.db.sql(f"SELECT COUNT(*), MAX(modified) FROM `tab{doctype}`")
			for doctype in ("Payment Attempt", "AI Invoice", "Payment Capture", "Payment Webhook Log")
		}


class TestOwner(StoredRequestCase):
	def stored(self, endpoint: str, surplus: dict, **arguments) -> dict:
		"""The stored request of the payment of a new invoice."""
		self.invoice = create_invoice(self.owner).name
		answer = call(endpoint, self.owner, json={**surplus, "invoice_id": self.invoice, **arguments})
		self.assertEqual(answer.status_code, 200, answer.text[:500])
		(attempt,) = self.attempts()
		invoice = frappe.get_doc("AI Invoice", self.invoice)
		self.assertEqual(
			(attempt.amount, attempt.currency, attempt.user, attempt.mode),
			(invoice.total_amount, "INR", self.owner, "Simulator"),
		)
		self.assertEqual(attempt.status, "Processing")
		self.assertNotIn(MARK, frappe.as_json(frappe.get_doc("Payment Attempt", attempt.name).as_dict()))
		self.assertNotIn(MARK, frappe.as_json(invoice.as_dict()))
		return frappe.parse_json(attempt.request_data)

	def test_extra_fields_do_not_change_the_stored_request(self):
		"""S3, S11: a request with extra fields is stored like one without. An amount is no extra field, but refused."""
		without_amount = {key: value for key, value in SURPLUS.items() if key != "amount"}
		for endpoint, arguments in (
			("payment.initiate_payment", {"gateway": "payu"}),
			("payment.create_bolt_payment", {"embed_mode": "inline"}),
		):
			with self.subTest(endpoint):
				plain, merged = (
					self.stored(endpoint, surplus, **arguments) for surplus in ({}, without_amount)
				)
				self.assertEqual(set(merged), set(plain))
				self.assertEqual(
					{key: value for key, value in merged.items() if key not in OWN},
					{key: value for key, value in plain.items() if key not in OWN},
				)
				(attempt,) = self.attempts()
				self.assertEqual((merged["reference"], merged["invoice"]), (attempt.name, self.invoice))
				self.assertIn(f"attempt={attempt.name}", merged["return_url"])

	def test_an_order_accepts_only_the_amount_of_the_invoice(self):
		"""S3, S11."""
		typed = {
			"customer_name": "Asha Example",
			"customer_email": "asha@example.com",
			"customer_phone": "+919812345678",
		}
		without_amount = {key: value for key, value in SURPLUS.items() if key not in ("amount", "currency")}
		self.stored("cashfree.create_cashfree_order", without_amount, **typed)
		self.invoice = create_invoice(self.owner).name
		refused = call(
			"cashfree.create_cashfree_order",
			self.owner,
			json={**SURPLUS, **typed, "invoice_id": self.invoice},
		)
		self.assertEqual((refused.status_code, self.attempts()), (422, []))

	def test_only_an_invoice_of_the_user_creates_an_order(self):
		"""S3, S12: neither for invoices of others nor for any other document."""
		subscription = frappe.db.get_value("AI Invoice", self.invoice, "subscription")
		plan = frappe.db.get_value("AI Invoice", self.invoice, "plan")
		before = self.rows()
		for name in (subscription, plan, "Administrator", "PayU", self.owner, "*", "%"):
			for asked in ({}, {"doctype": "User", "docname": name}):
				answer = call("payment.initiate_payment", self.owner, json={"invoice_id": name, **asked})
				self.assertEqual(
					(answer.status_code, message(answer)["error_code"]), (404, "not_found"), name
				)
		for name in ({"name": self.invoice}, [self.invoice], ["like", "%"], 7, None):
			answer = call("payment.initiate_payment", self.owner, json={"invoice_id": name})
			self.assertEqual(answer.status_code, 400, answer.text[:300])
		self.assertEqual(self.rows(), before)


class TestGuest(StoredRequestCase):
	def test_a_guest_cannot_create_an_order(self):
		"""S3."""
		before = self.rows()
		for endpoint in (
			"payment.initiate_payment",
			"payment.create_bolt_payment",
			"payment.retry_payment",
			"cashfree.create_cashfree_order",
			"subscription.create_subscription_and_invoice",
		):
			for name in (self.invoice, "Administrator", "PayU"):
				arguments = {**SURPLUS, "invoice_id": name, "doctype": "AI Invoice", "docname": name}
				answer = call(endpoint, None, json=arguments)
				self.assertEqual(answer.status_code, 403, (endpoint, answer.text[:300]))
		self.assertEqual(self.rows(), before)

	def test_a_guests_return_adds_nothing_to_the_stored_request(self):
		"""S3, S5: fields of an unsigned return are neither used nor stored."""
		answer = call(
			"payment.initiate_payment", self.owner, json={"invoice_id": self.invoice, "gateway": "payu"}
		)
		self.assertEqual(answer.status_code, 200, answer.text[:300])
		(before,) = self.attempts()
		fields = {key: value for key, value in SURPLUS.items() if isinstance(value, str)}
		fields |= {"txnid": before.name, "status": "success", "mihpayid": MARK, "hash": "0" * 128}
		for endpoint, query in (
			("callbacks.payu_success", {}),
			("callbacks.returned", {"gateway": "payu", "attempt": before.name, **fields}),
		):
			came_back = call(endpoint, None, data=fields, query_string=query)
			self.assertEqual(came_back.status_code, 303, came_back.text[:300])
			self.assertNotIn(MARK, came_back.headers["Location"])
		answer = call("webhooks.receive", None, data=fields, query_string={"gateway": "payu"})
		self.assertEqual(answer.status_code, 401, answer.text[:300])
		(after,) = self.attempts()
		self.assertEqual(dict(after), dict(before))
		stored = frappe.get_doc("Payment Attempt", before.name).as_dict()
		self.assertNotIn(MARK, frappe.as_json(stored))
