"""The ledger of a simulated provider: its ids, its refunds, and the amounts in it."""

from oropendola_payments.simulator import Simulator
from oropendola_payments.simulator.core.amounts import to_minor, to_text
from oropendola_payments.simulator.core.ledger import ExceedsRefundable
from oropendola_payments.simulator.test_case import SimulatorCase, pay_form


class TestLedger(SimulatorCase):
	def test_ids_are_the_same_in_every_run_and_never_used_twice(self):
		self.pay()
		first = self.simulator.captures("payu")[0].payment_id
		self.simulator.reset()
		self.assertEqual(self.simulator.captures("payu"), [])
		self.pay()
		self.assertNotEqual(self.simulator.captures("payu")[0].payment_id, first)
		with Simulator(codes=("payu",)) as other:
			other.open(f"{other.url}/payu/_payment", pay_form())
			other.pay("payu", "A1")
			self.assertEqual(other.captures("payu")[0].payment_id, first)

	def test_refunds_never_exceed_what_was_captured(self):
		self.pay()
		ledger = self.simulator.providers["payu"].ledger
		refund = ledger.add_refund(ledger.charges[0], "r1", "k1", 100000)
		with self.assertRaises(ExceedsRefundable):
			ledger.add_refund(ledger.charges[0], "r2", "k2", 49951)
		self.simulator.finish_refund("payu", "k1", "failure")
		ledger.add_refund(ledger.charges[0], "r3", "k3", 149950)
		self.simulator.finish_refund("payu", "k3")
		self.assertEqual(self.simulator.captures("payu")[0].refunded_minor, 149950)
		self.assertEqual(refund.state, "failed")

	def test_changing_a_returned_charge_does_not_change_the_ledger(self):
		self.pay()
		self.simulator.captures("payu")[0].amount_minor = 1
		self.assertEqual(self.simulator.captures("payu")[0].amount_minor, 149950)

	def test_a_late_success_is_captured_and_sends_a_webhook(self):
		self.pay(outcome="pending")
		self.assertEqual((self.simulator.captures("payu"), len(self.simulator.webhooks)), ([], 0))
		self.simulator.finish("payu", "A1")
		self.assertEqual((len(self.simulator.captures("payu")), len(self.simulator.webhooks)), (1, 1))

	def test_an_amount_has_the_decimals_of_its_currency(self):
		self.assertEqual(
			(to_minor("8.35", "INR"), to_minor("500", "JPY"), to_minor("5.125", "KWD")), (835, 500, 5125)
		)
		self.assertEqual(
			(to_text(835, "INR"), to_text(500, "JPY"), to_text(5125, "KWD")), ("8.35", "500", "5.125")
		)
		with self.assertRaises(ValueError):
			to_minor("8.355", "INR")
