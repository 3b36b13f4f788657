"""Pages that wait for a payment look at it every two seconds at most, with a script and without one."""

import re
from pathlib import Path

from oropendola_payments.engine.checkout import initiate as checkout
from oropendola_payments.engine.core.urls import signed_view
from oropendola_payments.tests.support import factories
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.pages import cookie_of, page
from oropendola_payments.tests.support.simulated import simulator
from oropendola_payments.web.shell import PUBLIC

SLOWEST = 2


class TestWaiting(TestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		simulator()
		factories.enable_gateway("payu")
		cls.user = factories.create_user()
		invoice = factories.create_invoice(cls.user)
		cls.attempt = checkout.initiate(cls.user, invoice.name, "payu")["attempt"]

	def refresh_of(self, query: dict, **options) -> int:
		text = page("/payment-result", query_string={"attempt": self.attempt, **query}, **options).text
		found = re.search(r'http-equiv="refresh" content="(\d+)', text)
		self.assertTrue(found, text)
		return int(found[1])

	def test_the_customers_page_is_loaded_again_within_two_seconds(self):
		self.assertLessEqual(self.refresh_of({}, headers={"Cookie": cookie_of(self.user)}), SLOWEST)

	def test_the_page_of_a_payer_is_loaded_again_within_two_seconds(self):
		self.assertLessEqual(self.refresh_of({"view": signed_view(self.attempt)}), SLOWEST)

	def test_the_script_asks_within_two_seconds(self):
		script = (Path(PUBLIC) / "js" / "watch.js").read_text()
		waits = [int(seconds) for seconds in re.findall(r"WAIT = (\d+);", script)]
		self.assertEqual(len(waits), 2)
		self.assertLessEqual(max(waits), SLOWEST)
