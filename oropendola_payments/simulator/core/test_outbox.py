"""Outgoing webhooks: kept for a test, posted with retries, and what counts as received."""

import json

from oropendola_payments.simulator import Delivery, Simulator
from oropendola_payments.simulator.core.faults import Faults
from oropendola_payments.simulator.core.outbox import Outbox
from oropendola_payments.simulator.test_case import MerchantSite, SimulatorCase, pay_form


class TestWebhooks(SimulatorCase):
	def deliveries(self, kind: str = "") -> int:
		if kind:
			self.simulator.faults.add("payu", "webhook", kind)
		self.pay()
		return len(self.simulator.webhooks)

	def test_a_webhook_waits_until_a_test_takes_it(self):
		self.simulator.configure(
			"payu", webhook_url="https://shop.example.com/hook", webhook_headers={"X-A": "b"}
		)
		self.assertEqual(self.deliveries(), 1)
		(delivery,) = self.simulator.webhooks.take("payu")
		self.assertEqual((delivery.url, delivery.headers["X-A"]), ("https://shop.example.com/hook", "b"))
		self.assertEqual(len(self.simulator.webhooks), 0)

	def test_faults_duplicate_drop_and_delay_a_webhook(self):
		self.assertEqual(self.deliveries("duplicate_webhook"), 2)
		self.simulator.reset()
		self.assertEqual(self.deliveries("drop_webhook"), 0)
		self.simulator.reset()
		self.assertEqual(self.deliveries("late_webhook"), 0)
		self.simulator.webhooks.release_late()
		self.assertEqual(len(self.simulator.webhooks), 1)

	def test_in_mode_auto_a_webhook_is_posted_and_retried_after_an_error(self):
		with (
			MerchantSite(statuses=[500, 200]) as site,
			Simulator(codes=("payu",), webhooks="auto") as simulator,
		):
			simulator.configure("payu", webhook_url=site.url)
			simulator.open(f"{simulator.url}/payu/_payment", pay_form())
			simulator.pay("payu", "A1")
			self.assertTrue(site.received_all.wait(15))
			self.assertEqual(site.bodies[0], site.bodies[1])
			self.assertIn(b"txnid=A1", site.bodies[0])

	def test_cashflows_repeats_a_webhook_until_both_references_are_echoed_at_top_level(self):
		"""An empty or wrapped body counts as not delivered."""
		echo = {"paymentJobReference": "240101120000000001", "paymentReference": "240101120000000002"}
		wrapped, half = {"message": echo}, {"paymentJobReference": echo["paymentJobReference"]}
		responses = [json.dumps(body).encode() for body in (wrapped, half, [], echo)]
		with MerchantSite(statuses=[200] * 5, responses=[b"", *responses]) as site:
			outbox = Outbox(Faults())
			delivery = Delivery("cashflows", site.url, {}, b"{}", echo)
			self.assertEqual([outbox.deliver(delivery) for _attempt in range(5)], [0, 0, 0, 0, 200])
