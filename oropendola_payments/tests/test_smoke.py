import frappe

from oropendola_payments.api import payment, subscription
from oropendola_payments.compat import TestCase
from oropendola_payments.engine import invariants
from oropendola_payments.tests.factories import as_user, create_plan, create_user, enable_gateway
from oropendola_payments.tests.simulated import bring_back, deliver, open_pay_page, simulator


class TestSmoke(TestCase):
	def test_a_new_customer_pays_and_is_served(self):
		sim = simulator()
		enable_gateway("payu")
		user, plan = create_user(), create_plan()
		with as_user(user):
			made = subscription.create_subscription_and_invoice(plan_id=plan.name)
			self.assertTrue(made["success"], made)
			started = payment.initiate_payment(invoice_id=made["invoice_id"], gateway="payu")
		self.assertTrue(started["success"], started)
		open_pay_page(started)
		back = sim.pay("payu", started["attempt"])
		answer = bring_back(back)
		self.assertEqual(answer.status_code, 303)
		with as_user(user):
			mine = subscription.get_my_subscription()
		print(mine)
		self.assertEqual(mine["subscription"]["status"], "Active")
		print([deliver(d) for d in sim.webhooks.take("payu")])
		print(invariants.check())
		inv = frappe.get_doc("AI Invoice", made["invoice_id"])
		self.assertEqual(inv.status, "Paid")
