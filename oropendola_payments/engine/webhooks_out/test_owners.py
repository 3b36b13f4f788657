"""An endpoint works while somebody answers for it: its customer, or a manager who is one still."""

import frappe

from oropendola_payments.engine.jobs import webhook_jobs
from oropendola_payments.engine.notifications import webhook_mails
from oropendola_payments.engine.webhooks_out import endpoints
from oropendola_payments.exceptions import Conflict
from oropendola_payments.tests.support.factories import as_user, create_user
from oropendola_payments.tests.support.outbox import mails_stay_queued, mails_to
from oropendola_payments.tests.support.receiver import WebhookTestCase


class TestOwners(WebhookTestCase):
	def setUp(self):
		super().setUp()
		self.manager, self.other = create_user("Payments Manager"), create_user("Payments Manager")
		with as_user(self.manager):
			self.made_for_all = endpoints.create(None, self.receiver.url, ["invoice.paid"])
		self.made.append(self.made_for_all["endpoint"])

	def leave(self, user: str, **values):
		"""The user loses the role, or gets these values."""
		if values:
			frappe.db.set_value("User", user, values)
		else:
			frappe.db.delete("Has Role", {"parent": user, "role": "Payments Manager"})
		frappe.clear_cache(user=user)
		frappe.db.commit()

	def state(self, endpoint: dict) -> tuple:
		doc = self.doc(endpoint)
		return doc.status, doc.disabled_reason or ""

	def test_a_manager_who_left_gets_nothing_more_and_the_sweep_disables_the_endpoint(self):
		"""W17: the role was removed, or the user disabled."""
		for values in ({}, {"enabled": 0}):
			with self.subTest(values):
				self.announce()
				self.leave(self.manager, **values)
				self.assertEqual((self.send(self.made_for_all), self.receiver.received), (0, []))
				webhook_jobs.run_webhooks()
				self.assertEqual(self.state(self.made_for_all), ("Disabled", "Manager Left"))
				with as_user(self.other):
					endpoints.enable(self.made_for_all["endpoint"])
				self.manager, self.other = self.other, create_user("Payments Manager")

	def test_another_manager_takes_the_endpoint_over_by_enabling_it(self):
		"""W17"""
		self.leave(self.manager)
		endpoints.disable_left()
		with as_user(self.other):
			endpoints.enable(self.made_for_all["endpoint"])
		self.assertEqual(self.doc(self.made_for_all).made_by, self.other)
		self.assertEqual(endpoints.disable_left(), [])
		self.announce()
		self.assertEqual(self.send(self.made_for_all), 1)

	def test_all_managers_are_told_and_the_audit_trail_says_why(self):
		self.leave(self.manager)
		endpoints.disable_left()
		with mails_stay_queued():
			webhook_mails.send("webhook_disabled", self.made_for_all["endpoint"])
		self.assertIn(self.manager, mails_to(self.other)[0].html)
		self.assertEqual(mails_to(self.manager), [])
		rows = frappe.get_all(
			"Payment Event", {"reference_name": self.made_for_all["endpoint"]}, ["event", "details"]
		)
		details = {row.event: frappe.parse_json(row.details) for row in rows}
		self.assertEqual(details["webhook_endpoint_disabled"]["reason"], "Manager Left")

	def test_the_endpoint_of_a_customer_who_cannot_log_in_is_disabled_and_cannot_be_enabled(self):
		"""W17"""
		endpoint = self.endpoint()
		self.announce()
		self.leave(self.user, enabled=0)
		self.assertEqual(self.send(endpoint), 0)
		self.assertEqual(endpoints.disable_left(), [endpoint["endpoint"]])
		self.assertEqual(self.state(endpoint), ("Disabled", "Customer Left"))
		with self.assertRaises(Conflict):
			endpoints.enable(endpoint["endpoint"])

	def test_endpoints_whose_owner_is_there_stay(self):
		mine, everybodys = self.endpoint(), self.endpoint(user=None)
		self.assertEqual(endpoints.disable_left(), [])
		for endpoint in (mine, everybodys, self.made_for_all):
			self.assertEqual(self.state(endpoint), ("Active", ""))
