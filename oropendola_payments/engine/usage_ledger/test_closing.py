"""A reservation is closed once, with what the call really used, whatever happens between."""

from datetime import timedelta

import frappe
from frappe.utils import now_datetime
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oropendola_payments.ai_billing.periods import today
from oropendola_payments.engine.ending import now as ending
from oropendola_payments.engine.keys import rotate
from oropendola_payments.engine.metering.test_quota import limit
from oropendola_payments.engine.metering.test_usage import remaining, served_customer
from oropendola_payments.engine.usage_ledger import closing, events
from oropendola_payments.engine.usage_ledger.records import find
from oropendola_payments.engine.usage_ledger.test_events import ENTRY, LedgerCase
from oropendola_payments.exceptions import Conflict, NotFound, QuotaUsedUp, Unauthorized, Unprocessable
from oropendola_payments.tests.support.factories import create_plan
from oropendola_payments.tests.support.parallel import in_parallel
from oropendola_payments.tests.support.proofs import examples


class TestSettling(LedgerCase):
	def test_the_real_tokens_replace_the_reserved_ones(self):
		self.reserve("e-1", 1, (1000, 500))
		self.assertEqual(self.used(), {"Requests": 1, "Tokens": 1500, "Units": 2000})
		settled = self.settle("e-1", 800, 100)
		self.assertEqual(
			(settled["state"], settled["units"], settled["output_tokens"]), ("settled", 1.0, 100)
		)
		self.assertEqual(self.used(), {"Requests": 1, "Tokens": 900, "Units": 1000})
		self.assertEqual([row[0] for row in self.rows()], ["Reserve", "Settle"])
		self.assert_books_agree()

	def test_settling_twice_is_counted_once(self):
		"""U1"""
		self.reserve("e-1", 1, (1000, 500))
		first = self.settle("e-1", 800, 100)
		self.assertEqual(self.settle("e-1", 800, 100), first)
		self.assertEqual(len(self.rows()), 2)
		self.assert_books_agree()

	def test_an_event_id_that_is_stored_in_another_way_is_settled_once(self):
		"""U1: a tag in it is stored so that the Desk shows no HTML."""
		for event in ("<b>1</b>", '["<b>"]'):
			self.reserve(event, 1, (1000, 500))
			for _time in range(2):
				settled = self.settle(event, 800, 100)
				self.assertEqual((settled["state"], settled["units"]), ("settled", 1.0), event)
			self.fails(Conflict, self.release, event)
		self.assertEqual(len(self.rows()), 4)
		self.assert_books_agree()

	def test_settling_with_less_than_before_is_a_conflict(self):
		"""U2"""
		self.reserve("e-1", 2, (1000, 500))
		self.settle("e-1", 800, 100)
		for amounts in ((799, 100), (800, 99), (800, 100, 1)):
			error = self.fails(Conflict, self.settle, "e-1", *amounts)
			self.assertIn("2 requests, 800 input tokens, 100 output tokens", str(error))
		self.assert_books_agree()

	def test_a_customer_who_settles_first_with_too_little_pays_for_the_rest(self):
		"""U28"""
		self.reserve("e-1", 2, (1000, 500))
		for said in ((0, 0, 0), *((number, 0, 1) for number in range(1, 11))):
			self.settle("e-1", *said)
		for _time in range(2):
			settled = self.settle("e-1", 800, 100)
		self.assertEqual((settled["requests"], settled["input_tokens"], settled["units"]), (2, 800, 1.0))
		self.assertEqual(self.used(), {"Requests": 2, "Tokens": 900, "Units": 1000})
		self.assertEqual(len(self.rows()), 13)
		self.assert_books_agree()

	def test_too_many_tokens_of_one_kind_hide_none_of_the_other(self):
		"""U28"""
		self.reserve("e-1", 1, (1000, 500))
		self.settle("e-1", 0, 600)
		settled = self.settle("e-1", 800, 100)
		self.assertEqual((settled["input_tokens"], settled["output_tokens"]), (800, 600))
		self.assert_books_agree()

	def test_a_released_reservation_counts_nothing(self):
		self.reserve("e-1", 3, (1000, 500))
		self.assertEqual(self.release("e-1")["state"], "released")
		self.assertEqual(self.release("e-1")["requests"], 0)
		self.assertEqual(self.books(), {"Requests": 0, "Tokens": 0, "Units": 0})
		self.assert_books_agree()

	def test_a_settled_reservation_is_not_released(self):
		self.reserve("e-1", 1, (1000, 0))
		self.settle("e-1", 10, 0)
		self.assertEqual(self.fails(Conflict, self.release, "e-1").reason, "event_settled")
		self.assert_books_agree()

	def test_a_released_reservation_is_settled_all_the_same_and_once(self):
		"""U28: a customer who knows the event ID can release what is still being used."""
		self.reserve("e-1", 3, (1000, 0))
		self.release("e-1")
		for _time in range(2):
			settled = self.settle("e-1", 800, 100)
		self.assertEqual((settled["state"], settled["requests"], settled["units"]), ("settled", 3, 1.0))
		self.assertEqual((self.used()["Tokens"], remaining(self.doc)), (900, 97))
		self.assertEqual(self.fails(Conflict, self.release, "e-1").reason, "event_settled")
		self.assertEqual([row[0] for row in self.rows()], ["Reserve", "Release", "Settle"])
		self.assert_books_agree()

	def test_the_day_never_falls_below_nothing_when_a_released_reservation_is_settled(self):
		"""U28: -1 would be without limit."""
		self.reserve("e-1", 3, (1000, 0))
		self.release("e-1")
		frappe.db.set_value("AI Subscription", self.doc.name, "daily_quota_remaining", 2)
		frappe.db.commit()
		self.settle("e-1", 800, 100)
		self.assertEqual(remaining(self.doc), 0)

	def test_what_was_not_reserved_cannot_be_settled(self):
		self.fails(NotFound, self.settle, "nothing", 10, 0)
		self.fails(NotFound, self.release, "nothing")
		self.use("e-1")
		self.assertEqual(self.fails(Conflict, self.settle, "e-1", 0, 0).reason, "event_consumed")
		self.fails(Conflict, self.release, "e-1")
		self.assertEqual(len(self.rows()), 1)

	def test_another_customer_cannot_settle(self):
		"""U5"""
		self.reserve("e-1")
		_doc, key = served_customer()
		self.fails(NotFound, closing.settle, key, "e-1", 0, 0)
		self.fails(NotFound, closing.release, key, "e-1")
		self.assertEqual(len(self.rows()), 1)

	def test_more_requests_than_reserved_cannot_have_been_used(self):
		self.reserve("e-1", 3)
		for requests in (4, -1):
			self.fails(Unprocessable, self.settle, "e-1", 0, 0, requests)
		self.settle("e-1", 0, 0, 0)
		self.assert_books_agree()

	def test_more_tokens_than_reserved_count_above_the_limit_and_are_marked(self):
		"""U6"""
		self.reserve("e-1", 1, (9000, 0))
		settled = self.settle("e-1", 11_000, 0)
		self.assertTrue(settled["overdraft"])
		self.assertEqual(self.used()["Tokens"], 11_000)
		self.fails(QuotaUsedUp, self.use, "e-2", 1, (1, 0))
		self.assert_books_agree()

	def test_tokens_count_although_none_were_reserved(self):
		"""U6"""
		self.reserve("e-1", 1)
		self.assertEqual(self.used(), {"Requests": 1})
		self.settle("e-1", 2000, 0)
		self.assertEqual(self.used(), {"Requests": 1, "Tokens": 2000, "Units": 2000})
		self.assert_books_agree()

	def test_a_settled_reservation_within_the_limits_is_not_marked(self):
		self.reserve("e-1", 1, (9000, 0))
		self.assertNotIn("overdraft", self.settle("e-1", 9500, 0))

	def test_parallel_settles_are_counted_once(self):
		"""U1"""
		self.reserve("e-1", 1, (1000, 500))
		results = in_parallel(6, lambda _number: self.settle("e-1", 800, 100))
		self.assertEqual([r for r in results if not isinstance(r, dict)], [])
		self.assert_books_agree()

	def test_settling_and_releasing_at_once_closes_it_once(self):
		self.reserve("e-1", 1, (1000, 500))
		works = [lambda: self.settle("e-1", 800, 100), lambda: self.release("e-1")]
		results = in_parallel(2, lambda number: works[number]())
		unexpected = [r for r in results if not isinstance(r, dict | Conflict)]
		self.assertEqual((unexpected, find(self.doc.name, "e-1").state), ([], "settled"), results)
		self.assert_books_agree()

	def test_reserving_again_answers_what_became_of_it(self):
		self.assertEqual(self.reserve("e-1", 1, (1000, 0))["state"], "reserved")
		self.assertEqual(self.reserve("e-1", 1, (1000, 0))["state"], "reserved")
		self.settle("e-1", 100, 0)
		again = self.reserve("e-1", 1, (1000, 0))
		self.assertEqual((again["state"], again["units"], len(self.rows())), ("settled", 0.1, 2))

	@settings(max_examples=examples(15), deadline=None, suppress_health_check=list(HealthCheck))
	@given(
		st.lists(
			st.tuples(
				st.sampled_from(("use", "reserve", "settle", "release")),
				st.sampled_from(("e-1", "e-2", "e-3")),
				st.integers(1, 3),
				st.integers(0, 1500),
			),
			max_size=12,
		)
	)
	def test_in_any_order_the_counters_say_what_the_ledger_says(self, story):
		"""U1"""
		self.setUp()
		for act, event_id, requests, tokens in story:
			arguments = {
				"use": (requests, (tokens, 0)),
				"reserve": (requests, (tokens, 0)),
				"settle": (tokens, 0),
				"release": (),
			}
			try:
				getattr(self, act)(event_id, *arguments[act])
			except (Conflict, NotFound, QuotaUsedUp):
				frappe.db.rollback()
		self.assert_books_agree()


