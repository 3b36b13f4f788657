"""A document that was read in an older snapshot never takes the place of what was saved since."""

import threading
from unittest.mock import patch

import frappe

from oropendola_payments.ai_billing.current import current, forget, payment_settings
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import payment_settings as settings_for_a_while


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
		"""A process reads in a transaction that began before somebody saved; everybody else goes on with the new value."""
		began, saved, done = threading.Event(), threading.Event(), threading.Event()
		site, path = frappe.local.site, frappe.local.sites_path
		seen = []

		def old_process():
			frappe.init(site=site, sites_path=path)
			frappe.connect()
			frappe.db.sql("SELECT name FROM `tabAI Plan` LIMIT 1")  # its snapshot begins here
			began.set()
			saved.wait(10)
			seen.append(current("Payment Settings").grace_days)
			frappe.destroy()
			done.set()

		with settings_for_a_while(grace_days=3):
			worker = threading.Thread(target=old_process)
			worker.start()
			began.wait(10)
			with settings_for_a_while(grace_days=4):
				saved.set()
				done.wait(10)
				worker.join()
				self.assertEqual(len(seen), 1)
				frappe.db.commit()
				frappe.local.cache.clear()
				frappe.flags.oropendola_seen = None
				self.assertEqual(payment_settings().grace_days, 4)

	def test_forgetting_reaches_other_processes_after_the_commit(self):
		payment_settings()
		forget("Payment Settings")
		frappe.db.commit()
		self.assertGreater(statements_of(payment_settings), 0)
