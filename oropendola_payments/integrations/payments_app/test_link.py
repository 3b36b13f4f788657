"""The contract of the app Payments: a document of another app gets a payment link, is paid once and is told so once."""

from decimal import Decimal

import frappe
from frappe.utils import get_url

from oropendola_payments.engine.settlement.settle import settle
from oropendola_payments.exceptions import BadRequest, Conflict, Unavailable
from oropendola_payments.integrations import dispatch
from oropendola_payments.integrations.outbox import plan
from oropendola_payments.integrations.payments_app import close, registration
from oropendola_payments.integrations.payments_app.link import own_path
from oropendola_payments.integrations.payments_app.owner import OWNER
from oropendola_payments.tests.support.another_app import document_event
from oropendola_payments.tests.support.external import THIS, ExternalCase, told
from oropendola_payments.tests.support.factories import create_user, enable_gateway, payment_settings
from oropendola_payments.tests.support.gateway_events import paid
from oropendola_payments.tests.support.links import page, start
from oropendola_payments.tests.support.outbox import mails_to


class TestAsking(ExternalCase):
	def test_the_document_gets_an_invoice_of_its_amount_without_tax(self):
		"""B1: what another app asks for is asked for, to the last unit."""
		invoice = self.invoice
		self.assertEqual((invoice.total(), invoice.tax_amount, invoice.currency), (Decimal(499), 0, "INR"))
		self.assertEqual((invoice.purpose, invoice.user), ("External", OWNER))
		self.assertTrue(invoice.name.startswith("REQ-"))

	def test_asking_again_gives_another_link_to_the_same_invoice(self):
		before, path = self.invoice.name, self.path
		self.ask(499.0)
		self.assertEqual(self.invoice.name, before)
		self.assertNotEqual(self.path, path)

	def test_another_amount_replaces_an_invoice_that_nobody_began_to_pay(self):
		before = self.invoice
		self.ask(500.5)
		self.assertEqual((before.reload().status, self.invoice.total()), ("Cancelled", Decimal("500.5")))

	def test_another_amount_is_refused_while_a_payment_is_under_way(self):
		start(self.path, self.gateway)
		with self.assertRaises(Conflict):
			self.ask(500.0)

	def test_it_calls_no_gateway_and_commits_nothing(self):
		"""B1: it runs inside the transaction that submits the document."""
		self.document = create_user()
		asked = len(self.sim.requests) if hasattr(self.sim, "requests") else 0
		self.settings.get_payment_url(**self.details(amount=100.0))
		frappe.db.rollback()
		self.assertFalse(frappe.db.exists("AI Invoice", {"external_name": self.document}))
		self.assertEqual(len(self.sim.requests) if hasattr(self.sim, "requests") else 0, asked)
		self.assertFalse(
			frappe.db.exists("Payment Attempt", {"invoice": ("like", "REQ-%"), "user": self.document})
		)

	def test_an_amount_that_is_no_whole_number_of_paise_is_refused(self):
		for amount in (499.001, 0.0, -5.0, "nothing", None, float("nan")):
			with self.subTest(amount), self.assertRaises(BadRequest):
				self.settings.get_payment_url(**self.details(amount=amount))

	def test_a_currency_or_an_amount_that_the_gateway_does_not_take_is_refused(self):
		with self.assertRaises(BadRequest):
			self.settings.get_payment_url(**self.details(amount=10.0, currency="XAU"))
		stripe = enable_gateway("stripe", require_phone_code=0)
		with self.assertRaises(BadRequest):
			stripe.validate_minimum_transaction_amount("USD", 0.01)

	def test_a_document_that_does_not_exist_is_refused(self):
		with self.assertRaises(BadRequest):
			self.settings.get_payment_url(**self.details(amount=1.0, reference_docname="nobody@example.com"))

	def test_nothing_can_be_asked_for_while_it_is_switched_off(self):
		with payment_settings(accept_documents=0), self.assertRaises(Unavailable):
			self.settings.get_payment_url(**self.details(amount=1.0))
		self.settings.enabled = 0
		with self.assertRaises(Unavailable):
			self.settings.get_payment_url(**self.details(amount=1.0))

	def test_only_pages_of_this_site_are_returned_to(self):
		"""B2."""
		self.assertEqual(own_path(get_url("/thanks?a=1")), "/thanks?a=1")
		for foreign in (
			"https://evil.example/x",
			"//evil.example",
			"/\\evil.example",
			"javascript:alert(1)",
			"",
			None,
		):
			self.assertIsNone(own_path(foreign), foreign)