class TestTime(LedgerCase):
	def move_back(self, event_id: str, **columns):
		"""As if the reservation were older."""
		event = find(self.doc.name, event_id)
		sets = ", ".join(f"{column} = %s" for column in columns)
		frappe.db.sql(
			f"UPDATE `tabAI Usage Entry` SET {sets} WHERE name = %s", [*columns.values(), event.opening.name]
		)
		frappe.db.commit()

	def test_what_nobody_settles_counts_as_it_was_reserved(self):
		self.reserve("e-1", 2, (1000, 0))
		self.move_back("e-1", expires_at=now_datetime() - timedelta(seconds=1))
		self.assertEqual(find(self.doc.name, "e-1").state, "expired")
		self.assertEqual(self.reserve("e-1", 2, (1000, 0))["state"], "expired")
		self.assert_books_agree()

	def test_a_late_settle_corrects_the_books_all_the_same(self):
		self.reserve("e-1", 2, (1000, 0))
		self.move_back("e-1", expires_at=now_datetime() - timedelta(hours=1))
		self.assertEqual(self.settle("e-1", 100, 0)["state"], "settled")
		self.assert_books_agree()

	def test_after_the_day_has_changed_the_new_day_stays_full(self):
		"""U7: the books are corrected on the day on which the call began, the new day's quota is not filled."""
		self.reserve("e-1", 5, (1000, 0))
		yesterday = today() - timedelta(days=1)
		self.move_back("e-1", day=yesterday, windows=None)
		before = (remaining(self.doc), self.used())
		self.release("e-1")
		self.assertEqual((remaining(self.doc), self.used()), before)
		rows = frappe.get_all(ENTRY, {"subscription": self.doc.name}, ["day", "requests"])
		self.assertEqual({row.day for row in rows}, {yesterday})
		self.assertEqual(sum(row.requests for row in rows), 0)

	def test_a_window_that_began_after_the_reservation_is_not_changed(self):
		"""U7"""
		self.reserve("e-1", 1, (1000, 0))
		frappe.db.sql(
			"UPDATE `tabAI Usage Window` SET ends_at = %s, used = 7 WHERE subscription = %s AND meter = 'Tokens'",
			(now_datetime() + timedelta(days=2), self.doc.name),
		)
		frappe.db.commit()
		self.settle("e-1", 100, 0)
		self.assertEqual(self.used(), {"Requests": 1, "Tokens": 7, "Units": 100})

	def test_a_clock_that_goes_back_closes_nothing_twice(self):
		"""U7"""
		self.reserve("e-1", 1, (1000, 0))
		self.move_back(
			"e-1", expires_at=now_datetime() + timedelta(days=3), creation=now_datetime() + timedelta(days=3)
		)
		self.settle("e-1", 100, 0)
		self.settle("e-1", 100, 0)
		self.assert_books_agree()


