"""Commit, rollback, savepoints, locks: what bites when it differs from MariaDB."""

import threading

import frappe
from frappe.database.database import savepoint

from benchless import site
from benchless.tests.throwaway import ThrowawaySite, box


class TestSavepoints(ThrowawaySite):
	def test_rollback_to_a_savepoint_keeps_what_was_before_it(self):
		kept = box().insert()
		frappe.db.savepoint("here")
		lost = box().insert()
		frappe.db.rollback(save_point="here")
		self.assertTrue(frappe.db.exists("Box", kept.name))
		self.assertFalse(frappe.db.exists("Box", lost.name))

	def test_release_of_the_outermost_savepoint_does_not_commit(self):
		frappe.db.savepoint("outer")
		name = box().insert().name
		frappe.db.release_savepoint("outer")
		frappe.db.rollback()
		self.assertFalse(frappe.db.exists("Box", name))

	def test_savepoint_block_swallows_only_the_named_error(self):
		with savepoint(catch=frappe.ValidationError):
			box(label="refused").insert()
		with self.assertRaises(ZeroDivisionError), savepoint(catch=frappe.ValidationError):
			1 / 0

	def test_duplicate_leaves_the_rest_of_the_transaction_alive(self):
		box(serial="S1").insert()
		with self.assertRaises(frappe.UniqueValidationError):
			box(serial="S1").insert()
		self.assertEqual(frappe.db.count("Box", {"serial": "S1"}), 1)


class TestCallbacks(ThrowawaySite):
	def test_after_commit_runs_in_order_and_after_the_commit(self):
		calls = []
		name = box().insert().name
		frappe.db.after_commit.add(lambda: calls.append(("first", self._seen_by_others(name))))
		frappe.db.after_commit.add(lambda: calls.append(("second", True)))
		frappe.db.commit()
		self.assertEqual(calls, [("first", True), ("second", True)])

	def test_rollback_forgets_what_waits_for_the_commit(self):
		calls = []
		frappe.db.after_commit.add(lambda: calls.append("no"))
		frappe.db.after_rollback.add(lambda: calls.append("rolled back"))
		frappe.db.rollback()
		frappe.db.commit()
		self.assertEqual(calls, ["rolled back"])

	def test_rollback_to_a_savepoint_keeps_callbacks(self):
		calls = []
		frappe.db.savepoint("here")
		frappe.db.after_commit.add(lambda: calls.append("still"))
		frappe.db.rollback(save_point="here")
		frappe.db.commit()
		self.assertEqual(calls, ["still"])

	def test_job_enqueued_after_commit_does_not_wait_before_it(self):
		from frappe.utils.background_jobs import is_job_enqueued, start_worker

		frappe.enqueue(
			"throwaway.events.only_open_parcels",
			user="",
			doctype="",
			job_id="later",
			enqueue_after_commit=True,
		)
		self.assertFalse(is_job_enqueued("later"))
		frappe.db.commit()
		self.assertTrue(is_job_enqueued("later"))
		start_worker(burst=True)
		self.assertFalse(is_job_enqueued("later"))

	def _seen_by_others(self, name: str) -> bool:
		return in_thread(self.path, lambda: bool(frappe.db.exists("Box", name)))


class TestIsolation(ThrowawaySite):
	def test_others_do_not_see_what_is_not_committed(self):
		name = box().insert().name
		self.assertFalse(in_thread(self.path, lambda: bool(frappe.db.exists("Box", name))))

	def test_second_reader_for_update_waits_for_the_first_and_sees_its_result(self):
		name = box(count=0).insert().name
		frappe.db.commit()
		frappe.get_doc("Box", name, for_update=True).db_set("count", 1)
		waiting = threading.Event()

		def add():
			waiting.set()
			doc = frappe.get_doc("Box", name, for_update=True)
			doc.db_set("count", doc.count + 1)
			frappe.db.commit()

		other = threading.Thread(target=run_on_site, args=(self.path, add, []))
		other.start()
		waiting.wait(5)
		frappe.db.commit()
		other.join(20)
		self.assertEqual(frappe.db.get_value("Box", name, "count"), 2)

	def test_eight_threads_that_lock_first_lose_no_count(self):
		name = box(count=0).insert().name
		frappe.db.commit()

		def add():
			doc = frappe.get_doc("Box", name, for_update=True)
			doc.count += 1
			doc.save()
			frappe.db.commit()

		errors = []
		threads = [threading.Thread(target=run_on_site, args=(self.path, add, errors)) for _ in range(8)]
		for thread in threads:
			thread.start()
		for thread in threads:
			thread.join(30)
		self.assertEqual((errors, frappe.db.get_value("Box", name, "count")), ([], 8))

	def test_no_wait_for_a_lock_refuses_at_once(self):
		name = box().insert().name
		frappe.db.commit()
		frappe.get_doc("Box", name, for_update=True)

		def ask():
			with self.assertRaises(frappe.QueryTimeoutError):
				frappe.db.get_value("Box", name, for_update=True, wait=False)
			return True

		self.assertTrue(in_thread(self.path, ask))

	def test_schema_change_inside_a_transaction_is_refused(self):
		box().insert()
		with self.assertRaises(frappe.ImplicitCommitError):
			frappe.db.sql("create table later (x)")


def run_on_site(path, function, errors: list):
	with site.connect(path):
		try:
			return function()
		except Exception as error:
			errors.append(error)


def in_thread(path, function):
	"""What the function gives on a connection of its own."""
	results, errors = [], []
	thread = threading.Thread(target=lambda: results.append(run_on_site(path, function, errors)))
	thread.start()
	thread.join(40)
	if errors:
		raise errors[0]
	return results[0]
