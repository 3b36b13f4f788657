"""Many payments ask for one job, each is told of by one job, and none waits for a job that will not come."""

from functools import partial
from unittest.mock import patch

import frappe
from frappe.utils.background_jobs import enqueue

from oropendola_payments.engine.core import gathered
from oropendola_payments.engine.core.gathered import gather, work_off
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import as_user, create_user
from oropendola_payments.tests.support.outbox import broken

WORK = f"{__name__}.tell"
told: list[str] = []
during_work = []


def tell(name: str):
	told.append(name)
	for step in during_work:
		step(name)


class TestGathered(TestCase):
	def setUp(self):
		work_off(WORK)  # what an earlier test left
		told.clear()
		during_work.clear()
		self.jobs = []
		self.enterContext(patch.object(frappe, "enqueue", lambda *args, **kwargs: self.jobs.append(kwargs)))

	def gather(self, *names: str):
		for name in names:
			gather(WORK, name)

	def test_many_ask_for_one_job_which_does_them_in_their_order(self):
		self.gather("a", "b", "c")
		self.assertEqual([(job["queue"], job["work"]) for job in self.jobs], [("long", WORK)])
		work_off(WORK)
		self.assertEqual(told, ["a", "b", "c"])

	def test_what_is_gathered_after_a_job_began_gets_a_job_of_its_own(self):
		self.gather("a")
		during_work.append(lambda name: name == "a" and self.gather("b"))
		work_off(WORK)
		self.assertEqual((told, len(self.jobs)), (["a", "b"], 2))

	def test_nobody_becomes_the_owner_of_what_the_job_writes_for_others(self):
		users = []
		during_work.append(lambda _name: users.append(frappe.session.user))
		customer = create_user()
		with as_user(customer):
			self.gather("a")
			work_off(WORK)
			self.assertEqual(frappe.session.user, customer)
		self.assertEqual(users, ["Guest"])

	def test_what_a_hook_sets_does_not_reach_the_next_payment(self):
		def careless(name: str):
			seen.append((frappe.session.user, frappe.local.lang, frappe.flags.of_a_hook))
			frappe.set_user("Administrator")
			frappe.local.lang, frappe.flags.of_a_hook = "hi", name

		seen: list[tuple] = []
		during_work.append(careless)
		self.gather("a", "b")
		work_off(WORK)
		self.assertEqual(seen, [("Guest", frappe.local.lang, None)] * 2)
		self.assertIsNone(frappe.flags.of_a_hook)

	def test_the_list_survives_a_cleared_cache(self):
		self.gather("a")
		frappe.clear_cache()
		work_off(WORK)
		self.assertEqual(told, ["a"])

	def test_two_jobs_at_the_same_time_share_the_list(self):
		self.gather("a", "b", "c")
		during_work.append(lambda name: name == "a" and work_off(WORK))
		work_off(WORK)
		self.assertEqual(told, ["a", "b", "c"])

	def test_one_that_fails_does_not_stop_the_others(self):
		def fail(name: str):
			if name == "a":
				raise ValueError("made up")

		self.gather("a", "b")
		during_work.append(fail)
		work_off(WORK)
		self.assertEqual(told, ["a", "b"])
		self.assertTrue(frappe.db.exists("Error Log", {"method": "Payments: tell of a failed"}))

	def test_after_a_job_that_died_the_next_payment_asks_again_and_nothing_stays(self):
		class Killed(BaseException):
			pass

		def die(*_arguments: object):
			raise Killed

		self.gather("a", "b")
		with patch.object(gathered, "safely", die), self.assertRaises(Killed):
			work_off(WORK)
		self.gather("c")
		self.assertEqual(len(self.jobs), 2)
		work_off(WORK)
		self.assertEqual(told, ["b", "c"])

	def test_a_long_list_is_left_to_another_job(self):
		self.gather("a", "b", "c")
		with patch.object(gathered, "SECONDS", -1):
			work_off(WORK)
		self.assertEqual((told, len(self.jobs)), (["a"], 2))
		work_off(WORK)
		self.assertEqual(told, ["a", "b", "c"])

	def test_an_empty_list_asks_for_nothing(self):
		work_off(WORK)
		self.assertEqual((told, self.jobs), ([], []))

	def test_a_payment_is_not_disturbed_when_redis_is_down(self):
		with broken(frappe.cache, "rpush"):
			self.gather("a")
		self.assertEqual(self.jobs, [])
		self.gather("b")
		work_off(WORK)
		self.assertEqual(told, ["b"])

	def test_a_full_queue_is_not_asked_for_every_payment(self):
		asked = []

		def refuse(*args, **kwargs):
			asked.append(kwargs)
			raise ConnectionError("Too many queued background jobs (550). Please retry after some time.")

		with patch.object(frappe, "enqueue", refuse):
			self.gather("a", "b", "c")
		self.assertEqual(len(asked), 1)

	def test_the_next_one_asks_again_after_a_while(self):
		self.gather("a")
		frappe.cache.expire(gathered._asked(WORK), 0)
		self.gather("b")
		self.assertEqual(len(self.jobs), 2)

	def test_the_job_is_one_that_frappe_can_run(self):
		with patch.object(frappe, "enqueue", partial(enqueue, now=True)):
			self.gather("a")
		self.assertEqual(told, ["a"])
