"""Several accounts of one gateway, one for each company: each payment stays at its account, from the order to the payout."""

from decimal import Decimal

import frappe

from oropendola_payments.api import payment as api
from oropendola_payments.engine.checkout import gateway_choice
from oropendola_payments.engine.dunning.suggestion import suggested_gateway
from oropendola_payments.engine.gateway import circuit_breaker
from oropendola_payments.engine.gateway.registry import adapter_of, settings_of
from oropendola_payments.engine.link_checkout import pay
from oropendola_payments.engine.monitoring import health
from oropendola_payments.engine.payouts import fetch
from oropendola_payments.exceptions import NotFound
from oropendola_payments.gateways import BUILT_IN
from oropendola_payments.gateways.errors import NotSent
from oropendola_payments.simulator.providers.razorpay.wire import sign
from oropendola_payments.tests.support import payouts as support
from oropendola_payments.tests.support.accounts import another_account
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import as_user, create_user, enable_gateway
from oropendola_payments.tests.support.gateway_events import UNSIGNED_NOTICES
from oropendola_payments.tests.support.journey import Journey
from oropendola_payments.tests.support.simulated import deliver, simulator
from oropendola_payments.tests.support.time_travel import finish_refunds

FIRST, SECOND = "razorpay", "razorpay_acme"


def journey(gateway: str) -> Journey:
	"""An invoice; one that an account with a suffix is to be paid for names it, as documents of other apps do."""
	made = Journey(gateway, user=create_user())
	if "_" in gateway:
		made.doc().write(requested_gateway=gateway)
		frappe.db.commit()
	return made


def paid(gateway: str) -> Journey:
	made = journey(gateway)
	made.deliver_return(made.customer_pays(made.start()))
	made.deliver_all()
	return made


def ids(listing: dict) -> list[str]:
	return [entry["id"] for entry in listing["gateways"]]


class AccountsCase(TestCase):
	def setUp(self):
		self.account = self.enterContext(another_account())


class TestChoice(AccountsCase):
	def test_a_customer_cannot_choose_another_companys_account(self):
		"""S62."""
		plan = journey(FIRST)
		with as_user(plan.user):
			answer = api.initiate_payment(invoice_id=plan.invoice, gateway=SECOND)
		self.assertEqual((answer["success"], answer["error_code"]), (False, "bad_request"))
		self.assertEqual(plan.attempts(), [])

	def test_an_account_for_documents_is_not_offered_for_plans(self):
		enable_gateway(FIRST)
		invoice = journey(FIRST).doc()
		for listing in (
			gateway_choice.available("INR"),
			gateway_choice.available_for(invoice),
			pay.choices(invoice),
		):
			self.assertIn(FIRST, ids(listing))
			self.assertNotIn(SECOND, ids(listing))
		self.assertNotIn(SECOND, [row["id"] for row in api.get_available_gateways()["gateways"]])

	def test_the_desk_says_why_an_account_is_not_offered(self):
		rows = {row["id"]: row["reason"] for row in gateway_choice.explain("INR", None, None)["gateways"]}
		self.assertIn("documents that name it", rows[SECOND])

	def test_an_account_for_documents_is_never_suggested(self):
		"""Not even while the other one has problems."""
		failing = journey(FIRST)
		reminder = frappe._dict(failure_class="Gateway", gateway=FIRST)
		for _time in range(circuit_breaker.FAILURES_TO_OPEN):
			circuit_breaker.report_failure(FIRST, NotSent("It is down."))
		self.assertNotEqual(suggested_gateway(failing.doc(), reminder), SECOND)

	def test_a_document_is_paid_at_the_account_that_it_names_and_no_other(self):
		"""S62, B2: by its code, by its gateway's, or by default."""
		enable_gateway(FIRST)
		for requested in (FIRST, SECOND, None):
			document = journey(SECOND)
			self.assertEqual(ids(gateway_choice.available_for(document.doc())), [SECOND])
			document.gateway = requested
			self.assertEqual(document.initiate()["gateway"], SECOND, requested)
		document = journey(SECOND)
		document.gateway = "payu"
		enable_gateway("payu")
		self.assertEqual(document.initiate()["error_code"], "bad_request")

	def test_a_document_whose_account_was_disabled_is_not_paid_elsewhere(self):
		document = journey(SECOND)
		self.account.reload().update({"enabled": 0})
		self.account.save(ignore_permissions=True)
		self.assertEqual(ids(gateway_choice.available_for(document.doc())), [])

	def test_plans_are_paid_at_a_new_account_while_the_old_one_makes_its_refunds(self):
		"""A client may go on asking for the gateway by its own code."""
		before = paid(FIRST)
		self.addCleanup(enable_gateway, FIRST, documents_only=0)
		enable_gateway(FIRST, enabled=0)
		self.account.reload().update({"documents_only": 0})
		self.account.save(ignore_permissions=True)
		frappe.db.commit()
		plan = Journey(SECOND, user=create_user())
		plan.gateway = FIRST
		self.assertEqual(plan.initiate()["gateway"], SECOND)
		before.refund(Decimal(100))
		finish_refunds(FIRST, before.invoice)
		self.assertEqual([(row.status, row.gateway) for row in before.refunds()], [("Refunded", FIRST)])
		self.account.reload().update({"documents_only": 1})
		self.account.save(ignore_permissions=True)

	def test_no_account_is_made_up_from_an_address(self):
		"""S62."""
		for code in ("razorpay_nobody", "razorpay_", "razorpay_a/b", "nobody_acme", "razorpay-acme"):
			with self.subTest(code), self.assertRaises(NotFound):
				settings_of(code)


