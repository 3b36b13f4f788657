"""A customer is told once for each window that a limit is nearly or wholly used up."""

from datetime import timedelta

import frappe
from frappe.utils import now_datetime

from oropendola_payments.ai_billing.current import forget
from oropendola_payments.engine.jobs import usage_jobs
from oropendola_payments.engine.metering import leases, usage
from oropendola_payments.engine.metering.test_quota import limit
from oropendola_payments.engine.metering.test_usage import served_customer
from oropendola_payments.engine.usage_ledger.test_events import LedgerCase
from oropendola_payments.exceptions import QuotaUsedUp
from oropendola_payments.tests.flows.test_statement_budgets import counted_statements
from oropendola_payments.tests.support import another_app
from oropendola_payments.tests.support.crashes import crashing
from oropendola_payments.tests.support.credits import buy_pack, create_pack, give
from oropendola_payments.tests.support.factories import create_plan
from oropendola_payments.tests.support.outbox import mails_stay_queued, mails_to
from oropendola_payments.tests.support.parallel import in_parallel
from oropendola_payments.web.test_coupons import use_our_mail_texts

ALERT = "AI Usage Alert"


class AlertCase(LedgerCase):
	plan = {"limits": [limit(1000, "Tokens", "Month"), limit(10, "Requests", "Minute")]}

	def setUp(self):
		frappe.db.delete(ALERT, {"subscription": self.doc.name})
		super().setUp()

	def take(self, requests: int = 1, tokens: int = 0):
		usage.consume(self.key, requests, None, tokens)
		frappe.db.commit()

	def alerts(self) -> list[tuple]:
		rows = frappe.get_all(
			ALERT, {"subscription": self.doc.name}, ["limit_name", "percent", "status"], order_by="percent"
		)
		return [(row.limit_name, row.percent, row.status) for row in rows]

	def mails(self) -> list:
		return mails_to(self.doc.user)


class TestNoting(AlertCase):
	def test_the_call_that_crosses_a_threshold_notes_it(self):
		self.take(tokens=799)
		self.assertEqual(self.alerts(), [])
		self.take(tokens=1)
		self.assertEqual(self.alerts(), [("tokens:month", 80, "Planned")])
		self.take(tokens=200)
		self.assertEqual(self.alerts(), [("tokens:month", 80, "Planned"), ("tokens:month", 100, "Planned")])

	def test_the_daily_requests_are_noted_too(self):
		doc, key = served_customer(requests_limit_per_day=10)
		usage.consume(key, 7)
		self.assertFalse(frappe.db.exists(ALERT, {"subscription": doc.name}))
		usage.consume(key, 3)
		frappe.db.commit()
		percents = frappe.get_all(ALERT, {"subscription": doc.name}, pluck="percent", order_by="percent")
		self.assertEqual(percents, [80, 100])

	def test_a_limit_of_a_minute_sends_nothing(self):
		self.take(requests=10)
		self.assertEqual(self.alerts(), [])

	def test_a_refused_call_notes_nothing(self):
		self.fails(QuotaUsedUp, usage.consume, self.key, 1, None, 1001)
		self.assertEqual(self.alerts(), [])

	def test_a_lease_notes_what_it_takes(self):
		doc, key = served_customer(requests_limit_per_day=2)
		leases.grant(key, 1, 30, None, None, None)
		leases.grant(key, 1, 30, None, None, None)
		frappe.db.commit()
		self.assertEqual(frappe.db.count(ALERT, {"subscription": doc.name}), 2)

	def test_tokens_that_are_settled_later_count(self):
		self.reserve("e-1", 1, (500, 0), model=None)
		self.settle("e-1", 900, 0)
		self.assertEqual(self.alerts(), [("tokens:month", 80, "Planned")])

	def test_crossing_a_threshold_again_in_the_same_window_notes_it_once(self):
		"""U17"""
		for event_id in ("e-1", "e-2"):
			self.reserve(event_id, 1, (900, 0), model=None)
			self.release(event_id)
		self.assertEqual(self.alerts(), [("tokens:month", 80, "Planned")])

	def test_parallel_calls_note_a_threshold_once(self):
		"""U17"""
		results = in_parallel(8, lambda _number: self.take(tokens=110))
		self.assertEqual([r for r in results if isinstance(r, Exception)], [])
		self.assertEqual(self.alerts(), [("tokens:month", 80, "Planned")])

	def test_a_call_that_crosses_nothing_takes_no_further_statement(self):
		self.take(tokens=1)
		with counted_statements() as seen:
			self.take(tokens=1)
		self.assertEqual([s for s in seen if ALERT in s], [])


