"""Only staff and holders of the token may read the metrics."""

import frappe
from frappe.utils.password import remove_encrypted_password, set_encrypted_password

from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import create_user
from oropendola_payments.tests.support.http import call

SETTINGS = "Payment Settings"
TOKEN = "a-made-up-metrics-token"


class TestMetrics(TestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.people = {
			"guest": None,
			"customer": create_user(),
			"auditor": create_user("Payments Auditor"),
			"manager": create_user("Payments Manager"),
		}
		cls.addClassCleanup(cls.forget_token)

	@classmethod
	def forget_token(cls):
		remove_encrypted_password(SETTINGS, SETTINGS, "metrics_token")
		frappe.db.commit()

	def check(self, table: dict):
		"""(who, token sent) -> status."""
		for (who, token), status in table.items():
			with self.subTest(who=who, token=token):
				headers = {} if token is None else {"X-Metrics-Token": token}
				answer = call("health.metrics", self.people[who], method="GET", headers=headers)
				self.assertEqual(answer.status_code, status, answer.text[:300])
				self.assertEqual("oropendola_" in answer.text, status == 200)

	def test_only_the_exact_token_is_accepted(self):
		set_encrypted_password(SETTINGS, SETTINGS, TOKEN, "metrics_token")
		refused = (None, "", " ", "*" * len(TOKEN), TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "é", "null")
		self.check({("guest", token): 403 for token in refused})
		self.check({("customer", None): 403, ("customer", "wrong"): 403})
		self.check({("guest", TOKEN): 200, ("customer", TOKEN): 200})

	def test_staff_need_no_token_and_a_wrong_token_is_refused(self):
		set_encrypted_password(SETTINGS, SETTINGS, TOKEN, "metrics_token")
		self.check({("auditor", None): 200, ("manager", None): 200, ("manager", "wrong"): 403})

	def test_without_a_stored_token_every_token_is_refused(self):
		"""S6: an empty secret is as bad as no check."""
		self.forget_token()
		self.check({("guest", token): 403 for token in (None, "", "None", "*", TOKEN)})
		self.check({("auditor", None): 200})

	def test_the_stored_token_is_not_readable_in_the_record(self):
		"""S15."""
		doc = frappe.get_doc(SETTINGS)
		doc.metrics_token = TOKEN
		doc.save(ignore_permissions=True)
		frappe.db.commit()
		stored = frappe.db.get_singles_dict(SETTINGS)
		self.assertNotIn(TOKEN, frappe.as_json(stored))
		self.check({("guest", TOKEN): 200, ("guest", "*" * len(TOKEN)): 403})
