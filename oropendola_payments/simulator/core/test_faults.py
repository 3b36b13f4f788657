"""Injected faults: what each kind does to a call, to a message and to the money taken."""

import json
import urllib.error
import urllib.request
from urllib.parse import urlencode

from oropendola_payments.simulator.test_case import SimulatorCase, pay_form


class TestFaults(SimulatorCase):
	def status_of(self, call) -> int:
		try:
			call()
		except urllib.error.HTTPError as error:
			with error:
				return error.code
		except (urllib.error.URLError, ConnectionError):
			return 0
		return 200

	@staticmethod
	def reference_for(kind: str) -> str:
		return kind.replace("_", "-")

	def post_status(self, kind: str, **args):
		self.simulator.faults.add("payu", "create", kind, **args)
		body = urlencode(pay_form(self.reference_for(kind))).encode()
		request = urllib.request.Request(f"{self.simulator.url}/payu/_payment", body)
		return self.status_of(lambda: urllib.request.urlopen(request, timeout=10).close())

	def test_a_fault_before_the_call_prevents_it_and_a_fault_after_does_not(self):
		for kind, status, exists in (
			("timeout_before", 0, False),
			("timeout_after", 0, True),
			("error_500_before", 500, False),
			("error_500_after", 500, True),
		):
			with self.subTest(kind=kind):
				self.assertEqual(self.post_status(kind), status)
				self.assertEqual(self.simulator.order("payu", self.reference_for(kind)) is not None, exists)
				self.assertEqual(self.simulator.faults.waiting(), [])

	def test_a_fault_applies_as_often_as_requested_and_only_to_its_call(self):
		self.simulator.faults.add("payu", "status", "garbage", times=2)
		self.assertEqual(self.open().status, 200)
		for _ in range(2):
			with self.assertRaises(json.JSONDecodeError):
				self.payu_command()
		self.assertEqual(self.payu_command()["status"], 1)

	def test_a_customer_whose_page_times_out_is_not_redirected(self):
		self.simulator.faults.add("payu", "pay", "timeout_after")
		self.assertIsNone(self.pay(method="netbanking"))
		self.assertEqual(len(self.simulator.captures("payu")), 1)

	def test_a_wrong_amount_of_the_call_pay_is_the_captured_amount(self):
		self.simulator.faults.add("payu", "pay", "wrong_amount", amount_minor=100)
		self.assertEqual(self.pay().fields["amount"], "1.00")
		self.assertEqual(self.simulator.captures("payu")[0].amount_minor, 100)

	def test_a_wrong_amount_in_a_message_does_not_change_the_ledger(self):
		self.simulator.faults.add("payu", "return", "wrong_amount")
		self.assertEqual(self.pay().fields["amount"], "1498.50")
		self.assertEqual(self.simulator.captures("payu")[0].amount_minor, 149950)

	def test_a_decline_captures_nothing(self):
		self.simulator.faults.add("payu", "pay", "decline")
		self.assertEqual(self.pay().url, "https://shop.example.com/failed")
		self.assertEqual(self.simulator.captures("payu"), [])

	def test_an_unknown_fault_is_refused(self):
		with self.assertRaisesRegex(ValueError, "no fault"):
			self.simulator.faults.add("payu", "pay", "earthquake")