class TestChanges(LedgerCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.kept = (cls.doc, cls.key)

	def setUp(self):
		cls = type(self)
		cls.doc, cls.key = served_customer(requests_limit_per_day=100, **self.plan)
		super().setUp()

	def test_a_reservation_is_settled_at_the_prices_of_the_plan_it_began_under(self):
		"""U8"""
		self.reserve("e-1", 1, (1000, 0))
		dearer = create_plan(
			requests_limit_per_day=100,
			limits=[limit(100, "Units", "Month")],
			models=[{"pattern": "small*", "per_input_tokens": 5}],
		)
		frappe.db.set_value("AI Subscription", self.doc.name, "plan", dearer.name)
		frappe.db.commit()
		self.assertEqual(self.settle("e-1", 500, 0)["units"], 0.5)
		self.assertEqual(self.used()["Units"], 500)

	def test_a_plan_that_no_longer_names_the_model_keeps_the_reserved_units(self):
		"""U8"""
		self.reserve("e-1", 1, (1000, 0))
		plan = frappe.get_doc("AI Plan", self.doc.plan)
		plan.models = [row for row in plan.models if row.pattern == "large"]
		plan.save(ignore_permissions=True)
		frappe.db.commit()
		settled = self.settle("e-1", 500, 0)
		self.assertEqual((settled["units"], settled["input_tokens"]), (1.0, 500))

	def test_after_a_cancellation_the_books_are_settled_and_no_quota_comes_back(self):
		"""U8"""
		self.reserve("e-1", 2, (1000, 0))
		ending.end(self.doc.name)
		frappe.db.commit()
		self.assertEqual(self.settle("e-1", 100, 0, 1)["requests"], 1)
		self.assertEqual(remaining(self.doc), 0)
		self.assertEqual(self.books(), {"Requests": 1, "Tokens": 100, "Units": 100})
		self.fails(Unauthorized, self.settle, "unknown", 0, 0)
		self.fails(Unauthorized, self.reserve, "e-2")

	def test_a_replaced_key_settles_nothing_and_the_new_one_does(self):
		"""U5"""
		self.reserve("e-1", 2, (1000, 0))
		new = rotate.rotate(self.doc.user)["api_key"]
		frappe.db.commit()
		self.fails(Unauthorized, self.settle, "e-1", 100, 0)
		self.assertEqual(closing.settle(new, "e-1", 100, 0)["state"], "settled")

	def test_an_event_is_answered_again_after_the_plan_changed(self):
		self.use("e-1", 1)
		other = create_plan(requests_limit_per_day=100, models=[{"pattern": "another"}])
		frappe.db.set_value("AI Subscription", self.doc.name, "plan", other.name)
		frappe.db.commit()
		self.assertEqual(events.consume(self.key, 1, "large", event_id="e-1")["state"], "used")
