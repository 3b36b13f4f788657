"""The simulator's own HTTP endpoints."""

import json
import urllib.error
import urllib.request

from oropendola_payments.simulator.test_case import SimulatorCase


class TestOverHttp(SimulatorCase):
	def test_a_fault_a_setting_a_result_and_a_reset_can_be_sent_over_http(self):
		self.call("/__config", {"code": "payu", "settings": {"additional_charges": "29.99"}})
		self.call("/__faults", {"code": "payu", "call": "webhook", "kind": "drop_webhook"})
		self.assertEqual(self.pay(outcome="pending").fields["additionalCharges"], "29.99")
		self.call("/__finish", {"code": "payu", "reference": "A1", "outcome": "success"})
		ledger = json.loads(self.call("/__ledger"))["payu"]
		self.assertEqual((ledger["charges"][0]["state"], ledger["orders"][0]["state"]), ("captured", "paid"))
		self.assertEqual(len(self.simulator.webhooks), 0)
		self.assertIn("A1", self.call("/"))
		self.call("/__reset", {})
		self.assertEqual(json.loads(self.call("/__ledger"))["payu"]["charges"], [])

	def test_invalid_input_is_refused_and_other_web_pages_cannot_control_it(self):
		for path, body, content_type in (
			("/__faults", {"code": "payu", "call": "x", "kind": "earthquake"}, "application/json"),
			("/__faults", {}, "application/json"),
			("/__config", {"code": "payu", "settings": {"no": 1}}, "application/json"),
			("/__config", {"code": "nobody", "settings": {}}, "application/json"),
			("/__config", [], "application/json"),
			("/__reset", {}, "text/plain"),
		):
			with self.subTest(path=path, body=body), self.assertRaises(urllib.error.HTTPError) as caught:
				self.call(path, body, content_type)
			caught.exception.close()
			self.assertIn(caught.exception.code, (400, 415))

	def test_a_closed_simulator_does_not_respond(self):
		url = self.simulator.url
		self.simulator.close()
		with self.assertRaises(OSError):
			urllib.request.urlopen(url, timeout=5)
