"""Ways to get service without paying for it; each is closed."""

from decimal import Decimal
from unittest.mock import patch

import frappe
from frappe.utils import nowdate

from oropendola_payments.api import subscription
from oropendola_payments.engine.gateway import registry
from oropendola_payments.engine.inbound.apply_notice import Message, apply_notice
from oropendola_payments.engine.keys import rotate
from oropendola_payments.engine.metering import usage
from oropendola_payments.engine.refunds import create, ledger
from oropendola_payments.engine.settlement import disputes
from oropendola_payments.engine.settlement.settle import settle
from oropendola_payments.engine.subscriptions import lifecycle
from oropendola_payments.engine.subscriptions import renewal as renewal_
from oropendola_payments.exceptions import PaymentRequired, Refusal, TooManyRequests
from oropendola_payments.gateways.base import DisputeEvent, Notice, RefundEvent, RefundOutcome
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import (
	as_user,
	create_active_subscription,
	create_plan,
	create_user,
	enable_gateway,
	payment_settings,
)
from oropendola_payments.tests.support.gateway_events import paid
from oropendola_payments.tests.support.journey import Journey


class TestStolenPayments(TestCase):
	def test_a_payment_in_another_mode_settles_nothing(self):
		"""S25: a test payment at the same provider is not money."""
		journey = Journey("payu")
		attempt = journey.start()
		frappe.db.set_value("Payment Attempt", attempt, "mode", "Live")
		frappe.db.commit()
		with self.assertRaisesRegex(Refusal, "Live mode"):
			settle("payu", paid(attempt))
		self.assertEqual(journey.subscription_status(), "Pending")

	def test_an_order_of_another_shop_with_our_reference_is_queried_and_not_applied(self):
		"""S25: with two shops on one account, a buyer puts our reference into an order of the other shop."""
		journey = Journey("stripe")
		attempt = journey.start()
		frappe.db.set_value("Payment Attempt", attempt, "gateway_order_id", None)
		frappe.db.commit()
		event = paid(attempt, currency="USD", order_id="cs_of_another_shop")
		apply_notice(Message("stripe", Notice((event,), verified=True)))
		self.assertEqual(journey.captures(), [])
		self.assertEqual(journey.subscription_status(), "Pending")

	def test_simulated_messages_are_refused_where_the_simulator_is_not_allowed(self):
		"""S26."""
		enable_gateway("payu")
		with (
			patch.dict(frappe.local.conf, {"allow_payment_simulator": 0}),
			self.assertRaisesRegex(Refusal, "Simulator"),
		):
			registry.adapter_of("payu")

	def test_live_credentials_are_never_sent_to_a_simulator(self):
		"""S27."""
		doc = enable_gateway("payu", key_secret="a-real-looking-secret")
		self.addCleanup(self.forget_secret, doc.name)
		self.assertNotIn("a-real-looking-secret", registry.adapter_of("payu").secrets.values())

	def forget_secret(self, name: str):
		frappe.db.delete("__Auth", {"doctype": "Payment Gateway Settings", "name": name})
		frappe.db.set_value("Payment Gateway Settings", name, "key_secret", None)
		frappe.db.commit()

	def test_credentials_must_be_entered_again_after_the_address_changed(self):
		"""S27."""
		doc = enable_gateway("cashflows", key_secret="a-real-looking-secret", key_id="config-1")
		self.addCleanup(self.forget_secret, doc.name)
		self.addCleanup(enable_gateway, "cashflows", api_base_url=None)
		doc = frappe.get_doc(doc.doctype, doc.name)
		doc.update({"mode": "Test", "api_base_url": "https://listener.example"})
		with self.assertRaisesRegex(frappe.ValidationError, "enter the secrets again"):
			doc.save()
		frappe.db.rollback()


class TestStolenService(TestCase):
	def test_cancelling_and_resubscribing_does_not_reset_the_free_quota(self):
		"""S35."""
		user, plan = create_user(), create_plan(price=0, is_free=1, requests_limit_per_day=2)
		with as_user(user):
			first = subscription.create_subscription_and_invoice(plan_id=plan.name)
			usage.consume(first["api_key"], 2)
			frappe.db.commit()
			subscription.cancel_subscription()
			second = subscription.create_subscription_and_invoice(plan_id=plan.name)
		with self.assertRaises(TooManyRequests):
			usage.consume(second["api_key"], 1)

	def test_one_paid_day_gives_one_day_of_service(self):
		sub = create_active_subscription(billing_interval="Day")
		key = rotate.rotate(sub.user, sub.name)["api_key"]
		usage.consume(key, 1)
		frappe.db.set_value("AI Subscription", sub.name, "end_date", nowdate())
		with self.assertRaises(PaymentRequired):
			usage.consume(key, 1)

	def test_an_old_invoice_buys_the_plan_as_it_was(self):
		user, plan = create_user(), create_plan()
		old = lifecycle.subscribe(user, plan.name, None)["invoice_id"]
		plan.update({"price": 4990, "billing_interval": "Year"})
		plan.save()
		frappe.db.commit()
		new = lifecycle.subscribe(user, plan.name, None)["invoice_id"]
		self.assertNotEqual(old, new)
		self.assertEqual(frappe.db.get_value("AI Invoice", old, "status"), "Cancelled")
		self.assertEqual(frappe.get_doc("AI Invoice", new).total(), Decimal(4990))


class TestStolenCredit(TestCase):
	def paid_twice(self) -> Journey:
		with payment_settings(double_payment_policy="Credit"):
			journey = Journey("payu", user=create_user())
			attempts = [journey.start(), journey.start(flow="embedded")]
			for attempt in attempts:
				journey.deliver_return(journey.customer_pays(attempt))
		return journey

	def test_credit_is_removed_when_its_payment_was_charged_back(self):
		"""S35."""
		journey = self.paid_twice()
		duplicate = journey.captures()[1]
		disputes.record("payu", DisputeEvent("lost", payment_id=duplicate.gateway_payment_id))
		renewal = renewal_.renew(journey.user, journey.doc().plan)["invoice_id"]
		self.assertEqual(frappe.db.get_value("AI Invoice", renewal, "status"), "Pending")

	def test_a_refunded_part_is_no_longer_counted_as_paid(self):
		journey = Journey("payu")
		settle("payu", paid(journey.start(), 200))
		second = journey.start()
		create.create_refund(journey.invoice, Decimal(200), "A test")
		for refund in journey.refunds():
			ledger.record(refund.name, RefundEvent(RefundOutcome.REFUNDED, key=refund.name))
		settle("payu", paid(second, 299))
		self.assertNotEqual(journey.status(), "Paid")
		self.assertEqual(journey.subscription_status(), "Pending")
