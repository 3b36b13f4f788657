"""Alerts: open once, escalate when worse, close by themselves, and never touch the money."""

from datetime import timedelta

import frappe
from frappe.utils import now_datetime

from oropendola_payments.ai_billing import analytics
from oropendola_payments.api import health as health_api
from oropendola_payments.engine.gateway import circuit_breaker
from oropendola_payments.engine.monitoring import alert_rules, alerts, health
from oropendola_payments.engine.monitoring.alert_rules import ALL, Finding
from oropendola_payments.engine.notifications import templates as mail_templates
from oropendola_payments.gateways.errors import CredentialsRefused, NotSent
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import (
	as_user,
	create_invoice,
	create_user,
	enable_gateway,
	payment_settings,
	unique,
)
from oropendola_payments.tests.support.journey import customer
from oropendola_payments.tests.support.outbox import mails_stay_queued, mails_to

KIND = "Pending Too Long"


class AlertCase(TestCase):
	def setUp(self):
		self.enterContext(mails_stay_queued())
		self.subject = unique("subject")

	def note(self, *records: str, level: float = 0, kind: str = KIND) -> str | None:
		return alerts._open_or_escalate(Finding(kind, self.subject, "Made up.", records=records, level=level))

	def alert(self):
		return frappe.get_last_doc("Payment Alert", {"subject": self.subject})

	def an_hour_passes(self):
		then = now_datetime() - timedelta(hours=1)
		frappe.db.set_value("Payment Alert", self.alert().name, "told_on", then)


class TestAlertLifetime(AlertCase):
	def test_an_alert_is_sent_when_it_opens_and_not_again_while_unchanged(self):
		self.assertEqual(self.note("A"), self.alert().name)
		self.an_hour_passes()
		self.assertIsNone(self.note("A"))
		self.assertEqual(frappe.db.count("Payment Alert", {"subject": self.subject}), 1)

	def test_another_record_with_the_same_count_is_sent_again(self):
		self.note("A")
		self.an_hour_passes()
		self.assertEqual(self.note("B"), self.alert().name)
		self.assertEqual((self.alert().severity, self.alert().details), ("Critical", "B"))

	def test_fewer_records_do_not_escalate_an_alert(self):
		self.note("A", "B")
		self.an_hour_passes()
		self.assertIsNone(self.note("B"))

	def test_an_alert_escalates_at_most_once_an_hour_and_misses_nothing(self):
		self.note("A")
		self.assertIsNone(self.note("A", "B"))
		self.an_hour_passes()
		self.assertTrue(self.note("A", "B"))

	def test_only_a_much_higher_rate_escalates(self):
		self.note(level=25)
		self.an_hour_passes()
		self.assertIsNone(self.note(level=34))
		self.assertTrue(self.note(level=35))

	def test_an_alert_closes_with_its_problem_and_reopens_when_it_returns(self):
		first = self.note("A")
		alerts._close_resolved(set(), {KIND})
		self.assertEqual(frappe.db.get_value("Payment Alert", first, "status"), "Closed")
		self.assertNotEqual(self.note("A"), first)

	def test_a_failed_check_closes_no_alert(self):
		self.note("A")
		alerts._close_resolved(set(), {"Dead Letters"})
		self.assertEqual(self.alert().status, "Open")

	def test_a_second_open_alert_of_one_kind_is_refused_by_the_database(self):
		self.note("A")
		copy = frappe.new_doc("Payment Alert")
		copy.update({"kind": KIND, "subject": self.subject, "live_key": self.alert().live_key})
		with self.assertRaises((frappe.UniqueValidationError, frappe.DuplicateEntryError)):
			copy.insert(ignore_permissions=True)
		frappe.db.rollback()


