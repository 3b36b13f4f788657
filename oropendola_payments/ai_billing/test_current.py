"""A document that was read in an older snapshot never takes the place of what was saved since."""

import threading
import time
from contextlib import contextmanager
from unittest.mock import patch

import frappe

from oropendola_payments.ai_billing.current import (
	TRUSTED_SECONDS,
	_version_key,
	current,
	forget,
	payment_settings,
	recent,
)
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import create_invoice
from oropendola_payments.tests.support.factories import payment_settings as settings_for_a_while
from oropendola_payments.tests.support.journey import customer


def statements_of(work) -> int:
	statements, sql = [], frappe.db.sql

	def counted(query, *args, **kwargs):
		statements.append(query)
		return sql(query, *args, **kwargs)

	with patch.object(frappe.db, "sql", counted):
		work()
	return len(statements)


class TestCurrent(TestCase):
	def test_a_saved_change_is_seen_at_once(self):
		with settings_for_a_while(grace_days=3):
			self.assertEqual(payment_settings().grace_days, 3)
			with settings_for_a_while(grace_days=4):
				self.assertEqual(payment_settings().grace_days, 4)
			self.assertEqual(payment_settings().grace_days, 3)

	def test_the_second_look_needs_no_statement(self):
		payment_settings()
		self.assertEqual(statements_of(payment_settings), 0)

	def test_the_next_request_of_this_process_asks_redis_for_the_version_alone(self):
		payment_settings()
		frappe.flags.oropendola_seen = None  # as a new request begins
		with patch.object(frappe.cache, "get_value", side_effect=AssertionError("unpickled again")):
			payment_settings()

	def test_a_process_keeps_nothing_that_another_process_gave_a_new_version(self):
		plan = create_invoice(customer()).plan
		self.assertEqual(current("AI Plan", plan).price, 499)
		frappe.db.set_value("AI Plan", plan, "price", 1)
		frappe.db.commit()
		frappe.cache.set(_version_key("AI Plan"), frappe.generate_hash(length=12))  # as that process does
		frappe.flags.oropendola_seen = None
		self.assertEqual(current("AI Plan", plan).price, 1)

	def test_limits_need_neither_redis_nor_a_statement_for_a_second_and_then_follow_another_process(self):
		plan = create_invoice(customer()).plan
		current("AI Plan", plan)
		frappe.db.set_value("AI Plan", plan, "features", "New")
		frappe.db.commit()
		frappe.cache.set(_version_key("AI Plan"), frappe.generate_hash(length=12))  # as another process does
		frappe.flags.oropendola_seen = None
		with patch.object(frappe.cache, "mget", side_effect=AssertionError("Redis was asked")):
			self.assertEqual(statements_of(lambda: recent("AI Plan", plan)), 0)
		later = time.monotonic() + TRUSTED_SECONDS
		with patch.object(time, "monotonic", lambda: later):
			self.assertEqual(recent("AI Plan", plan).features, "New")

	def test_a_change_of_limits_in_this_process_is_seen_at_once(self):
		plan = frappe.get_doc("AI Plan", create_invoice(customer()).plan)
		recent("AI Plan", plan.name)
		plan.features = "New"
		plan.save(ignore_permissions=True)
		for work in (frappe.db.commit, lambda: None):
			self.assertEqual(recent("AI Plan", plan.name).features, "New")
			work()

	def test_what_a_replica_says_is_remembered_for_nobody(self):
		plan = create_invoice(customer()).plan
		frappe.local.replica_db = frappe.local.db  # as frappe.connect_replica leaves it
		try:
			frappe.db.set_value("AI Plan", plan, "price", 1, update_modified=False)
			self.assertEqual(current("AI Plan", plan).price, 1)
		finally:
			del frappe.local.replica_db
		frappe.db.rollback()
		self.assertEqual(current("AI Plan", plan).price, 499)

	def test_a_transaction_that_changed_a_document_reads_its_own_change(self):
		self.addCleanup(frappe.db.rollback)
		settings = frappe.get_doc("Payment Settings")
		settings.grace_days = (settings.grace_days or 0) + 1
		settings.save(ignore_permissions=True)
		self.assertEqual(payment_settings().grace_days, settings.grace_days)

	def test_a_change_that_was_rolled_back_is_not_seen(self):
		before = payment_settings().grace_days
		settings = frappe.get_doc("Payment Settings")
		settings.grace_days = (before or 0) + 5
		settings.save(ignore_permissions=True)
		payment_settings()
		frappe.db.rollback()
		self.assertEqual(payment_settings().grace_days, before)

	def test_an_older_snapshot_does_not_fill_the_cache(self):
		with (
			settings_for_a_while(grace_days=3),
			self.worker_with_older_snapshot() as reads_settings,
			settings_for_a_while(grace_days=4),
		):
			reads_settings()
			self.assertEqual(payment_settings().grace_days, 4)

	def test_an_invoice_has_the_tax_that_was_just_set_although_a_worker_reads_older_settings(self):
		"""A receipt lacked its tax once, when a worker ran beside the suite."""
		with (
			settings_for_a_while(tax_rate=0),
			self.worker_with_older_snapshot() as reads_settings,
			settings_for_a_while(tax_rate=18),
		):
			reads_settings()
			self.assertEqual(create_invoice(customer(), price=100).tax_amount, 18)

	@contextmanager
	def worker_with_older_snapshot(self):
		"""A process that reads in a transaction that began now, when its function is called."""
		began, saved = threading.Event(), threading.Event()
		site, path = frappe.local.site, frappe.local.sites_path
		seen = []

		def old_process():
			frappe.init(site=site, sites_path=path)
			frappe.connect()
			frappe.db.sql("SELECT name FROM `tabAI Plan` LIMIT 1")  # its snapshot begins here
			began.set()
			saved.wait(10)
			seen.append(current("Payment Settings").name)
			frappe.destroy()

		def read_settings():
			saved.set()
			worker.join()
			self.assertEqual(len(seen), 1)
			frappe.db.commit()
			frappe.local.cache.clear()
			frappe.flags.oropendola_seen = None

		worker = threading.Thread(target=old_process)
		worker.start()
		began.wait(10)
		yield read_settings

	def test_forgetting_reaches_other_processes_after_the_commit(self):
		payment_settings()
		forget("Payment Settings")
		frappe.db.commit()
		self.assertGreater(statements_of(payment_settings), 0)
