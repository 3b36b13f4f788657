"""A refusal that money solves says what to buy and where; an answer near the end of the quota suggests it."""

import frappe

from oropendola_payments.ai_billing.current import forget
from oropendola_payments.engine.metering.test_quota import limit
from oropendola_payments.engine.metering.test_usage import served_customer
from oropendola_payments.tests.flows.test_statement_budgets import counted_statements
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.credits import create_pack, give, use_up_the_day
from oropendola_payments.tests.support.factories import create_plan, payment_settings
from oropendola_payments.tests.support.http import call, message


class OfferCase(TestCase):
	plan: dict = {}

	def setUp(self):
		for doctype in ("AI Credit Pack", "AI Plan"):
			self.take_off_sale(doctype)
		self.doc, self.key = served_customer(**self.plan)

	def take_off_sale(self, doctype: str):
		"""What others sell is not offered here."""
		names = frappe.get_all(doctype, {"is_active": 1}, pluck="name")
		self.set_active(doctype, names, 0)
		self.addCleanup(self.set_active, doctype, names, 1)

	def set_active(self, doctype: str, names: list[str], active: int):
		if names:
			frappe.db.set_value(doctype, {"name": ("in", names)}, "is_active", active)
		forget(doctype)
		frappe.db.commit()

	def post(self, endpoint: str = "consume", **data):
		data = data or {"requests": 1}
		return call(f"usage.{endpoint}", headers={"X-API-Key": self.key}, json=data)

	def refusal(self, status: int = 429, endpoint: str = "consume", **data) -> dict:
		answer = self.post(endpoint, **data)
		self.assertEqual(answer.status_code, status, answer.text[:300])
		return message(answer)


class TestOffers(OfferCase):
	def test_a_used_up_day_offers_the_cheapest_pack_and_a_bigger_plan(self):
		create_pack(price=999, sort_order=2)
		pack = create_pack(price=499, sort_order=1)
		bigger = create_plan(plan_name="Pro", price=999, requests_limit_per_day=0)
		create_plan(plan_name="Small", price=99, requests_limit_per_day=10)
		use_up_the_day(self.doc)
		for endpoint in ("consume", "lease"):
			refusal = self.refusal(endpoint=endpoint)
			offer = refusal["offer"]
			self.assertEqual(
				(offer["code"], offer["pack_id"], offer["credits"], offer["price"], offer["currency"]),
				("buy_credits", pack.name, 1000, 499, "INR"),
			)
			self.assertTrue(offer["url"].endswith(f"/credits?pack={pack.name}"), offer)
			(plan,) = offer["alternatives"]
			self.assertEqual(
				(plan["code"], plan["plan_id"], plan["price"]), ("change_plan", bigger.name, 999)
			)
			self.assertIn(f"/change-plan?plan={bigger.name}", plan["url"])
			self.assertGreater(refusal["retry_after"], 0, "waiting helps too")

	def test_the_offer_is_in_the_currency_the_customer_pays_in(self):
		create_pack(prices=[{"currency": "USD", "price": 6}])
		use_up_the_day(self.doc)
		frappe.db.set_value("AI Invoice", self.doc.current_invoice, "currency", "USD")
		frappe.db.commit()
		offer = self.refusal()["offer"]
		self.assertEqual((offer["price"], offer["currency"], offer["alternatives"]), (6, "USD", []))

	def test_a_pack_for_other_plans_is_not_offered(self):
		create_pack(plans=[{"plan": create_plan(price=1).name}])
		use_up_the_day(self.doc)
		self.assertNotIn("offer", self.refusal())

	def test_an_ended_subscription_is_402_and_offers_the_next_period(self):
		frappe.get_doc("AI Subscription", self.doc.name).mark_past_due()
		frappe.db.commit()
		with payment_settings(prices_include_tax=1):
			offer = self.refusal(402)["offer"]
		self.assertEqual(
			(offer["code"], offer["plan_id"], offer["price"], offer["price_includes_tax"]),
			("renew_subscription", self.doc.plan, 499, True),
		)
		self.assertTrue(offer["url"].endswith("/billing"))

	def test_an_unknown_key_gets_no_offer(self):
		create_pack()
		self.key = "oro_nonsense"
		self.assertNotIn("offer", self.refusal(401))

	def test_a_proxy_gets_the_offer_too(self):
		create_pack()
		use_up_the_day(self.doc)
		self.assertEqual(self.refusal(endpoint="authorize")["offer"]["code"], "buy_credits")


class TestOffersForSpeed(OfferCase):
	plan = {"limits": [limit(2, "Requests", "Minute")]}

	def test_credits_are_not_offered_where_only_a_faster_plan_helps(self):
		create_pack()
		faster = create_plan(limits=[limit(20, "Requests", "Minute")], price=999)
		self.post(requests=2)
		self.assertEqual(self.refusal()["offer"]["plan_id"], faster.name)


class TestSuggestions(OfferCase):
	def suggestion(self, used: int) -> dict | None:
		frappe.db.set_value("AI Subscription", self.doc.name, "daily_quota_remaining", 100 - used + 1)
		frappe.db.commit()
		return message(self.post()).get("suggestion")

	def test_from_eighty_percent_on_an_answer_suggests_what_to_buy(self):
		pack = create_pack()
		self.assertIsNone(self.suggestion(79))
		found = self.suggestion(80)
		self.assertEqual(
			(found["used_percent"], found["window"], found["pack_id"]), (80, "requests:day", pack.name)
		)
		self.assertEqual(self.suggestion(100)["used_percent"], 100)

	def test_who_has_credits_gets_no_suggestion(self):
		create_pack()
		give(self.doc.user, 5)
		self.assertIsNone(self.suggestion(95))

	def statements(self) -> int:
		with counted_statements() as seen:
			self.post()
		return len(seen)

	def test_a_suggestion_costs_no_statement(self):
		create_pack()
		counts = []
		for used in (10, 95, 95):
			frappe.db.set_value("AI Subscription", self.doc.name, "daily_quota_remaining", 100 - used)
			frappe.db.commit()
			self.post()
			counts.append(
				min(self.statements() for _time in range(3))
			)  # some answers are trusted for a second
		self.assertEqual(len(set(counts)), 1, counts)