class TestManyRecords(AlertCase):
	"""More than fit into an email."""

	def setUp(self):
		super().setUp()
		frappe.db.delete("Payment Webhook Log", {"status": "Dead"})
		self.names = [self.dead() for _number in range(60)]
		self.find()

	def dead(self) -> str:
		row = frappe.get_doc({"doctype": "Payment Webhook Log", "gateway": "payu", "status": "Dead"})
		row.update({"name": unique("message"), "event_key": unique("key")})
		row.db_insert()
		return row.name

	def find(self) -> str | None:
		(found,) = alert_rules.dead_letters()
		return self.note(*found.records, kind="Dead Letters")

	def test_another_record_gets_it_worse_however_many_there_are(self):
		self.an_hour_passes()
		self.dead()
		self.assertEqual(self.find(), self.alert().name)

	def test_it_gets_no_worse_while_the_records_become_fewer(self):
		self.an_hour_passes()
		frappe.db.delete("Payment Webhook Log", {"name": ("in", self.names[:10])})
		self.assertIsNone(self.find())

	def tearDown(self):
		frappe.db.delete("Payment Webhook Log", {"status": "Dead"})
		frappe.db.commit()
		super().tearDown()


class TestSending(AlertCase):
	def setUp(self):
		super().setUp()
		self.manager = create_user("Payments Manager")

	def test_administrator_is_notified_in_the_desk_when_nobody_else_can_be(self):
		"""As on a new site. The address that Frappe gives Administrator is nobody's."""
		frappe.db.set_value("User", {"name": ("not in", frappe.STANDARD_USERS)}, "enabled", 0)
		self.addCleanup(frappe.db.rollback)
		self.assertEqual(alerts.recipients(), [{"name": "Administrator", "email": None}])

	def test_managers_are_notified_in_the_desk_and_by_mail(self):
		alerts.notify(self.note("REC-1"))
		notifications = frappe.get_all(
			"Notification Log", {"for_user": self.manager}, ["document_name", "subject"]
		)
		self.assertEqual(notifications[0].document_name, self.alert().name)
		sent = mails_to(self.manager)[-1]
		self.assertIn(KIND, sent.subject)
		self.assertIn("REC-1", sent.html)
		self.assertIn(f"/payment-alert/{self.alert().name}", sent.html)

	def test_the_alert_mail_uses_the_edited_template(self):
		name = mail_templates.TEXTS["alert"][0]
		before = frappe.db.get_value("Email Template", name, ["subject", "response_html"], as_dict=True)
		texts = {"subject": "Look: {{ subject }}", "response_html": "<p>{{ records | join }}</p>"}
		frappe.db.set_value("Email Template", name, texts)
		frappe.clear_document_cache("Email Template", name)
		try:
			alerts.notify(self.note("A&B"))
		finally:
			frappe.db.set_value("Email Template", name, dict(before))
			frappe.clear_document_cache("Email Template", name)
			frappe.db.commit()
		sent = mails_to(self.manager)[-1]
		self.assertEqual(sent.subject, f"Look: {self.subject}")
		self.assertRegex(sent.html, r"<p[^>]*>A&amp;B</p>")

	def test_the_alert_mail_can_be_disabled(self):
		with payment_settings(send_alert_mails=0):
			alerts.notify(self.note("A"))
		self.assertEqual(mails_to(self.manager), [])
		self.assertTrue(frappe.db.exists("Notification Log", {"for_user": self.manager}))

	def test_a_failing_mail_server_rolls_nothing_back(self):
		"""R27."""
		invoice = create_invoice(customer())
		name, before = self.note("A"), frappe.sendmail
		frappe.db.set_value("AI Invoice", invoice.name, "description", "Written before the mail")
		frappe.sendmail = fail
		try:
			alerts.notify(name)
		finally:
			frappe.sendmail = before
		self.assertEqual(
			frappe.db.get_value("AI Invoice", invoice.name, "description"), "Written before the mail"
		)
		self.assertEqual(self.alert().status, "Open")

	def test_health_and_metrics_show_open_alerts_to_staff(self):
		self.note("A")
		with as_user(self.manager):
			answer = health_api.status()
		self.assertIn(self.subject, [row["subject"] for row in answer["alerts"]])
		self.assertEqual(answer["status"], "attention")
		self.assertIn(f'oropendola_open_alerts{{kind="{KIND}",subject="{self.subject}"', health.metrics())


