"""What customers and receivers send is stored so that the Desk, which shows stored text as HTML, runs nothing of it."""

import json
from decimal import Decimal
from functools import partial

import frappe

from oropendola_payments.ai_billing.plain_text import without_tags
from oropendola_payments.engine.gateway import circuit_breaker
from oropendola_payments.engine.metering import leases
from oropendola_payments.engine.monitoring import audit
from oropendola_payments.engine.payouts import settings
from oropendola_payments.engine.payouts.record import record_all
from oropendola_payments.engine.payouts.spool import Spool
from oropendola_payments.engine.usage_ledger import events
from oropendola_payments.engine.wallet import corrections
from oropendola_payments.gateways.errors import BadAnswer
from oropendola_payments.gateways.payouts import LineKind, Payout, PayoutLine
from oropendola_payments.tests.support import factories
from oropendola_payments.tests.support import payouts as support
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.credits import give
from oropendola_payments.tests.support.factories import unique
from oropendola_payments.tests.support.http import call
from oropendola_payments.tests.support.metered import Metered
from oropendola_payments.tests.support.receiver import Reply, WebhookTestCase

HOSTILE = "<img src=x onerror=alert(1)>"
# In quotation marks it is JSON, which Frappe does not clean.
QUOTED = f'"{HOSTILE}"'


class TestCustomersText(Metered, TestCase):
	def setUp(self):
		super().setUp()
		subscription = factories.create_active_subscription()
		self.user, self.subscription = subscription.user, subscription.name

	def stored(self, doctype: str) -> str:
		rows = frappe.get_all(doctype, {"subscription": self.subscription}, ["*"])
		self.assertTrue(rows)
		return str(rows)

	def test_the_name_of_a_key_holds_no_html(self):
		"""S29."""
		self.api_key()
		key = frappe.db.get_value("AI API Key", {"subscription": self.subscription}, "name")
		for name in (HOSTILE, QUOTED):
			arguments = {"key_id": key, "name": name}
			self.assertEqual(call("subscription.rename_api_key", self.user, json=arguments).status_code, 200)
			self.assertIn("onerror", self.stored("AI API Key"))
			self.assertNotIn("<img", self.stored("AI API Key"))

	def test_what_a_customer_says_when_cancelling_is_no_html(self):
		values = {"subscription_id": self.subscription, "note": HOSTILE}
		self.assertEqual(call("subscription.cancel_subscription", self.user, json=values).status_code, 200)
		self.assertIn("onerror", self.stored_note())
		self.assertNotIn("<img", self.stored_note())

	def test_the_name_on_invoices_is_no_html_in_quotation_marks_either(self):
		for name in (HOSTILE, QUOTED):
			self.assertEqual(
				call("billing.save_profile", self.user, json={"legal_name": name}).status_code, 200
			)
			frappe.db.rollback()
			kept = frappe.db.get_value("AI Billing Profile", {"user": self.user}, "legal_name")
			self.assertIn("onerror", kept)
			self.assertNotIn("<img", kept)

	def stored_note(self) -> str:
		frappe.db.rollback()
		return frappe.db.get_value("AI Subscription", self.subscription, "cancel_note")

	def test_the_model_and_the_event_id_of_a_call_hold_no_html(self):
		for text in (HOSTILE, QUOTED):
			events.consume(self.api_key(), 1, text, event_id=text)
			frappe.db.commit()
			self.assertNotIn("<img", self.stored("AI Usage Entry"))
			again = events.consume(self.api_key(), 1, text, event_id=text)
			self.assertEqual(again["allowed"], True)

	def test_a_text_that_fits_its_column_is_stored_no_longer_than_it_is(self):
		for text in (HOSTILE, '["' + "<b" * 45 + '"]'):
			events.consume(self.api_key(), 1, text, event_id=text)
			frappe.db.commit()
			again = events.consume(self.api_key(), 1, text, event_id=text)
			self.assertEqual(again["state"], "used")
			row = frappe.get_last_doc("AI Usage Entry", {"subscription": self.subscription})
			self.assertEqual((len(row.event_id), len(row.model)), (len(text), len(text)))

	def test_the_holder_of_a_lease_is_no_html(self):
		leases.grant(self.api_key(), 1, 60, None, HOSTILE, None)
		self.assertNotIn("<img", self.stored("AI Usage Lease"))


class TestTextsOfGatewaysAndManagers(TestCase):
	def test_a_reason_for_a_correction_of_credits_is_no_html(self):
		grant = give(factories.create_user(), 10)
		corrections.correct(grant.name, Decimal(-1), HOSTILE)
		kept = frappe.get_all("AI Credit Entry", {"credit_grant": grant.name, "kind": "Corrected"}, ["note"])
		self.assertIn("onerror", str(kept))
		self.assertNotIn("<img", str(kept))

	def test_the_error_page_of_a_gateway_is_no_html(self):
		circuit_breaker.report_failure("phonepe", BadAnswer(HOSTILE))
		self.addCleanup(partial(settings.write, "PhonePe", payout_error=None))
		settings.write("PhonePe", payout_error=HOSTILE)
		kept = frappe.db.get_value("Payment Gateway Settings", "PhonePe", ["last_error", "payout_error"])
		self.assertEqual(str(kept).count("onerror"), 2)
		self.assertNotIn("<img", str(kept))

	def test_a_line_of_a_payout_is_no_html(self):
		support.start_afresh("razorpay")
		self.addCleanup(support.start_afresh, "razorpay")
		payout = unique("setl")
		line = PayoutLine(payout, LineKind.CAPTURE, 500, "INR", HOSTILE, note=HOSTILE, reference=HOSTILE)
		with Spool() as spool:
			for entry in (Payout(payout, "INR", 500), line):
				spool.add(entry)
			record_all("razorpay", spool, "API", "Simulator")
		kept = str(frappe.get_all("Payment Payout Line", {"gateway": "razorpay"}, ["*"]))
		self.assertEqual(kept.count("onerror"), 3)
		self.assertNotIn("<img", kept)


class TestReceiversText(WebhookTestCase):
	def test_the_answer_of_a_receiver_is_no_html(self):
		"""S29."""
		endpoint = self.endpoint()
		for body in (HOSTILE, QUOTED, json.dumps({"error": HOSTILE})):
			self.receiver.replies = [Reply(500, body=body.encode())]
			self.announce()
			self.send(endpoint)
		kept = str(frappe.get_all("AI Webhook Attempt", ["response"], order_by="creation desc", limit=3))
		self.assertIn("onerror", kept)
		self.assertNotIn("<img", kept)


class TestWithoutTags(TestCase):
	def test_json_stays_the_same_json(self):
		values = {"name": HOSTILE, "list": ["a < b", "<!--"]}
		cleaned = without_tags(json.dumps(values))
		self.assertEqual(json.loads(cleaned), values)
		self.assertNotIn("<img", cleaned)

	def test_text_without_tags_stays_as_it_is(self):
		for text in ("a < b", "1 <2", "x > y", "पैसे", ""):
			self.assertEqual(without_tags(text), text)

	def test_the_audit_trail_stays_intact(self):
		invoice = factories.create_invoice()
		invoice.record("reviewed", note=HOSTILE, reason=HOSTILE)
		frappe.db.commit()
		rows = str(frappe.get_all("Payment Event", {"invoice": invoice.name}, ["note", "details"]))
		self.assertIn("onerror", rows)
		self.assertNotIn("<img", rows)
		self.assertIsNone(audit.verify(invoice.name)["broken"])
