"""The hourly check sees what changed, the daily one sees everything, and both forget what was put right."""

import frappe
from frappe.utils import add_to_date, now_datetime

from oropendola_payments.engine.monitoring import checks, health, invariants
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import create_active_subscription, create_invoice

RULE = "total_differs_from_net_and_tax"


class CheckCase(TestCase):
	def setUp(self):
		super().setUp()
		checks.check_all()
		self.addCleanup(checks.forget)

	def forge(self, invoice: str, amount: int = 1) -> None:
		"""Change a record as the app never does, and leave no event."""
		frappe.db.set_value("AI Invoice", invoice, "tax_amount", amount, update_modified=False)
		self.addCleanup(frappe.db.set_value, "AI Invoice", invoice, "tax_amount", 0, update_modified=False)

	def age_events(self, invoice: str) -> None:
		long_ago = add_to_date(now_datetime(), days=-2)
		frappe.db.sql("UPDATE `tabPayment Event` SET creation = %s WHERE invoice = %s", (long_ago, invoice))


class TestChecks(CheckCase):
	def test_the_hourly_check_finds_a_violation_of_a_record_that_changed(self):
		invoice = create_invoice().name
		self.forge(invoice)
		self.assertIn(invoice, checks.check_changed()[RULE])

	def test_only_the_daily_check_finds_a_violation_without_an_event(self):
		invoice = create_invoice().name
		self.age_events(invoice)
		self.forge(invoice)
		self.assertNotIn(invoice, checks.check_changed().get(RULE, []))
		self.assertIn(invoice, checks.check_all()[RULE])

	def test_a_violation_stays_known_until_it_is_put_right(self):
		invoice = create_invoice().name
		self.age_events(invoice)
		self.forge(invoice)
		checks.check_all()
		self.assertIn(invoice, checks.check_changed()[RULE])
		self.forge(invoice, 0)
		self.assertNotIn(invoice, checks.check_changed().get(RULE, []))

	def test_without_knowledge_the_hourly_check_looks_at_everything(self):
		invoice = create_invoice().name
		self.age_events(invoice)
		self.forge(invoice)
		checks.forget()
		self.assertIn(invoice, checks.check_changed()[RULE])

	def test_a_subscription_of_a_changed_invoice_is_checked(self):
		name = create_active_subscription().name
		frappe.db.set_value("AI Subscription", name, "status", "Expired", update_modified=False)
		self.addCleanup(frappe.db.set_value, "AI Subscription", name, "status", "Active")
		self.assertIn(name, checks.check_changed()["quota_without_service"])

	def test_every_rule_can_be_asked_about_some_records(self):
		for rule in (*checks.BY_RECORD, *checks.DAILY):
			with self.subTest(rule):
				self.assertIn(rule, invariants.RULES)
				found = {}
				checks._add(found, rule, ["no-such-record"])
				self.assertEqual(found, {})

	def test_no_rule_is_left_out_of_the_hourly_check_and_the_daily_one(self):
		self.assertEqual(set(checks.BY_RECORD) & set(checks.DAILY), set())
		self.assertEqual({*checks.BY_RECORD, *checks.DAILY} - set(invariants.RULES), set())


class TestHealthOfChecks(CheckCase):
	def test_health_shows_what_the_last_check_found(self):
		invoice = create_invoice().name
		self.forge(invoice)
		self.assertNotIn(invoice, health.full()["invariants"].get(RULE, []))
		checks.check_changed()
		answer = health.full()
		self.assertIn(invoice, answer["invariants"][RULE])
		self.assertLess(now_datetime() - answer["invariants_checked_on"], checks.OVERLAP)

	def test_health_is_not_ok_before_the_first_check(self):
		checks.forget()
		answer = health.full()
		self.assertEqual((answer["status"], answer["invariants_checked_on"]), ("attention", None))

	def test_metrics_count_open_records_at_once_and_say_when_the_others_were_counted(self):
		paid = checks.last().counts["invoices"].get("Paid", 0)
		pending = frappe.db.count("AI Invoice", {"status": "Pending"})
		create_invoice()
		create_active_subscription()
		text = health.metrics()
		self.assertIn(f'oropendola_invoices{{status="Pending"}} {pending + 1}\n', text)
		self.assertIn(f'oropendola_invoices{{status="Paid"}} {paid}\n', text)
		self.assertNotIn('oropendola_checked_seconds{what="counted_on"} 0\n', text)