class TestPayments(AccountsCase):
	def test_every_gateway_can_be_paid_and_refunded_at_another_account(self):
		for gateway in BUILT_IN:
			code = f"{gateway}_other"
			with self.subTest(gateway), another_account(gateway, "other", company="Other"):
				document = paid(code)
				self.assertEqual((document.status(), document.captures()[0].gateway), ("Paid", code))
				self.assertEqual(len(simulator().captures(code)), 1)
				document.refund(Decimal(100))
				finish_refunds(code, document.invoice)
				(refund,) = document.refunds()
				self.assertEqual((refund.status, refund.gateway), ("Refunded", code))
				self.assertEqual(document.problems(), [])

	def test_the_webhook_of_an_account_is_refused_at_the_address_of_another(self):
		"""S62: at every gateway that signs its webhooks."""
		for gateway in (code for code in BUILT_IN if code not in UNSIGNED_NOTICES):
			enable_gateway(gateway)
			with self.subTest(gateway), another_account(gateway, "other", company="Other"):
				document = journey(f"{gateway}_other")
				document.customer_pays(document.start())
				before = health.rejected_counts().get(gateway, 0)
				messages = document.take_webhooks()
				for message in messages:
					deliver(frappe._dict(vars(message), code=gateway))
				self.assertNotEqual(document.status(), "Paid")
				self.assertEqual(health.rejected_counts().get(gateway, 0) - before, len(messages))

	def test_a_webhook_of_one_account_never_settles_a_payment_of_another(self):
		"""S62: not even when both accounts have the same secret."""
		document = journey(SECOND)
		document.customer_pays(document.start())
		messages = document.take_webhooks()
		for message in messages:
			signature = sign(message.body, simulator().provider(FIRST).config["webhook_secret"])
			headers = {**message.headers, "X-Razorpay-Signature": signature}
			deliver(frappe._dict(vars(message), code=FIRST, headers=headers))
		self.assertNotEqual(document.status(), "Paid")
		self.assertEqual(document.captures(), [])
		for message in messages:
			deliver(message)
		self.assertEqual(document.status(), "Paid")

	def test_accounts_have_keys_addresses_and_health_of_their_own(self):
		one, two = adapter_of(FIRST), adapter_of(SECOND)
		self.assertNotEqual(one.secrets["webhook_secret"], two.secrets["webhook_secret"])
		addresses = [settings_of(code).get_webhook_address() for code in (FIRST, SECOND)]
		self.assertEqual([text.rpartition("=")[2] for text in addresses], [FIRST, SECOND])
		for _time in range(circuit_breaker.FAILURES_TO_OPEN):
			circuit_breaker.report_failure(SECOND, NotSent("It is down."))
		self.assertEqual([settings_of(code).is_degraded() for code in (FIRST, SECOND)], [False, True])

	def test_payouts_of_accounts_are_apart(self):
		for code in (FIRST, SECOND):
			support.start_afresh(code)
			self.addCleanup(support.start_afresh, code)
		made = {code: paid(code) for code in (FIRST, SECOND)}
		for code, document in made.items():
			simulator().settle(code)
			fetch.fetch(code)
			(payout,) = support.payouts(code)
			self.assertEqual((payout.gateway, payout.status), (code, "Balanced"))
			(line,) = [row for row in support.lines(payout.name) if row.kind == "Capture"]
			self.assertEqual(line.capture, document.captures()[0].name)
		self.assertEqual(support.differences(FIRST) + support.differences(SECOND), [])
