"""Trials of an older release are remembered, and the patch can be repeated."""

import frappe

from oropendola_payments.engine.subscriptions import lifecycle
from oropendola_payments.engine.trials import claims
from oropendola_payments.patches import fill_trial_claims
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import create_plan, create_user


class TestFillTrialClaims(TestCase):
	def test_a_customer_with_an_earlier_trial_gets_no_second_one_under_another_name(self):
		user, plan = create_user(), create_plan(trial_days=7)
		lifecycle.subscribe(user, plan.name, None)
		frappe.db.delete("AI Trial Claim", {"user": user})
		other = create_user()
		frappe.db.set_value("User", other, "email", user.replace("@", "+b@"))
		frappe.db.commit()
		self.assertTrue(claims.may_have_trial(other, plan))
		for _run in range(2):
			fill_trial_claims.execute()
		frappe.db.commit()
		self.assertFalse(claims.may_have_trial(other, plan))
		self.assertEqual(frappe.db.count("AI Trial Claim", {"user": user}), 2)