class TestAlertRules(AlertCase):
	def setUp(self):
		super().setUp()
		self.code = f"gw{frappe.generate_hash(length=8)}"

	def attempts(self, **statuses: int):
		"""Finished attempts, each of another customer, at a gateway that only this test uses."""
		invoice = create_invoice(customer())
		for status, count in statuses.items():
			for _i in range(count):
				self.attempt(invoice, status, user=unique("customer"))

	def attempt(
		self, invoice, status: str, age: timedelta = timedelta(minutes=5), user: str | None = None
	) -> str:
		doc = frappe.new_doc("Payment Attempt")
		doc.name = unique("ATT")[-20:].replace("-", "").upper()
		doc.update(
			{
				"invoice": invoice.name,
				"user": user or invoice.user,
				"gateway": self.code,
				"mode": "Test",
				"status": status,
			}
		)
		doc.update(
			{
				"amount": 1,
				"currency": "INR",
				"initiated_at": now_datetime() - age,
				"idempotency_key": doc.name,
			}
		)
		doc.db_insert()
		return doc.name

	def found(self, kind: str, subject: str | None = None) -> list[Finding]:
		rows, _evaluated = alert_rules.evaluate(None)
		return [row for row in rows if row.kind == kind and row.subject == (subject or self.code)]

	def test_only_a_rate_above_its_threshold_raises_an_alert(self):
		self.attempts(Paid=9, Failed=1)
		self.assertEqual(self.found("Failed Rate"), [])
		self.attempts(Failed=1)
		self.assertIn("2 of the 11", self.found("Failed Rate")[0].summary)

	def test_abandoned_payments_have_a_rate_of_their_own(self):
		self.attempts(Paid=7, Expired=3)
		self.assertEqual(self.found("Failed Rate"), [])
		self.assertEqual(self.found("Abandoned Rate")[0].level, 30)

	def test_a_customer_who_fails_often_counts_once(self):
		self.attempts(Paid=9)
		invoice = create_invoice(customer())
		for _i in range(7):
			self.attempt(invoice, "Failed")
		self.assertEqual(self.found("Failed Rate"), [])
		self.attempts(Failed=1)
		self.assertIn("2 of the 11 customers", self.found("Failed Rate")[0].summary)

	def test_two_abandoned_flows_of_one_payment_are_one_customer_who_left(self):
		self.attempts(Paid=8, Expired=1)
		invoice = create_invoice(customer())
		for _flow in ("redirect", "upi"):
			self.attempt(invoice, "Expired")
		with payment_settings(alert_abandoned_percent=20):
			self.assertEqual(self.found("Abandoned Rate"), [])

	def test_a_customer_who_paid_in_the_end_did_not_fail(self):
		"""Also not in the rate of all gateways together, if another gateway took the money."""
		self.attempts(Paid=9)
		invoice = create_invoice(customer())
		for status in ("Failed", "Paid", "Expired"):
			self.attempt(invoice, status)
		with payment_settings(alert_failed_percent=0):
			self.assertEqual(self.found("Failed Rate"), [])
			before = self.customers_who_failed_anywhere()
			self.code = f"gw{frappe.generate_hash(length=8)}"
			self.attempt(invoice, "Failed")
			self.assertEqual(self.customers_who_failed_anywhere(), before)

	def customers_who_failed_anywhere(self) -> int:
		return analytics.customer_outcomes(now_datetime() - alert_rules.WINDOW)[1]["Failed"]

	def test_nine_customers_are_too_few_for_a_rate(self):
		self.attempts(Failed=9)
		self.assertEqual(self.found("Failed Rate"), [])

	def test_the_thresholds_come_from_the_settings(self):
		self.attempts(Paid=5, Failed=5)
		with payment_settings(alert_failed_percent=50):
			self.assertEqual(self.found("Failed Rate"), [])

	def test_gateways_with_few_payments_are_counted_together(self):
		with payment_settings(alert_failed_percent=0):
			self.attempts(Failed=10)
			self.assertTrue(self.found("Failed Rate", ALL))

	def test_a_payment_open_for_more_than_a_day_raises_an_alert_with_its_name(self):
		invoice = create_invoice(customer())
		old = self.attempt(invoice, "Processing", timedelta(hours=25))
		self.attempt(invoice, "Processing", timedelta(hours=23))
		self.assertEqual(self.found(KIND)[0].records, (old,))

	def test_dead_letters_raise_an_alert_with_their_names(self):
		doc = frappe.new_doc("Payment Webhook Log")
		doc.update({"gateway": self.code, "event_key": unique("event"), "status": "Dead"})
		doc.db_insert()
		self.assertEqual(self.found("Dead Letters")[0].records, (doc.name,))

	def test_a_new_dead_letter_is_sent_although_the_count_is_the_same(self):
		"""R24: the count is the same, the record is another."""
		sent = [self.dead_letter_is_sent()]
		self.subject = self.code
		self.an_hour_passes()
		frappe.db.set_value("Payment Webhook Log", {"gateway": self.code}, "status", "Processed")
		sent.append(self.dead_letter_is_sent())
		self.an_hour_passes()
		alerts.evaluate()
		self.assertEqual(sent, [True, True])
		self.assertEqual((self.alert().times_told, self.alert().status), (2, "Open"))

	def dead_letter_is_sent(self) -> bool:
		doc = frappe.new_doc("Payment Webhook Log")
		doc.update({"gateway": self.code, "event_key": unique("event"), "status": "Dead"})
		doc.db_insert()
		raised = alerts.evaluate()
		return frappe.db.get_value("Payment Alert", {"subject": self.code}, "name") in raised

	def test_an_invariant_violation_is_reported_once_across_alerts(self):
		rows = alert_rules.invariant_violations(
			{"some_rule": ["A", "B"], "other_rule": ["B"]}, already_listed={"B"}
		)
		self.assertEqual([(row.subject, row.records) for row in rows], [("some_rule", ("A",))])

	def test_an_alert_rule_that_fails_closes_no_alert(self):
		before = dict(alert_rules.RULES)
		alert_rules.RULES.clear()
		alert_rules.RULES[fail] = (KIND,)
		try:
			self.assertEqual(alert_rules.evaluate(None), ([], set()))
		finally:
			alert_rules.RULES.clear()
			alert_rules.RULES.update(before)


