"""Counters against abuse: no rollback, no cleared cache and no race takes a count back."""

import frappe

from oropendola_payments.ai_billing.doctype.payment_counter.payment_counter import remove_ended
from oropendola_payments.engine.core.counters import COUNTER, count, counter_name
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import end_window, unique
from oropendola_payments.tests.support.parallel import in_parallel


class TestCounters(TestCase):
	def setUp(self):
		self.whose = unique("whose")

	def numbers(self, times: int) -> list[int]:
		return [count("test", self.whose, 60)[0] for _time in range(times)]

	def test_each_call_counts_one_more(self):
		self.assertEqual(self.numbers(3), [1, 2, 3])

	def test_another_kind_or_another_person_counts_alone(self):
		self.numbers(3)
		self.assertEqual(count("test", unique("whose"), 60)[0], 1)
		self.assertEqual(count("another", self.whose, 60)[0], 1)

	def test_the_count_starts_again_when_its_window_has_ended(self):
		self.numbers(3)
		end_window("test", self.whose)
		self.assertEqual(self.numbers(2), [1, 2])

	def test_the_answer_says_how_many_seconds_are_left(self):
		count("test", self.whose, 60)
		self.assertTrue(55 <= count("test", self.whose, 60)[1] <= 60)

	def test_a_rollback_takes_no_count_back(self):
		self.numbers(2)
		frappe.db.rollback()
		self.assertEqual(self.numbers(1), [3])

	def test_an_emptied_cache_takes_no_count_back(self):
		self.numbers(2)
		frappe.clear_cache()
		self.assertEqual(self.numbers(1), [3])

	def test_ten_at_once_are_counted_as_ten(self):
		numbers = in_parallel(10, lambda _number: count("test", self.whose, 60)[0])
		self.assertEqual(sorted(numbers), list(range(1, 11)))

	def test_the_name_tells_neither_phone_nor_address(self):
		count("otp:phone", "+919999900000", 60)
		name = counter_name("otp:phone", "+919999900000")
		self.assertTrue(frappe.db.exists(COUNTER, name))
		self.assertNotIn("99999", name)

	def test_ended_counters_are_removed(self):
		self.numbers(1)
		end_window("test", self.whose)
		remove_ended()
		self.assertFalse(frappe.db.exists(COUNTER, counter_name("test", self.whose)))