class TestPaying(ExternalCase):
	def test_the_page_offers_only_the_gateway_that_the_document_names(self):
		"""B2: its money has to arrive in the account that the document names."""
		self.enable("razorpay")
		text = page(self.path).text
		self.assertIn('value="payu"', text)
		self.assertNotIn('value="razorpay"', text)

	def test_the_document_is_told_once_as_the_service_user(self):
		"""B3: not as the payer, and not again when the news comes again."""
		with document_event("User", "on_payment_authorized", f"{THIS}.on_payment_authorized"):
			self.pay()
			for _time in range(3):
				dispatch.post_invoice(self.invoice.name)
		self.assertEqual(told, [(self.document, "Completed", "Administrator", 499)])
		self.assertEqual(self.status(), "Paid")
		self.assertEqual(self.posting("Document").document_name, self.document)

	def late_payment_of_a_replaced_link(self) -> str:
		"""The first attempt expires, the other app asks for another amount, and then the first payment comes after all."""
		attempt, before = start(self.path, self.gateway), self.invoice
		before.reload().mark_as_abandoned("The payment was not finished.")
		frappe.get_doc("Payment Attempt", attempt).mark_as_expired()
		frappe.db.commit()
		self.ask(600.0)
		settle(self.gateway, paid(attempt, "499"))
		dispatch.post_invoice(before.name)
		return before.name

	def test_a_document_is_not_told_of_money_that_goes_back(self):
		"""B4: the second link alone pays the document, and tells it so once."""
		with document_event("User", "on_payment_authorized", f"{THIS}.on_payment_authorized"):
			before = self.late_payment_of_a_replaced_link()
			self.assertEqual(frappe.db.get_value("AI Invoice", before, "status"), "Paid")
			self.assertEqual((told, frappe.get_all("Payment Posting", {"invoice": before})), ([], []))
			self.pay()
			dispatch.post_invoice(self.invoice.name)
		self.assertEqual([row[3] for row in told], [600])

	def test_a_document_is_not_told_after_a_full_refund(self):
		"""B4: nor is it, when the refund comes between the plan and the posting."""
		with document_event("User", "on_payment_authorized", f"{THIS}.fail"):
			self.pay()
			dispatch.post_invoice(self.invoice.name)
		invoice = frappe.get_doc("AI Invoice", self.invoice.name)
		invoice.mark_as_refunded(invoice.paid())
		frappe.db.commit()
		with document_event("User", "on_payment_authorized", f"{THIS}.on_payment_authorized"):
			dispatch.post_invoice(self.invoice.name)
		self.assertEqual((told, self.posting("Document").status), ([], "Needs Attention"))

	def test_a_document_that_fails_is_tried_again_and_the_money_stays_recorded(self):
		"""B3."""
		with document_event("User", "on_payment_authorized", f"{THIS}.fail"):
			self.pay()
			dispatch.post_invoice(self.invoice.name)
		posting = self.posting("Document")
		self.assertEqual((self.status(), posting.status), ("Paid", "Waiting"))
		self.assertIn("The other app has a bug.", posting.error)
		self.assertTrue(posting.next_try_at)

	def test_what_a_crash_left_untold_is_found(self):
		"""B3: between the payment and the posting."""
		self.pay()
		frappe.db.delete("Payment Posting", {"invoice": self.invoice.name})
		frappe.db.commit()
		plan.plan_missing()
		self.assertTrue(self.posting("Document"))

	def test_a_paid_document_cannot_be_asked_for_again(self):
		self.pay()
		with self.assertRaises(Conflict):
			self.ask(499.0)

	def test_the_payer_can_go_on_to_the_page_of_the_document(self):
		self.ask(499.0, redirect_to=get_url("/thank-you?order=1"))
		answer = self.pay_at_gateway(start(self.path, self.gateway))
		shown = page(answer.headers["Location"].split("/", 3)[-1].join(("/", ""))).text
		self.assertIn('href="/thank-you?order=1"', shown)
		self.assertNotIn("receipt", shown)

	def test_an_ended_link_says_whom_to_ask(self):
		"""Nobody's email address is on file with us."""
		frappe.db.set_value("AI Payment Link", {"invoice": self.invoice.name}, "revoked", 1)
		frappe.db.commit()
		shown = page(self.path).text
		self.assertIn("ask whoever sent it", shown)
		self.assertNotIn('value="resend"', shown)

	def test_nobody_gets_an_email_about_it(self):
		self.pay()
		self.assertEqual(mails_to(OWNER), [])

	def test_many_failures_of_other_payers_stop_nobody(self):
		"""B2: the owner of these invoices is one user for all payers."""
		with payment_settings(failed_tries_per_hour=1):
			self.pay_at_gateway(start(self.path, self.gateway), "failure")
			self.document = create_user()
			self.ask(10.0)
			self.pay()
		self.assertEqual(self.status(), "Paid")


class TestInStep(ExternalCase):
	def test_a_cancelled_document_can_no_longer_be_paid(self):
		close.close("User", self.document)
		frappe.db.commit()
		self.assertEqual(self.status(), "Cancelled")
		self.assertNotIn('name="gateway"', page(self.path).text)

	def test_a_document_is_not_cancelled_while_a_payment_is_under_way(self):
		start(self.path, self.gateway)
		with self.assertRaises(Conflict):
			close.require_nothing_under_way("User", self.document)

	def test_money_for_a_cancelled_document_falls_under_the_policy(self):
		"""B4: late money is recorded and given back."""
		attempt = start(self.path, self.gateway)
		frappe.get_doc("AI Invoice", self.invoice.name).mark_as_pending()
		close._end(frappe.get_doc("AI Invoice", self.invoice.name), "Cancelled.")
		frappe.db.commit()
		self.pay_at_gateway(attempt)
		refunds = frappe.get_all("Payment Refund", {"invoice": self.invoice.name}, pluck="amount")
		self.assertEqual((self.status() in ("Paid", "Refunded"), refunds), (True, [499]))

	def test_the_link_asks_only_for_what_is_left_after_a_payment_elsewhere(self):
		close.follow("User", self.document, Decimal(200))
		frappe.db.commit()
		self.assertEqual(self.invoice.reload().outstanding(), Decimal(200))
		self.pay()
		self.assertEqual(self.status(), "Paid")

	def test_the_link_ends_when_everything_was_paid_elsewhere(self):
		close.follow("User", self.document, Decimal(0))
		frappe.db.commit()
		self.assertEqual(self.status(), "Cancelled")

	def test_a_payment_elsewhere_beside_one_under_way_is_flagged(self):
		start(self.path, self.gateway)
		close.follow("User", self.document, Decimal(0))
		frappe.db.commit()
		self.assertTrue(self.invoice.reload().needs_review)


class TestRegistration(ExternalCase):
	def test_without_the_app_payments_nothing_is_registered_and_nothing_fails(self):
		if registration.is_possible():
			self.skipTest("The app Payments is installed.")
		registration.register_all()
		registration.unregister_all()