class TestGatewayAlerts(AlertCase):
	def setUp(self):
		super().setUp()
		self.settings = enable_gateway("payu")
		self.addCleanup(circuit_breaker.report_success, "payu")
		circuit_breaker.report_success("payu")

	def kinds(self) -> list[str]:
		return [row.kind for row in alert_rules.gateways() if row.subject == self.settings.label]

	def test_refused_credentials_raise_an_alert_until_a_call_succeeds(self):
		circuit_breaker.report_failure("payu", CredentialsRefused("The key is wrong."))
		self.assertEqual(self.kinds(), ["Keys Refused"])
		circuit_breaker.report_success("payu")
		self.assertEqual(self.kinds(), [])

	def test_repeated_failures_of_a_gateway_raise_an_alert_and_one_does_not(self):
		circuit_breaker.report_failure("payu", NotSent("No answer."))
		self.assertEqual(self.kinds(), [])
		for _i in range(circuit_breaker.FAILURES_TO_OPEN):
			circuit_breaker.report_failure("payu", NotSent("No answer."))
		self.assertEqual(self.kinds(), ["Gateway Degraded"])

	def test_a_disabled_gateway_raises_no_alert(self):
		circuit_breaker.report_failure("payu", CredentialsRefused("The key is wrong."))
		frappe.db.set_value("Payment Gateway Settings", self.settings.name, "enabled", 0)
		self.addCleanup(frappe.db.set_value, "Payment Gateway Settings", self.settings.name, "enabled", 1)
		self.assertEqual(self.kinds(), [])


def fail(*args, **kwargs):
	raise ConnectionError("The server is down.")