class TestTelling(AlertCase):
	def setUp(self):
		type(self).doc, type(self).key = served_customer(requests_limit_per_day=100, **self.plan)
		super().setUp()
		self.enterContext(mails_stay_queued())

	def test_the_customer_gets_one_mail_and_the_audit_trail_one_event(self):
		"""U17"""
		self.take(tokens=850)
		for _time in range(2):
			usage_jobs.run_usage_alerts()
		(mail,) = self.mails()
		self.assertIn("850 of the 1,000 tokens", mail.html)
		self.assertIn(f"/usage?subscription={self.doc.name}", mail.html)
		self.assertEqual(self.alerts(), [("tokens:month", 80, "Sent")])
		event = {"event": "usage_threshold_reached", "invoice": self.doc.current_invoice}
		self.assertEqual(frappe.db.count("Payment Event", event), 1)

	def mail_about_all_used(self) -> str:
		use_our_mail_texts("usage_threshold")
		self.take(tokens=1000)
		usage_jobs.run_usage_alerts()
		(mail,) = self.mails()
		return mail.html

	def test_without_credits_the_mail_says_that_calls_are_refused(self):
		html = self.mail_about_all_used()
		self.assertIn("Calls are refused until", html)
		self.assertNotIn("credits", html)

	def test_a_customer_with_credits_is_not_told_that_calls_are_refused(self):
		give(self.doc.user, 5)
		html = self.mail_about_all_used()
		self.assertIn("Further calls use your credits.", html)
		self.assertNotIn("refused", html)

	def test_credits_for_another_plan_do_not_count_in_the_mail(self):
		buy_pack(self.doc.user, create_pack(plans=[{"plan": self.doc.plan}]))
		frappe.db.set_value("AI Subscription", self.doc.name, "plan", create_plan(**self.plan).name)
		self.assertIn("Calls are refused until", self.mail_about_all_used())

	def test_of_two_thresholds_at_once_only_the_higher_is_mailed(self):
		self.take(tokens=1000)
		usage_jobs.run_usage_alerts()
		(mail,) = self.mails()
		self.assertIn("used all 1,000 tokens", mail.html)
		self.assertEqual(self.alerts(), [("tokens:month", 80, "Skipped"), ("tokens:month", 100, "Sent")])

	def test_a_window_that_is_over_sends_nothing(self):
		self.take(tokens=850)
		past = now_datetime() - timedelta(minutes=1)
		frappe.db.set_value(ALERT, {"subscription": self.doc.name}, "window_ends_at", past)
		frappe.db.commit()
		usage_jobs.run_usage_alerts()
		self.assertEqual((self.mails(), self.alerts()[0][2]), ([], "Skipped"))

	def test_a_switch_in_payment_settings_stops_the_mails(self):
		frappe.db.set_single_value("Payment Settings", "send_usage_mails", 0)
		frappe.db.commit()
		self.addCleanup(frappe.db.commit)
		self.addCleanup(forget, "Payment Settings")
		self.addCleanup(frappe.db.set_single_value, "Payment Settings", "send_usage_mails", 1)
		forget("Payment Settings")
		self.take(tokens=850)
		usage_jobs.run_usage_alerts()
		self.assertEqual((self.mails(), self.alerts()[0][2]), ([], "Sent"))

	def test_other_apps_are_told_too(self):
		app = f"{another_app.THIS}.usage_threshold_reached"
		self.take(tokens=850)
		with another_app.another_app(usage_threshold_reached=[app]):
			usage_jobs.run_usage_alerts()
			calls = list(another_app.hook_calls)
		self.assertEqual(calls, [("usage_threshold_reached", self.doc.name, "tokens:month", 80)])

	def test_a_crash_while_telling_sends_at_most_one_mail(self):
		"""U17"""
		self.take(tokens=850)
		for point in range(1, 6):
			with crashing(at=point):
				usage_jobs.run_usage_alerts()
		usage_jobs.run_usage_alerts()
		self.assertEqual(self.alerts(), [("tokens:month", 80, "Sent")])
		self.assertLessEqual(len(self.mails()), 1)
