"""Patches update data of an older release, and can be repeated."""

import frappe

from oropendola_payments.engine.monitoring import alerts
from oropendola_payments.engine.notifications import templates
from oropendola_payments.engine.subscriptions import lifecycle
from oropendola_payments.patches import (
	clear_outstanding_of_settled_invoices,
	mark_past_trials,
	rename_invariant_alerts,
	update_unedited_email_templates,
)
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import (
	create_active_subscription,
	create_invoice,
	create_plan,
	create_user,
)
from oropendola_payments.tests.support.outbox import replaced


class TestRenamedAlerts(TestCase):
	def setUp(self):
		self.name = (
			frappe.get_doc(
				{
					"doctype": "Payment Alert",
					"kind": "Broken Promise",
					"subject": "paid_without_service",
					"status": "Open",
					"live_key": "Broken Promise:paid_without_service",
				}
			)
			.insert(ignore_permissions=True)
			.name
		)
		self.addCleanup(frappe.db.delete, "Payment Alert", {"name": self.name})

	def kept(self) -> tuple:
		return frappe.db.get_value("Payment Alert", self.name, ["kind", "live_key"])

	def test_an_open_alert_of_the_old_kind_is_renamed_with_its_key(self):
		renamed = ("Invariant Violation", "Invariant Violation:paid_without_service")
		for _run in range(2):
			rename_invariant_alerts.execute()
			self.assertEqual(self.kept(), renamed)

	def test_a_closed_alert_of_the_old_kind_keeps_its_empty_key(self):
		frappe.db.set_value("Payment Alert", self.name, {"status": "Closed", "live_key": None})
		rename_invariant_alerts.execute()
		self.assertEqual(self.kept(), ("Invariant Violation", None))

	def test_a_renamed_alert_is_closed_when_the_invariant_holds_again(self):
		rename_invariant_alerts.execute()
		frappe.db.commit()
		with replaced(alerts, "notify", lambda name: None):
			alerts.evaluate(violations={})
		self.assertEqual(frappe.db.get_value("Payment Alert", self.name, "status"), "Closed")


class TestPastTrials(TestCase):
	def test_only_subscriptions_that_began_with_a_trial_are_marked(self):
		paid = create_active_subscription(trial_days=0)
		frappe.db.set_value("AI Plan", paid.plan, "trial_days", 7)
		free = lifecycle.subscribe(create_user(), create_plan(price=0, is_free=1).name, None)[
			"subscription_id"
		]
		user, plan = create_user(), create_plan(trial_days=7).name
		expired, running = (
			lifecycle.subscribe(customer, plan, None)["subscription_id"] for customer in (user, create_user())
		)
		frappe.get_doc("AI Subscription", expired).expire()
		names = (paid.name, free, expired, running)
		frappe.db.set_value("AI Subscription", {"name": ("in", names)}, "had_trial", 0)
		for _run in range(2):
			mark_past_trials.execute()
			marks = [frappe.db.get_value("AI Subscription", name, "had_trial") for name in names]
			self.assertEqual(marks, [0, 0, 1, 1])
		frappe.db.commit()


class TestUpdatedEmailTemplates(TestCase):
	def setUp(self):
		self.name = templates.TEXTS["refund_sent"][0]
		self.addCleanup(self.write, *templates.ours("refund_sent"))

	def write(self, subject: str, body: str):
		values = {"subject": subject, "response_html": body, "use_html": 1}
		frappe.db.set_value("Email Template", self.name, values)
		frappe.clear_document_cache("Email Template", self.name)

	def stored(self) -> tuple:
		return frappe.db.get_value("Email Template", self.name, ["subject", "response_html"])

	def test_an_unedited_template_gets_the_new_text(self):
		self.write("Refund sent: {{ invoice }}", OLD_REFUND_SENT)
		update_unedited_email_templates.execute()
		self.assertEqual(self.stored(), templates.ours("refund_sent"))

	def test_an_edited_template_stays(self):
		self.write("Your money is back", "<p>{{ amount }}</p>")
		update_unedited_email_templates.execute()
		self.assertEqual(self.stored(), ("Your money is back", "<p>{{ amount }}</p>"))


OLD_REFUND_SENT = """{# You can use: customer, seller, invoice, plan, total, amount, reason, link. #}
<p>Hello {{ customer }},</p>
<p>We sent {{ amount }} of invoice {{ invoice }} back to you. Your bank may need some days to show it.</p>
{% if reason %}
<p>Reason: {{ reason }}</p>
{% endif %}
<p><a href="{{ link }}">See your invoices</a></p>
{% if seller %}<p>{{ seller }}</p>{% endif %}
"""


class TestClearedOutstandingAmounts(TestCase):
	def test_only_settled_invoices_owe_nothing(self):
		settled, open_one = create_invoice().name, create_invoice().name
		frappe.db.set_value("AI Invoice", settled, "status", "Refunded")
		self.addCleanup(frappe.db.set_value, "AI Invoice", settled, "status", "Pending")
		for _run in range(2):
			clear_outstanding_of_settled_invoices.execute()
			stored = [
				frappe.db.get_value("AI Invoice", name, "outstanding_amount") for name in (settled, open_one)
			]
			self.assertEqual(stored, [0, 499])
