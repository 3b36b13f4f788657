"""A pack is bought with an invoice like any other: at the price of the pack, once for two clicks, and its credits come with the money."""

import frappe
from frappe.utils import add_days

from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import OPEN as OPEN_ATTEMPTS
from oropendola_payments.ai_billing.periods import today
from oropendola_payments.api import payment
from oropendola_payments.engine.ending import now as ending
from oropendola_payments.engine.monitoring import audit
from oropendola_payments.engine.top_ups import buy, packs
from oropendola_payments.exceptions import BadRequest, Conflict, NotFound, Unprocessable
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.credits import (
	buy_pack,
	create_pack,
	credits_of,
	grant_of,
	ledger,
	problems,
)
from oropendola_payments.tests.support.factories import (
	as_user,
	create_active_subscription,
	create_plan,
	create_user,
	enable_gateway,
	payment_settings,
)
from oropendola_payments.tests.support.parallel import in_parallel
from oropendola_payments.tests.support.simulated import deliver_return, open_pay_page, simulator


class PackCase(TestCase):
	def setUp(self):
		self.subscription = create_active_subscription()
		self.user = self.subscription.user
		self.pack = create_pack()

	def invoice(self, **options):
		return frappe.get_doc("AI Invoice", buy.buy(self.user, self.pack.name, **options)["invoice_id"])

	def tearDown(self):
		self.assertEqual(problems(self.user), [])


class TestBuying(PackCase):
	def test_a_pack_is_paid_at_a_gateway_like_any_invoice_and_brings_its_credits_once(self):
		invoice, sim = self.invoice(), simulator()
		enable_gateway("payu")
		sim.webhooks.take("payu")
		with as_user(self.user):
			answer = payment.initiate_payment(invoice_id=invoice.name, gateway="payu")
		open_pay_page(answer)
		self.assertEqual(credits_of(self.user), 0, "nothing before the payment")
		back = sim.pay("payu", answer["attempt"], outcome="success")
		for _time in range(2):
			deliver_return(back)
		invoice.reload()
		grant = grant_of(invoice)
		self.assertEqual((invoice.status, bool(invoice.fulfilled_on)), ("Paid", True))
		self.assertEqual(grant.valid_until, add_days(today(), 365))
		self.assertEqual(ledger(self.user), [("Granted", 1000)])
		self.assertIn(
			"credits_granted", frappe.get_all("Payment Event", {"invoice": invoice.name}, pluck="event")
		)
		self.assertIsNone(audit.verify(invoice.name)["broken"])

	def test_the_price_is_the_packs_with_tax_on_top(self):
		with payment_settings(tax_rate=18, tax_label="GST", prices_include_tax=0):
			invoice = self.invoice()
		self.assertEqual((float(invoice.net_amount), float(invoice.tax_amount)), (499, 89.82))
		self.assertEqual((invoice.purpose, invoice.subscription, invoice.plan), ("Top-up", None, None))

	def test_a_second_click_gets_the_same_invoice_and_a_new_one_after_it_is_paid(self):
		first = self.invoice()
		self.assertEqual(self.invoice().name, first.name)
		buy_pack(self.user, self.pack)
		self.assertNotEqual(self.invoice().name, first.name)

	def test_ten_clicks_at_once_make_one_invoice(self):
		results = in_parallel(10, lambda _click: buy.buy(self.user, self.pack.name)["invoice_id"])
		self.assertEqual(len({str(result) for result in results}), 1, results)

	def test_what_was_ordered_is_what_comes_although_the_pack_was_edited_meanwhile(self):
		invoice = self.invoice()
		self.pack.update({"units": 5, "validity_days": 1})
		self.pack.save(ignore_permissions=True)
		frappe.db.commit()
		from oropendola_payments.engine.settlement import manual_payment
		from oropendola_payments.tests.support.factories import unique

		manual_payment.record_payment(invoice.name, invoice.total(), unique("transfer"), None, None)
		self.assertEqual(credits_of(self.user), 1000)

	def test_an_open_invoice_that_no_longer_matches_the_pack_is_replaced(self):
		first = self.invoice()
		self.pack.price = 599
		self.pack.save(ignore_permissions=True)
		frappe.db.commit()
		second = self.invoice()
		first.reload()
		self.assertEqual((first.status, second.total()), ("Cancelled", 599))

	def test_credits_without_a_limit_of_days_do_not_expire(self):
		self.pack = create_pack(validity_days=0)
		invoice = buy_pack(self.user, self.pack)
		self.assertIsNone(grant_of(invoice).valid_until)

	def test_a_pack_is_sold_in_the_currencies_it_has_a_price_in(self):
		self.pack = create_pack(prices=[{"currency": "USD", "price": 6}])
		self.assertEqual((self.invoice(currency="USD").currency, self.invoice().currency), ("USD", "USD"))
		with self.assertRaises(BadRequest):
			self.invoice(currency="EUR")

	def test_a_quote_says_what_it_costs_and_changes_nothing(self):
		before = frappe.db.count("AI Invoice")
		quoted = buy.quote(self.user, self.pack.name)
		self.assertEqual((quoted["credits"], quoted["total_amount"], quoted["missing"]), (1000, 499, []))
		self.assertEqual(frappe.db.count("AI Invoice"), before)

	def test_an_attempt_on_a_top_up_can_be_open_while_the_plan_is_renewed(self):
		"""Neither invoice closes the other."""
		from oropendola_payments.engine.subscriptions import renewal

		enable_gateway("payu")
		invoice = self.invoice()
		with as_user(self.user):
			payment.initiate_payment(invoice_id=invoice.name, gateway="payu")
		renewal.renew(self.user)
		self.assertTrue(
			frappe.db.exists("Payment Attempt", {"invoice": invoice.name, "status": ("in", OPEN_ATTEMPTS)})
		)


