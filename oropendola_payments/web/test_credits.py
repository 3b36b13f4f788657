"""Customers buy a pack on the billing page, pay it at the checkout, and see every credit on the page of their wallet."""

import re

import frappe

from oropendola_payments.engine.notifications import credit_mails
from oropendola_payments.engine.wallet import draw
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.credits import buy_pack, create_pack, credits_of, give, use_up_the_day
from oropendola_payments.tests.support.factories import (
	create_active_subscription,
	create_plan,
	create_user,
	payment_settings,
)
from oropendola_payments.tests.support.outbox import mails_stay_queued, mails_to
from oropendola_payments.tests.support.pages import page
from oropendola_payments.web.test_coupons import use_our_mail_texts


class PageCase(TestCase):
	def setUp(self):
		self.plan = create_plan(plan_name="Starter")
		self.subscription = create_active_subscription(plan=self.plan)
		self.user = self.subscription.user
		self.pack = create_pack(
			pack_name="Many <b>credits</b>", plans=[{"plan": self.plan.name}], description="A bargain"
		)

	def text(self, path: str, user: str | None = None) -> str:
		answer = page(path, user or self.user)
		self.assertEqual(answer.status_code, 200, answer.text[:300])
		return re.sub(r"\s+", " ", answer.text)

	def buy(self, path: str = "/billing", pack: str | None = None):
		data = {"action": "buy_pack", "pack": pack or self.pack.name}
		answer = page(path, self.user, method="POST", data=data)
		frappe.db.rollback()
		return answer


class TestBuyingOnThePages(PageCase):
	def test_a_pack_is_bought_from_the_billing_page_without_a_script(self):
		text = self.text("/billing")
		self.assertIn("Many &lt;b&gt;credits&lt;/b&gt;", text)
		self.assertIn("₹499.00", text)
		answer = self.buy()
		invoice = frappe.db.get_value("AI Invoice", {"user": self.user, "purpose": "Top-up"})
		self.assertEqual((answer.status_code, answer.location), (303, f"/checkout?invoice={invoice}"))
		self.assertEqual(self.buy("/credits").location, answer.location, "a second click orders nothing more")
		checkout = self.text(f"/checkout?invoice={invoice}")
		self.assertIn("1,000 credits. Valid for 365 days.", checkout)

	def test_a_pack_that_is_not_sold_is_refused_with_the_reason(self):
		other = create_pack(plans=[{"plan": create_plan().name}])
		self.assertNotIn(other.name, self.text("/billing"))
		self.assertEqual(self.buy(pack=other.name).location, "/billing")
		self.assertIn("is not sold with your plan", self.text("/billing"))

	def test_credits_say_for_which_plans_they_are_and_that_they_wait_under_another_one(self):
		buy_pack(self.user, self.pack)
		text = self.text("/billing")
		self.assertIn("only with Starter", text)
		self.assertIn("Its credits can be used only with Starter.", text)
		self.assertNotIn("cannot be used with your plan", text)
		frappe.db.set_value("AI Subscription", self.subscription.name, "plan", create_plan().name)
		frappe.db.commit()
		self.assertIn("1,000 of these credits cannot be used with your plan.", self.text("/credits"))

	def test_the_page_says_what_was_used_without_credits(self):
		give(self.user, 2)
		self.assertNotIn("more than you had", self.text("/billing"))
		draw.draw_up_to(self.user, self.plan.name, 3500, self.subscription.name)
		frappe.db.commit()
		for path in ("/billing", "/credits"):
			self.assertIn("You used 1.5 credits more than you had.", self.text(path))

	def test_the_result_page_of_a_paid_pack_leads_to_the_wallet(self):
		invoice = buy_pack(self.user, self.pack)
		text = self.text(f"/payment-result?invoice={invoice.name}")
		self.assertIn("Added to your account: 1,000 credits", text)
		self.assertIn('href="/credits"', text)

	def test_a_site_without_packs_says_nothing_about_credits(self):
		self.pack.is_active = 0
		self.pack.save(ignore_permissions=True)
		frappe.db.commit()
		self.assertNotIn('id="credits"', self.text("/billing"))
		self.assertIn("You have no credits", self.text("/credits"))

	def test_from_eighty_percent_on_the_page_suggests_credits_until_there_are_some(self):
		self.assertNotIn("With credits your API key", self.text("/billing"))
		frappe.db.set_value("AI Subscription", self.subscription.name, "daily_quota_remaining", 15)
		frappe.db.commit()
		self.assertIn("85% of a limit of Starter is used.", self.text("/billing"))
		use_up_the_day(self.subscription)
		self.assertIn("A limit of Starter is used up.", self.text("/billing"))
		give(self.user, 5)
		self.assertNotIn("With credits your API key", self.text("/billing"))


class TestTheWallet(PageCase):
	def test_the_wallet_shows_balance_validity_and_every_line_with_its_reason(self):
		grant = give(self.user, 12, 30)
		text = self.text("/credits")
		self.assertIn("12 left", text)
		self.assertIn("12 of 12 credits", text)
		self.assertIn("+12", text)
		self.assertIn("For a test", text)
		self.assertIn(str(grant.valid_until.year), text)

	def test_the_pack_of_an_offer_comes_first(self):
		other = create_pack(pack_name="Second", sort_order=9, plans=[{"plan": self.plan.name}])
		text = self.text(f"/credits?pack={other.name}")
		self.assertLess(text.index(f'value="{other.name}"'), text.index(f'value="{self.pack.name}"'))

	def test_long_ledgers_have_pages(self):
		for _number in range(21):
			give(self.user, 1)
		self.assertIn("/credits?page=2", self.text("/credits"))
		self.assertIn("/credits?page=1", self.text("/credits?page=2"))

	def test_guests_log_in_first_and_others_see_their_own_wallet(self):
		give(self.user, 77)
		answer = page("/credits")
		self.assertIn("/login?redirect-to=/credits", answer.location)
		self.assertNotIn(
			"77", re.sub(r"<[^>]*>", "", self.text("/credits", create_user()).split("<main")[-1])
		)

	def test_a_get_buys_nothing(self):
		self.text(f"/credits?action=buy_pack&pack={self.pack.name}")
		self.assertFalse(frappe.db.exists("AI Invoice", {"user": self.user, "purpose": "Top-up"}))

	def test_the_mail_says_what_was_bought_and_until_when(self):
		use_our_mail_texts("credits_bought")
		invoice = buy_pack(self.user, self.pack)
		capture = frappe.get_last_doc("Payment Capture", {"invoice": invoice.name})
		with mails_stay_queued(), payment_settings(send_payment_mails=1):
			credit_mails.credits_bought(invoice, capture)
		mail = mails_to(self.user)[-1]
		self.assertIn("1,000 credits were added", mail.html)
		self.assertEqual(mail.subject, f"1,000 credits were added: {invoice.name}")
		self.assertEqual(credits_of(self.user), 1000)
