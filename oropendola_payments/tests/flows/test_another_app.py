"""What other apps of the site get from docs/adding-a-gateway.md and from the payment hooks."""

import json

import frappe

from oropendola_payments.ai_billing.current import forget
from oropendola_payments.api import callbacks, payment, webhooks
from oropendola_payments.engine.jobs import payment_jobs
from oropendola_payments.engine.monitoring import alert_rules, health
from oropendola_payments.engine.refunds import create
from oropendola_payments.engine.settlement.settle import settle
from oropendola_payments.exceptions import BadRequest
from oropendola_payments.tests.support.another_app import (
	THIS,
	AcmePay,
	another_app,
	document_event,
	hook_calls,
	signature_of,
)
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import as_user, create_invoice, payment_settings
from oropendola_payments.tests.support.gateway_events import failed, paid
from oropendola_payments.tests.support.jobs import jobs_start_at_once
from oropendola_payments.tests.support.journey import Journey, customer
from oropendola_payments.tests.support.outbox import mails_stay_queued, mails_to
from oropendola_payments.tests.support.simulated import incoming_request
from oropendola_payments.tests.support.time_travel import make_due

SECRET = "acme-made-up-secret"
SITE = "http://site.example/api/method/oropendola_payments.api"


class TestPaymentHooks(TestCase):
	def setUp(self):
		self.enterContext(jobs_start_at_once())
		names = ("payment_succeeded", "payment_failed", "payment_refunded")
		self.enterContext(another_app(**{name: [f"{THIS}.{name}"] for name in names}))
		convention = "on_payment_authorized"
		self.enterContext(document_event("AI Invoice", convention, f"{THIS}.{convention}"))
		self.journey = Journey("payu")
		self.attempt = self.journey.start()
		self.addCleanup(frappe.db.rollback)

	def test_payment_succeeded_is_called_once(self):
		fact = paid(self.attempt)
		capture = settle("payu", fact).capture
		settle("payu", fact)
		invoice = self.journey.invoice
		self.assertEqual(
			hook_calls,
			[("payment_succeeded", invoice, capture), ("on_payment_authorized", invoice, "Completed")],
		)

	def test_what_an_app_does_to_its_argument_reaches_neither_the_next_app_nor_the_email(self):
		hooks = {name: [f"{THIS}.careless"] * 2 for name in ("payment_succeeded", "payment_failed")}
		for fact, subject in ((failed, "not completed"), (paid, "Payment received")):
			with another_app(**hooks), mails_stay_queued(), payment_settings(send_payment_mails=1):
				settle("payu", fact(self.attempt))
				self.assertEqual(
					len({status for name, status, *_rest in hook_calls if name == "careless"}), 1
				)
				mail = mails_to(self.journey.user)[-1]
			self.assertIn(subject, mail.subject)
			self.assertIn("₹499.00", mail.html)

	def test_payment_succeeded_is_called_for_a_partial_payment_without_completing(self):
		capture = settle("payu", paid(self.attempt, 100)).capture
		self.assertEqual(hook_calls, [("payment_succeeded", self.journey.invoice, capture)])

	def test_payment_failed_is_called_for_a_failed_payment(self):
		settle("payu", failed(self.attempt))
		settle("payu", failed(self.attempt))
		self.assertEqual(hook_calls, [("payment_failed", self.journey.invoice, self.attempt)])

	def test_payment_failed_is_called_for_an_abandoned_payment(self):
		make_due(self.journey.invoice)
		payment_jobs.run_abandoned()
		self.assertEqual(self.journey.status(), "Abandoned")
		self.assertIn(("payment_failed", self.journey.invoice, self.attempt), hook_calls)

	def test_payment_refunded_is_called_when_a_refund_is_done(self):
		self.journey.deliver_return(self.journey.customer_pays(self.attempt))
		refund = self.journey.refund()["refund"]
		expected = ("payment_refunded", self.journey.invoice, refund)
		self.assertNotIn(expected, hook_calls, "the bank has not carried it out yet")
		self.journey.sim.finish_refund("payu", refund)
		make_due(self.journey.invoice)
		payment_jobs.run_refunds()
		self.assertEqual(hook_calls.count(expected), 1)


