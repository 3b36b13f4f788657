"""Credits are taken when the plan's quota is used up: those that expire first, never more than there are, never twice."""

from datetime import date, timedelta

import frappe
from frappe.utils import add_days

from oropendola_payments.ai_billing.periods import today
from oropendola_payments.engine.ending import now as ending
from oropendola_payments.engine.metering import usage
from oropendola_payments.engine.metering.test_quota import limit
from oropendola_payments.engine.metering.test_usage import remaining, served_customer
from oropendola_payments.engine.wallet import draw, expiry
from oropendola_payments.exceptions import QuotaUsedUp, Unauthorized
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.credits import credits_of, give, ledger, problems, use_up_the_day
from oropendola_payments.tests.support.parallel import in_parallel


class CreditCase(TestCase):
	plan: dict = {}

	def setUp(self):
		self.doc, self.key = served_customer(**self.plan)
		self.user = self.doc.user

	def consume(self, requests: int = 1, **options) -> dict:
		answer = usage.consume(self.key, requests, **options)
		frappe.db.commit()
		return answer

	def refused(self, requests: int = 1, **options) -> QuotaUsedUp:
		with self.assertRaises(QuotaUsedUp) as raised:
			usage.consume(self.key, requests, **options)
		frappe.db.rollback()
		return raised.exception

	def tearDown(self):
		self.assertEqual(problems(self.user), [])


class TestConsumingCredits(CreditCase):
	def test_the_plan_comes_first_and_credits_only_when_it_is_used_up(self):
		give(self.user, 10)
		self.assertNotIn("credits", self.consume(100))
		answer = self.consume(3)
		self.assertEqual((answer["credits"], answer["remaining"]), ({"used": 3, "remaining": 7}, 0))
		self.assertEqual(ledger(self.user), [("Granted", 10), ("Used", -3)])

	def test_a_call_is_paid_by_the_plan_or_by_credits_and_never_by_both(self):
		give(self.user, 150)
		self.consume(60)
		self.assertEqual(self.consume(50)["credits"], {"used": 50, "remaining": 100})
		self.assertEqual(remaining(self.doc), 40, "the plan still has what was not enough")

	def test_without_enough_credits_nothing_is_taken(self):
		"""U18."""
		give(self.user, 2)
		use_up_the_day(self.doc)
		self.assertEqual(self.refused(3).window, "requests:day")
		self.assertEqual((credits_of(self.user), remaining(self.doc)), (2, 0))

	def test_credits_that_expire_first_are_used_first_and_those_without_a_date_last(self):
		for days in (0, 30, 5):
			give(self.user, 2, days)
		use_up_the_day(self.doc)
		self.consume(3)
		left = frappe.get_all(
			"AI Credit Grant", {"user": self.user}, ["valid_until", "remaining"], order_by="creation"
		)
		self.assertEqual([row.remaining for row in left], [2000, 1000, 0])

	def test_a_gift_is_used_before_what_was_paid_for(self):
		"""What was paid for can be refunded."""
		paid = give(self.user, 5, kind="Bought")
		gift = give(self.user, 5)
		use_up_the_day(self.doc)
		self.consume(4)
		frappe.db.set_value("AI Credit Grant", paid.name, "kind", "Gift")
		left = {
			row: frappe.db.get_value("AI Credit Grant", row, "remaining") for row in (paid.name, gift.name)
		}
		self.assertEqual(left, {paid.name: 5000, gift.name: 1000})

	def test_expired_credits_are_not_used_before_the_sweep_came(self):
		grant = give(self.user, 5, days=3)
		frappe.db.set_value("AI Credit Grant", grant.name, "valid_until", add_days(today(), -1))
		use_up_the_day(self.doc)
		self.refused()
		self.assertEqual(credits_of(self.user), 0)

	def test_credits_work_on_their_last_day(self):
		grant = give(self.user, 5, days=3)
		frappe.db.set_value("AI Credit Grant", grant.name, "valid_until", today())
		use_up_the_day(self.doc)
		self.assertEqual(self.consume()["credits"]["remaining"], 4)

	def test_fifty_callers_at_once_never_use_more_credits_than_there_are(self):
		"""U18."""
		for days in (10, 20, 30):
			give(self.user, 10, days)
		use_up_the_day(self.doc)

		def call(_number: int):
			answer = usage.consume(self.key, 1)
			frappe.db.commit()
			return answer["credits"]["remaining"]

		results = in_parallel(50, call)
		served = [result for result in results if isinstance(result, int | float)]
		unexpected = [r for r in results if isinstance(r, Exception) and not isinstance(r, QuotaUsedUp)]
		self.assertEqual((unexpected, sorted(served)), ([], list(range(30))))
		self.assertEqual(credits_of(self.user), 0)

	def test_a_cancelled_subscription_uses_no_credits_and_leaves_them(self):
		"""U19."""
		give(self.user, 5)
		ending.end(self.doc.name)
		frappe.db.commit()
		with self.assertRaises(Unauthorized):
			usage.consume(self.key, 1)
		frappe.db.rollback()
		self.assertEqual(credits_of(self.user), 5)

	def test_an_ended_subscription_whose_sweep_is_late_uses_no_credits(self):
		"""U19."""
		give(self.user, 5)
		use_up_the_day(self.doc)
		frappe.db.set_value("AI Subscription", self.doc.name, "end_date", today() - timedelta(days=1))
		with self.assertRaises(Exception) as raised:
			usage.consume(self.key, 1)
		frappe.db.rollback()
		self.assertEqual((raised.exception.http_status_code, credits_of(self.user)), (402, 5))

	def test_another_subscription_of_the_same_customer_uses_the_same_wallet(self):
		from oropendola_payments.tests.support.factories import create_active_subscription

		give(self.user, 5)
		other = create_active_subscription(self.user, requests_limit_per_day=1)
		use_up_the_day(other)
		self.assertEqual(draw.draw(self.user, other.plan, 2000, other.name), 3000)
		frappe.db.commit()


