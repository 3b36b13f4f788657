"""Other apps may come before this one or after it, and companies later than both."""

from unittest.mock import patch

import frappe

from oropendola_payments.engine.settlement.settle import settle
from oropendola_payments.integrations import dispatch
from oropendola_payments.tests.support.books import BooksInMemory, books_installed
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import create_user, payment_settings
from oropendola_payments.tests.support.gateway_events import paid
from oropendola_payments.tests.support.journey import Journey
from oropendola_payments.tests.support.live import going_live


def at_once(method: str, queue: str, enqueue_after_commit: bool, **arguments):
	frappe.get_attr(method)(**arguments)


def prepared(hook, argument) -> int:
	"""How often the books were prepared after Frappe has called what hooks.py names."""
	before = BooksInMemory.prepared
	for path in hook if isinstance(hook, list) else [hook]:
		if path.startswith("oropendola_payments."):
			frappe.get_attr(path)(argument)
	with patch.object(frappe, "enqueue", at_once):
		frappe.db.commit()
	return BooksInMemory.prepared - before


class TestPreparing(TestCase):
	def setUp(self):
		company = frappe.get_hooks("doc_events")["Company"]["after_insert"]
		self.hooks = ((frappe.get_hooks("after_app_install"), "erpnext"), (company, frappe._dict()))

	def test_an_app_or_a_company_that_comes_later_is_prepared_for(self):
		with books_installed():
			for hook, argument in self.hooks:
				self.assertEqual(prepared(hook, argument), 1)

	def test_nothing_is_prepared_while_it_is_switched_off(self):
		with books_installed(), payment_settings(accept_documents=0, post_to_erpnext=0):
			for hook, argument in self.hooks:
				self.assertEqual(prepared(hook, argument), 0)


class TestPlayMoney(TestCase):
	def test_what_was_paid_with_a_test_card_beside_a_live_gateway_is_not_booked(self):
		self.enterContext(books_installed())
		real, tried_out = Journey("payu", user=create_user()), Journey("payu", user=create_user())
		for journey, mode in ((real, "Live"), (tried_out, "Test")):
			settle("payu", paid(journey.start()))
			frappe.db.set_value("Payment Attempt", {"invoice": journey.invoice}, "mode", mode)
		frappe.db.commit()
		with going_live():
			for journey, kinds in ((real, {"Invoice", "Payment"}), (tried_out, set())):
				dispatch.post_invoice(journey.invoice)
				found = frappe.get_all("Payment Posting", {"invoice": journey.invoice}, pluck="kind")
				self.assertEqual(set(found), kinds)
