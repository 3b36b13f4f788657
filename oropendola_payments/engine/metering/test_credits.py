"""Every way to use a key draws on credits alike: calls, leases, reservations and proxies. What is not used goes back."""

import frappe

from oropendola_payments.ai_billing.doctype.ai_usage_entry.ai_usage_entry import OPENING, name_of
from oropendola_payments.engine.metering import gate, leases, usage
from oropendola_payments.engine.metering.test_quota import limit
from oropendola_payments.engine.metering.test_usage import served_customer, told_after
from oropendola_payments.engine.usage_ledger import closing, events
from oropendola_payments.engine.wallet import balance
from oropendola_payments.exceptions import QuotaUsedUp
from oropendola_payments.tests.flows.test_statement_budgets import counted_statements
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.credits import credits_of, give, ledger, problems, use_up_the_day
from oropendola_payments.tests.support.factories import unique
from oropendola_payments.tests.support.http import call
from oropendola_payments.tests.support.parallel import in_parallel


class CreditCase(TestCase):
	plan: dict = {"models": [{"pattern": "large", "per_request": 2}]}
	credits = 100

	def setUp(self):
		self.doc, self.key = served_customer(**self.plan)
		self.user = self.doc.user
		give(self.user, self.credits)
		use_up_the_day(self.doc)

	def tearDown(self):
		self.assertEqual(problems(self.user), [])

	def commit(self, answer: dict) -> dict:
		frappe.db.commit()
		return answer


class TestLeases(CreditCase):
	def lease(self, requests: int = 10, **options) -> dict:
		return self.commit(leases.grant(self.key, requests, 30, "large", "test", options.get("key")))

	def settle(self, lease: dict, spent: int, close: bool = True) -> dict:
		return self.commit(leases.settle(self.key, lease["lease"], spent, close))

	def test_a_lease_is_taken_from_credits_and_its_rest_goes_back_once(self):
		lease = self.lease(10)
		self.assertEqual(lease["credits"], {"used": 20, "remaining": 80})
		for _time in range(2):
			self.assertEqual(self.settle(lease, 4)["given_back"], 6)
		self.assertEqual(credits_of(self.user), 92)

	def test_a_lease_whose_windows_have_ended_gives_its_credits_back_all_the_same(self):
		lease = self.lease(10)
		frappe.db.set_value("AI Usage Lease", lease["lease"], "windows_end_at", "2020-01-01")
		self.settle(lease, 0)
		self.assertEqual(credits_of(self.user), 100)

	def test_the_same_idempotency_key_takes_credits_once(self):
		key = unique("key")
		results = in_parallel(5, lambda _number: self.lease(5, key=key))
		self.assertEqual(len({result["lease"] for result in results if isinstance(result, dict)}), 1, results)
		self.assertEqual(credits_of(self.user), 90)

	def test_the_wallet_does_not_tell_the_customer_what_the_lease_is_called(self):
		"""U25: whoever knows the name can settle the lease."""
		lease = self.lease(10)
		self.settle(lease, 4)
		event = events.consume(self.key, 1, "large", 0, 0, "req-81")["event_id"]
		frappe.db.commit()
		rows = frappe.get_all("AI Credit Entry", {"user": self.user}, "*")
		secrets = (lease["lease"], event, name_of(self.doc.name, event, OPENING))
		self.assertEqual([s for s in secrets if s in frappe.as_json(rows)], [])
		shown = [balance.as_answer(row)["reference"] for row in balance.lines(self.user)[0]]
		self.assertEqual(set(shown), {None})
		self.assertGreaterEqual(len(lease["lease"]), 32, "too long to find by trying, even with its hash")

	def test_a_customer_who_closes_a_lease_first_pays_it_with_credits_and_with_the_next_ones(self):
		"""U29, U30"""
		lease = self.lease(10)
		self.settle(lease, 0)
		self.commit(usage.consume(self.key, 45, "large"))
		for _time in range(2):
			self.assertEqual(self.settle(lease, 8)["credits_given_back"], 10)
		self.assertEqual(credits_of(self.user), 0)
		give(self.user, 4)
		self.assertEqual(credits_of(self.user), 0, "6 are missing")
		give(self.user, 10)
		self.assertEqual(credits_of(self.user), 8)
		give(self.user, 10)
		self.assertEqual(credits_of(self.user), 18)

	def test_grants_shrink_with_the_credits(self):
		self.assertEqual(self.lease(90)["granted"], 25)

	def test_many_lessees_never_get_more_than_the_wallet_holds(self):
		"""U18."""
		in_parallel(20, lambda _number: self.lease(10))
		held = frappe.get_all("AI Usage Lease", {"subscription": self.doc.name}, pluck="credit_units")
		self.assertEqual(sum(held) / 1000 + credits_of(self.user), 100)