class TestGatewayOfAnotherApp(TestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		with another_app(payment_gateways=[f"{THIS}.AcmePay"]):
			cls.settings = frappe.get_doc(
				{
					"doctype": "Payment Gateway Settings",
					"gateway": "acmepay",
					"label": "Acme Pay",
					"mode": "Test",
					"enabled": 1,
					"key_id": "acme",
					"key_secret": SECRET,
				}
			).insert(ignore_permissions=True)
		frappe.db.commit()
		cls.addClassCleanup(cls.remove)

	@classmethod
	def remove(cls):
		frappe.db.delete("Payment Gateway Settings", {"gateway": "acmepay"})
		forget("Payment Gateway Settings")
		frappe.cache.hdel("oropendola_gateway_names", "acmepay")
		frappe.db.commit()

	def setUp(self):
		self.installed = another_app(payment_gateways=[f"{THIS}.AcmePay"])
		self.installed.__enter__()
		self.addCleanup(self.uninstall)
		forget("Payment Gateway Settings")
		self.invoice = create_invoice(customer()).name

	def uninstall(self):
		frappe.db.rollback()
		if self.installed:
			self.installed.__exit__(None, None, None)
		self.installed = None

	def start(self) -> str:
		with as_user(customer()):
			answer = payment.initiate_payment(invoice_id=self.invoice, gateway="acmepay")
		self.assertTrue(answer["success"], answer)
		self.assertEqual(answer["payment_url"], f"https://test.acme-pay.example/pay/{answer['attempt']}")
		return answer["attempt"]

	def customer_pays(self, attempt: str, state: str = "captured") -> dict:
		AcmePay.payments[attempt]["state"] = state
		return AcmePay.payments[attempt]

	def webhook(self, fields: dict, secret: str = SECRET) -> dict:
		body = json.dumps(fields).encode()
		headers = {"X-Acme-Signature": signature_of(body, secret), "Content-Type": "application/json"}
		url = f"{SITE}.webhooks.receive?gateway=acmepay"
		with incoming_request("POST", url, body=body, headers=headers):
			return webhooks.receive()

	def status(self) -> tuple:
		invoice = frappe.get_doc("AI Invoice", self.invoice)
		return invoice.status, frappe.db.get_value("AI Subscription", invoice.subscription, "status")

	def listed(self) -> list[str]:
		answer = payment.get_available_gateways()
		self.assertTrue(answer["success"], answer)
		return [gateway["id"] for gateway in answer["gateways"]]

	def test_customers_can_choose_it_for_its_currencies(self):
		for currency, expected in (("INR", [True]), ("USD", [False])):
			listed = payment.get_available_gateways(currency=currency)["gateways"]
			self.assertEqual([g["available"] for g in listed if g["id"] == "acmepay"], expected)

	def test_the_return_triggers_a_status_query_and_its_answer_is_settled(self):
		attempt = self.start()
		self.customer_pays(attempt)
		url = f"{SITE}.callbacks.returned?gateway=acmepay&attempt={attempt}"
		with incoming_request("GET", url):
			answer = callbacks.returned()
		self.assertEqual(answer.status_code, 303)
		self.assertEqual(self.status(), ("Paid", "Active"))
		capture = frappe.get_doc("Payment Capture", {"invoice": self.invoice})
		self.assertEqual(
			(capture.gateway, capture.gateway_payment_id, capture.amount, capture.disposition),
			("acmepay", f"acme{attempt}", 499, "Applied"),
		)

	def test_its_webhook_is_verified_and_settled(self):
		fields = self.customer_pays(self.start())
		self.assertEqual(self.webhook(fields, "a guess")["error_code"], "invalid_signature")
		self.assertEqual(self.status(), ("Processing", "Pending"))
		self.assertEqual(self.webhook(fields)["status"], "processed")
		self.assertEqual(self.webhook(fields)["status"], "duplicate")
		self.assertEqual(self.status(), ("Paid", "Active"))

	def test_the_reconciliation_job_queries_it(self):
		self.customer_pays(self.start())
		make_due(self.invoice)
		payment_jobs.run_reconcile()
		self.assertEqual(self.status(), ("Paid", "Active"))

	def test_a_decline_fails_the_payment(self):
		self.webhook(self.customer_pays(self.start(), "failed"))
		self.assertEqual(self.status(), ("Failed", "Pending"))

	def test_it_refunds(self):
		self.webhook(self.customer_pays(self.start()))
		answer = create.create_refund(self.invoice, None, "A test")
		self.assertEqual((answer["status"], AcmePay.refunds[answer["refund"]]), ("Refunded", 499))
		self.assertEqual(self.status()[0], "Refunded")

	def test_without_its_app_it_is_unknown_and_other_gateways_still_work(self):
		"""The app was uninstalled and its gateway settings stayed."""
		self.assertIn("acmepay", self.listed())
		self.uninstall()
		self.assertNotIn("acmepay", self.listed(), "the list was in the cache")
		forget("Payment Gateway Settings")
		self.assertNotIn("acmepay", self.listed())
		states = {gateway["id"]: gateway["status"] for gateway in health.full()["gateways"]}
		self.assertEqual(states["acmepay"], "Not Configured")
		with self.assertRaisesRegex(BadRequest, "There is no gateway acmepay"):
			frappe.get_doc("Payment Gateway Settings", self.settings.name).save(ignore_permissions=True)


class TestBrokenGatewayOfAnotherApp(TestCase):
	"""Its module cannot be imported, or the class is gone: after an update of that app, for example."""

	def setUp(self):
		self.journey = Journey("payu")
		self.enterContext(another_app(payment_gateways=["gone_app.gateways.Gone", f"{THIS}.hook_calls"]))
		self.addCleanup(frappe.db.rollback)

	def test_the_other_gateways_still_take_and_settle_payments(self):
		self.journey.deliver_return(self.journey.customer_pays(self.journey.start()))
		self.assertEqual(self.journey.status(), "Paid")

	def test_managers_learn_which_gateway_is_broken(self):
		found = {f.subject: f for f in alert_rules.setup() if f.kind == "Gateway Not Loaded"}
		self.assertEqual(set(found), {"gone_app.gateways.Gone", f"{THIS}.hook_calls"})
		self.assertIn("No module named 'gone_app'", found["gone_app.gateways.Gone"].summary)