class TestWhoMayBuy(PackCase):
	def refused(self, error: type[Exception], user: str | None = None):
		before = frappe.db.count("AI Invoice")
		with self.assertRaises(error):
			buy.buy(user or self.user, self.pack.name)
		frappe.db.rollback()
		self.assertEqual(frappe.db.count("AI Invoice"), before)

	def test_without_a_subscription_that_is_served_nobody_buys_credits(self):
		self.refused(Conflict, create_user())
		ending.end(self.subscription.name)
		frappe.db.commit()
		self.refused(Conflict)

	def test_a_pack_for_other_plans_is_refused(self):
		self.pack = create_pack(plans=[{"plan": create_plan(plan_name="Pro").name}])
		self.refused(Unprocessable)
		self.pack = create_pack(plans=[{"plan": self.subscription.plan}])
		self.assertEqual(self.invoice().total(), 499)

	def test_an_inactive_or_unknown_pack_is_refused(self):
		self.pack = create_pack(is_active=0)
		self.refused(Unprocessable)
		with self.assertRaises(NotFound):
			buy.buy(self.user, "no-such-pack")

	def test_the_list_says_which_packs_the_customer_can_buy(self):
		other = create_pack(plans=[{"plan": create_plan(plan_name="Pro").name}])
		hidden = create_pack(is_active=0)
		listed = {row["pack_id"]: row["can_buy"] for row in packs.listed(None, self.user)}
		self.assertEqual((listed[self.pack.name], listed[other.name]), (True, False))
		self.assertNotIn(hidden.name, listed)
		self.assertFalse(any(row["can_buy"] for row in packs.listed("INR", None)))


class TestPacks(TestCase):
	def test_a_pack_without_credits_a_price_or_a_clean_name_cannot_be_saved(self):
		for wrong in (
			{"units": 0},
			{"price": 0},
			{"pack_id": "Big Pack"},
			{"validity_days": 9999},
			{"price": 1.005},
		):
			with self.assertRaises(frappe.ValidationError, msg=str(wrong)):
				create_pack(**wrong)
			frappe.db.rollback()

	def test_an_invoice_made_by_hand_takes_its_credits_from_the_pack(self):
		pack, user = create_pack(), create_user()
		values = {
			"user": user,
			"purpose": "Top-up",
			"currency": "INR",
			"net_amount": 100,
			"credit_units": 99_999,
		}
		with self.assertRaises(frappe.ValidationError):
			frappe.get_doc({"doctype": "AI Invoice", **values}).insert(ignore_permissions=True)
		invoice = frappe.get_doc({"doctype": "AI Invoice", **values, "credit_pack": pack.name})
		invoice.insert(ignore_permissions=True)
		self.assertEqual((invoice.credit_units, invoice.credit_days), (1000, 365))