class TestReservations(CreditCase):
	plan: dict = {"models": [{"pattern": "large", "per_request": 1, "per_output_tokens": 10}]}

	def reserve(self, event: str, tokens: int) -> dict:
		return self.commit(events.reserve(self.key, event, 1, "large", 0, tokens, 900))

	def settle(self, event: str, tokens: int) -> dict:
		return self.commit(closing.settle(self.key, event, 0, tokens))

	def test_what_was_reserved_and_not_used_goes_back_to_the_wallet(self):
		answer = self.reserve("e-1", 5000)
		self.assertEqual(answer["credits"], {"used": 51, "remaining": 49})
		for _time in range(2):
			settled = self.settle("e-1", 1000)
		self.assertEqual((settled["paid_from"], credits_of(self.user)), ("Credits", 89))

	def test_more_than_reserved_is_taken_too_and_marked_if_it_is_not_there(self):
		self.reserve("e-1", 1000)
		self.assertNotIn("overdraft", self.settle("e-1", 2000))
		self.reserve("e-2", 1000)
		self.assertTrue(self.settle("e-2", 10_000)["overdraft"])
		self.assertEqual(credits_of(self.user), 0)

	def test_what_was_used_without_credits_is_paid_by_the_next_pack(self):
		"""U30"""
		self.reserve("e-1", 5000)
		self.settle("e-1", 12_000)
		self.assertEqual(credits_of(self.user), 0)
		give(self.user, 50, kind="Gift")
		self.assertEqual(credits_of(self.user), 29, "121 were used, and 100 were there")
		self.assertEqual([line for line in ledger(self.user) if line[0] == "Used"][-1], ("Used", -21))

	def test_a_released_reservation_costs_nothing(self):
		self.reserve("e-1", 1000)
		self.commit(closing.release(self.key, "e-1"))
		self.assertEqual(credits_of(self.user), 100)

	def test_an_event_sent_again_takes_credits_once(self):
		"""U18."""
		for _time in range(2):
			self.commit(events.consume(self.key, 1, "large", 0, 1000, "e-1"))
		in_parallel(5, lambda _number: self.commit(events.consume(self.key, 1, "large", 0, 1000, "e-2")))
		self.assertEqual((credits_of(self.user), len(ledger(self.user))), (78, 3))

	def test_the_usage_ledger_says_what_paid(self):
		self.commit(events.consume(self.key, 1, "large", 0, 0, "e-1"))
		rows = frappe.get_all("AI Usage Entry", {"subscription": self.doc.name}, ["source", "units"])
		self.assertEqual([(row.source, row.units) for row in rows], [("Credits", 1000)])


class TestProxies(CreditCase):
	def test_a_proxy_may_pass_what_credits_pay_and_a_check_takes_none(self):
		gate.check(self.key, 1, "large")
		self.assertEqual(credits_of(self.user), 100)
		answer = self.commit(gate.authorize(self.key, 1, "large"))
		self.assertEqual(answer["credits"], {"used": 2, "remaining": 98})

	def test_a_check_refuses_what_credits_cannot_pay(self):
		with self.assertRaises(QuotaUsedUp):
			gate.check(self.key, 51, "large")


class TestSpeed(CreditCase):
	plan = {"limits": [limit(2, "Requests", "Minute")]}

	def test_a_check_knows_the_speed_limit_too(self):
		for _time in range(2):
			self.commit(usage.consume(self.key, 1))
		for work in (gate.check, usage.consume):
			with self.assertRaises(QuotaUsedUp) as raised:
				work(self.key, 1)
			frappe.db.rollback()
			self.assertEqual(raised.exception.window, "requests:minute")

	def test_callers_at_once_never_pass_the_speed_limit(self):
		"""U20."""
		results = in_parallel(12, lambda _number: self.commit(usage.consume(self.key, 1)))
		served = [result for result in results if isinstance(result, dict)]
		self.assertEqual((len(served), credits_of(self.user)), (2, 98), results)


class TestBudget(CreditCase):
	plan: dict = {}

	def test_a_call_that_credits_pay_is_told_what_the_day_still_has(self):
		frappe.db.set_value("AI Subscription", self.doc.name, "daily_quota_remaining", 5)
		answer = told_after(self.key, self.doc, {"daily_quota_remaining": 3}, requests=10)
		self.assertEqual((answer["remaining"], answer["credits"]["used"]), (3, 10))

	def test_a_call_that_credits_pay_takes_at_most_eight_statements(self):
		"""However many grants it touches: the key, the refusal of the day with its rollback, and three for the wallet."""
		for _grant in range(4):
			give(self.user, 1)
		headers = {"X-API-Key": self.key}
		for _time in range(2):
			self.assertEqual(call("usage.consume", headers=headers, json={"requests": 2}).status_code, 200)
		with counted_statements() as ping:
			call("usage.consume", method="GET")
		with counted_statements() as seen:
			call("usage.consume", headers=headers, json={"requests": 2})
		mine = [statement for statement in seen if statement not in ping]
		self.assertLessEqual(len(mine), 8, mine)