class TestCreditsAndWindows(CreditCase):
	plan = {
		"limits": [limit(3, "Requests", "Minute"), limit(5, "Units", "Month")],
		"models": [
			{"pattern": "large", "per_request": 2.5},
			{"pattern": "free", "per_request": 0},
		],
	}

	def test_a_model_costs_credits_by_its_weight(self):
		give(self.user, 10)
		self.consume(2, model="large")
		answer = self.consume(1, model="large")
		self.assertEqual(answer["credits"], {"used": 2.5, "remaining": 7.5})

	def test_the_speed_limit_holds_for_calls_that_are_paid_with_credits(self):
		"""U20."""
		give(self.user, 100)
		self.consume(2, model="large")
		self.consume(1, model="large")
		self.assertEqual(self.refused(1, model="large").window, "requests:minute")
		self.assertEqual(credits_of(self.user), 97.5)

	def test_a_window_that_has_room_is_not_used_by_calls_that_credits_pay(self):
		give(self.user, 100)
		self.consume(2, model="large")
		windows = {row["window"]: row["used"] for row in self.consume(1, model="large")["windows"]}
		self.assertEqual(windows, {"requests:minute": 3, "units:month": 5})
		self.assertEqual(remaining(self.doc), 98)

	def test_a_full_window_of_an_ended_subscription_is_not_paid_with_credits(self):
		"""U19."""
		give(self.user, 100)
		self.consume(2, model="large")
		frappe.db.set_value("AI Subscription", self.doc.name, "end_date", today() - timedelta(days=1))
		frappe.db.commit()
		self.refused(1, model="large")
		self.assertEqual(credits_of(self.user), 100)

	def test_a_call_that_costs_no_units_is_not_paid_with_credits(self):
		"""U18: it would be free without limit."""
		give(self.user, 100)
		use_up_the_day(self.doc)
		self.refused(1, model="free")
		self.assertEqual(credits_of(self.user), 100)


class TestGivingBack(CreditCase):
	def draw(self, credits: int, reference: str = "a-job"):
		draw.draw(self.user, self.doc.plan, credits * 1000, reference=reference)
		frappe.db.commit()

	def give_back(self, credits: int, reference: str = "a-job") -> int:
		units = draw.give_back(self.user, reference, credits * 1000)
		frappe.db.commit()
		return units // 1000

	def test_what_was_not_used_goes_back_to_the_grant_that_expires_last(self):
		give(self.user, 3, 5)
		give(self.user, 3, 50)
		self.draw(5)
		self.assertEqual(self.give_back(3), 3)
		rows = frappe.get_all("AI Credit Grant", {"user": self.user}, "remaining", order_by="creation")
		self.assertEqual([row.remaining for row in rows], [1000, 3000])

	def test_never_more_goes_back_than_was_taken(self):
		give(self.user, 10)
		self.draw(4)
		self.draw(3, "another job")
		self.assertEqual([self.give_back(9), self.give_back(9)], [4, 0])
		self.assertEqual(credits_of(self.user), 7)

	def test_the_reference_of_another_customer_gives_nothing_back(self):
		"""U21."""
		give(self.user, 10)
		self.draw(4)
		other, _key = served_customer()
		give(other.user, 10)
		self.assertEqual(draw.give_back(other.user, "a-job", 4000), 0)
		self.assertEqual(credits_of(other.user), 10)


class TestExpiry(CreditCase):
	def test_credits_of_several_days_expire_though_a_sweep_was_missed(self):
		for days in (1, 2, 40):
			grant = give(self.user, 5, 3)
			frappe.db.set_value("AI Credit Grant", grant.name, "valid_until", add_days(today(), -days))
		self.assertGreaterEqual(expiry.expire_due(), 3)
		self.assertEqual([line for line in ledger(self.user) if line[0] == "Expired"], [("Expired", -5)] * 3)

	def test_days_whose_credits_are_used_up_are_not_looked_at(self):
		used_up, left = give(self.user, 5, 3), give(self.user, 6, 9)
		use_up_the_day(self.doc)
		self.consume(5)
		first, last = today() - timedelta(days=600), today() + timedelta(days=600)
		frappe.db.set_value("AI Credit Grant", used_up.name, "valid_until", first)
		frappe.db.set_value("AI Credit Grant", left.name, "valid_until", last)
		self.assertNotIn(first, expiry.last_days(date.min, today()))
		self.assertNotIn(last, expiry.last_days(today(), last))
		self.assertIn(last, expiry.last_days(last, last + timedelta(days=1)))

	def test_the_sweep_expires_what_is_over_once_and_nothing_else(self):
		over, last_day, endless = give(self.user, 5, 3), give(self.user, 6, 3), give(self.user, 7, 0)
		frappe.db.set_value("AI Credit Grant", over.name, "valid_until", add_days(today(), -1))
		frappe.db.set_value("AI Credit Grant", last_day.name, "valid_until", today())
		for _time in range(2):
			expiry.expire_due()
		lines = [line for line in ledger(self.user) if line[0] == "Expired"]
		self.assertEqual((lines, credits_of(self.user)), ([("Expired", -5)], 13))
		self.assertEqual(frappe.db.get_value("AI Credit Grant", endless.name, "remaining"), 7000)
