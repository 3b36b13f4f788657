"""PayU's states as our outcomes, by the table of docs.payu.in/reference/payment-state-explanations."""

import unittest
from decimal import Decimal

from oropendola_payments.gateways.base import HOLD_RETURNED, Outcome
from oropendola_payments.gateways.payu.mapping import payment_event


def entry(status: str, unmapped: str, **more) -> dict:
	return {"status": status, "unmappedstatus": unmapped, "mihpayid": "403993715521889530", **more}


class TestStates(unittest.TestCase):
	def test_every_documented_state_is_mapped(self):
		table = {
			("success", "captured"): Outcome.PAID,
			("success", "auth"): Outcome.AUTHORIZED,
			("pending", "initiated"): Outcome.PENDING,
			("pending", "in progress"): Outcome.PENDING,
			("pending", "pending"): Outcome.PENDING,
			("failure", "bounced"): Outcome.FAILED,
			("failure", "dropped"): Outcome.FAILED,
			("failure", "failed"): Outcome.FAILED,
			("failure", "userCancelled"): Outcome.FAILED,
			("failure", "autoRefund"): Outcome.FAILED,
			("Not Found", ""): Outcome.NOT_FOUND,
		}
		for (status, unmapped), outcome in table.items():
			with self.subTest(status=status, unmapped=unmapped):
				self.assertIs(payment_event(entry(status, unmapped), "A1", "10.00").outcome, outcome)

	def test_an_unknown_state_is_never_paid(self):
		for status, unmapped in (
			("success", "settled"),
			("success", ""),
			("SUCCESSFUL", "captured"),
			("", ""),
		):
			with self.subTest(status=status, unmapped=unmapped):
				self.assertIs(payment_event(entry(status, unmapped), "A1", "10.00").outcome, Outcome.PENDING)

	def test_what_payu_gave_back_was_not_declined_and_not_left_with_the_customer(self):
		"""The account shows a debit, so its customer must not read that nothing was charged."""
		event = payment_event(entry("failure", "autoRefund", error="E500"), "A1", "10.00")
		self.assertEqual(event.error_code, HOLD_RETURNED)

	def test_a_success_without_amount_or_id_is_pending(self):
		for reported, amount in (
			(entry("success", "captured"), None),
			(entry("success", "captured"), "ten"),
			(entry("success", "captured"), "-1.00"),
			(entry("success", "captured", mihpayid=None), "10.00"),
		):
			with self.subTest(reported=reported, amount=amount):
				self.assertIs(payment_event(reported, "A1", amount).outcome, Outcome.PENDING)

	def test_numbers_and_texts_are_read_alike(self):
		"""The same field is a number in one answer and text in the next."""
		event = payment_event(
			entry("success", "captured", mihpayid=403993715521889530), "A1", Decimal("10.5")
		)
		self.assertEqual((event.payment_id, event.amount), ("403993715521889530", Decimal("10.5")))

	def test_details_contain_the_end_of_the_card_number_and_no_personal_data(self):
		reported = entry(
			"success", "captured", cardnum="512345XXXXXX2346", firstname="Asha", phone="9", field3="a@upi"
		)
		details = payment_event(reported, "A1", "10.00").details
		self.assertEqual(details["card_last4"], "2346")
		self.assertNotIn("512345", str(details))
		self.assertFalse({"firstname", "phone", "field3"} & set(details))


if __name__ == "__main__":
	unittest.main()
