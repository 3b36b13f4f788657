"""A slow receiver holds up nobody else: it gives up its turn, and slow ones share one job."""

from unittest.mock import patch

import frappe

from oropendola_payments.engine.core import after_commit
from oropendola_payments.engine.webhooks_out import deliver, relay
from oropendola_payments.engine.webhooks_out.post import Limits
from oropendola_payments.tests.support.receiver import Receiver, Reply, WebhookTestCase, conf

SLOW = Limits(slow=0)  # every answer is a slow one


class Queue:
	"""Runs jobs one after another. As in Redis, a job that waits or runs is not queued a second time."""

	def __init__(self):
		self.busy: dict[str, dict] = {}

	def enqueue(self, method: str, queue: str, job_id: str, deduplicate: bool, **options):
		options.pop("enqueue_after_commit")
		self.busy.setdefault(job_id, {"method": method, **options})

	def work_off(self):
		while self.busy:
			job_id, options = next(iter(self.busy.items()))
			frappe.get_attr(options.pop("method"))(**options)
			del self.busy[job_id]


class TestTurns(WebhookTestCase):
	"""What is left after a turn does not wait for the job of the next minute."""

	def setUp(self):
		super().setUp()
		self.queue = Queue()
		self.enterContext(patch("frappe.enqueue", self.queue.enqueue))
		self.enterContext(patch.object(deliver, "TURN_SECONDS", 0))
		self.enterContext(
			patch.object(after_commit, "is_busy", lambda job: f"oropendola::{job}" in self.queue.busy)
		)

	def test_a_quick_receiver_gets_everything_in_several_turns(self):
		self.endpoint()
		self.check_all_arrive()

	def test_a_slow_receiver_gets_everything_in_several_turns(self):
		self.endpoint()
		self.enterContext(patch.object(deliver, "Limits", lambda: SLOW))
		self.check_all_arrive()

	def check_all_arrive(self):
		for _event in range(4):
			self.announce()
		relay.distribute()
		self.queue.work_off()
		self.assertEqual(len(self.receiver.received), 4)

	def test_the_sweep_starts_no_second_job_beside_one_that_goes_on(self):
		endpoint = self.endpoint()["endpoint"]
		for _event in range(4):
			self.announce()
		self.queue.busy.clear()
		relay.distribute()
		(first,) = self.queue.busy
		deliver.run(endpoint, turn=first.partition("::")[2])
		(second,) = set(self.queue.busy) - {first}
		del self.queue.busy[first]
		relay.start(endpoint)
		self.assertEqual(set(self.queue.busy), {second})


class TestSlowReceivers(WebhookTestCase):
	def setUp(self):
		super().setUp()
		self.jobs: list[tuple] = []
		self.enterContext(patch("frappe.enqueue", self.note))

	def note(self, method: str, queue: str, **options):
		self.jobs.append((method.rpartition(".")[2], queue, options.get("endpoint")))

	def waiting(self, count: int, **values) -> dict:
		endpoint = self.endpoint(**values)
		for _event in range(count):
			self.announce()
		relay.distribute()
		self.jobs.clear()
		return endpoint

	def test_a_slow_answer_ends_the_turn_and_leads_to_the_slow_ones(self):
		"""W8"""
		endpoint = self.waiting(3)
		self.assertEqual(deliver.run(endpoint["endpoint"], SLOW), 1)
		self.assertEqual((self.doc(endpoint).is_slow, self.jobs), (1, [("run_slow", "long", None)]))
		self.assertIsNone(self.doc(endpoint).claim, "the next worker need not wait")

	def test_a_quick_receiver_keeps_its_turn_and_has_a_job_of_its_own(self):
		endpoint = self.waiting(3)
		relay.start(endpoint["endpoint"])
		self.assertEqual(self.jobs, [("run", "long", endpoint["endpoint"])])
		self.assertEqual(deliver.run(endpoint["endpoint"]), 3)
		self.assertEqual((self.doc(endpoint).is_slow, len(self.jobs)), (0, 1))

	def test_slow_receivers_take_turns_those_first_that_waited_longest(self):
		"""W8"""
		other = Receiver()
		self.addCleanup(other.close)
		first, second = self.endpoint(), self.endpoint(url=other.url)
		for _event in range(4):
			self.announce()
		relay.distribute()
		for endpoint in (first, second):
			deliver.run(endpoint["endpoint"], SLOW)
		with patch.object(deliver, "TURN_SECONDS", 0):
			turns = [(deliver.run_slow(SLOW), self.counts(other)) for _turn in range(4)]
		self.assertEqual(turns, [(1, (2, 1)), (1, (2, 2)), (1, (3, 2)), (1, (3, 3))])
		self.assertEqual((deliver.run_slow(SLOW), self.counts(other)), (2, (4, 4)))

	def counts(self, other: Receiver) -> tuple[int, int]:
		return len(self.receiver.received), len(other.received)

	def test_a_receiver_that_became_quick_is_slow_no_more_also_after_an_error(self):
		endpoint = self.waiting(3)
		self.receiver.replies = [Reply(500)]
		deliver.run(endpoint["endpoint"], SLOW)
		self.assertTrue(self.doc(endpoint).is_slow)
		self.make_due(endpoint)
		self.assertEqual(deliver.run_slow(), 3)
		self.assertFalse(self.doc(endpoint).is_slow)

	def test_deliveries_use_their_own_queue_where_the_site_has_one_with_workers(self):
		for name, workers, expected in (
			("webhooks", {"webhooks": {"timeout": 300}}, "webhooks"),
			("webhooks", {}, after_commit.MAILS),
			("webhooks", None, after_commit.MAILS),
			(None, {"webhooks": {}}, after_commit.MAILS),
		):
			with conf(webhook_queue=name, workers=workers):
				self.assertEqual(relay.queue(), expected, (name, workers))
