"""PayU's hashes, by the worked examples of docs.payu.in/docs/hashing-request-and-response."""

import unittest

from oropendola_payments.gateways.payu.signature import (
	command_hash,
	is_signed,
	is_signed_dispute,
	request_hash,
)
from oropendola_payments.gateways.payu.test_case import SIGNED, WORKED, WORKED_SALT, sha


class TestHashesOfRequests(unittest.TestCase):
	def test_the_request_hash_is_the_one_of_the_worked_example(self):
		self.assertEqual(
			request_hash(WORKED, WORKED_SALT),
			"fc290324862ab1dd1df7617b23cf5a30d4a2a936a3cd0510846c833779b39058"
			"290526b3044980f19c1b2dc18949a28e0e0b83f3057c678776fed37ffcecbe11",
		)

	def test_additional_charges_follow_the_salt_in_the_hash_of_a_request(self):
		self.assertEqual(
			request_hash({**WORKED, "additional_charges": "CC:12,NB:55"}, WORKED_SALT),
			"1e75bc4e56af287093b68a5db347230dfa278589ae93f0d0717993cab0c54989"
			"e1f5a11b56b77dcb2cf320f6f657066ecdd16a1ebae2492af2d01f9da8151f34",
		)

	def test_other_text_for_the_same_amount_gives_another_hash(self):
		"""payu.md pitfall 1: 1499.5 and 1499.50 are different characters."""
		self.assertNotEqual(
			request_hash({**WORKED, "amount": "1499.5"}, WORKED_SALT), request_hash(WORKED, WORKED_SALT)
		)

	def test_a_status_query_is_hashed_over_command_and_first_variable(self):
		self.assertEqual(
			command_hash("Qm7TzX", "verify_payment", "INV-2026-00042", WORKED_SALT),
			"f6f26e2fdd9d39d174063fed6a33743ca38373ae8c6db0f2a8814256212c0395"
			"06195b1bebfe98a8805d3a682bde777675361999b517824c1b7cc8a4004f3f72",
		)

	def test_a_refund_is_hashed_over_the_payment_id(self):
		self.assertEqual(
			command_hash("Qm7TzX", "cancel_refund_transaction", "403993715599999999", WORKED_SALT),
			"9f0417e161da3c1fd0e0f0348cb52e72ca5b8a9d74237f277442a7a4d7fe111a"
			"48bfa52102822948c167eb3dacd480fa429e589cefb9e69c3bbe13a2fb3d0764",
		)


class TestHashesOfMessages(unittest.TestCase):
	def test_the_worked_example_is_accepted(self):
		self.assertTrue(is_signed(SIGNED, [WORKED_SALT]))
		self.assertTrue(is_signed({**SIGNED, "hash": SIGNED["hash"].upper()}, [WORKED_SALT]))

	def test_a_fee_is_hashed_under_both_of_its_names(self):
		"""payu.md pitfall 3: works without fees, fails in production."""
		signature = (
			"ea0fea2c635c032ab00851ac2fb9b417cc7f46af1613977c7cbb6f24b86c70de"
			"f1693c2218a7c770baed58086759a3cc4e18b12f13fac44a83ac457aaadd5a36"
		)
		for name in ("additionalCharges", "additional_charges"):
			with self.subTest(name=name):
				self.assertTrue(is_signed({**SIGNED, name: "29.99", "hash": signature}, [WORKED_SALT]))
				self.assertFalse(is_signed({**SIGNED, name: "30.00", "hash": signature}, [WORKED_SALT]))

	def test_split_settlement_counts_only_where_payu_hashed_it(self):
		tail = [*[""] * 5, *[""] * 4, WORKED["udf1"], WORKED["email"], WORKED["firstname"]]
		tail += [WORKED["productinfo"], WORKED["amount"], WORKED["txnid"], WORKED["key"]]
		split = sha(WORKED_SALT, "success", "{}", *tail)
		both = sha("29.99", WORKED_SALT, "success", "{}", *tail)
		self.assertTrue(is_signed({**SIGNED, "splitInfo": "{}", "hash": split}, [WORKED_SALT]))
		self.assertTrue(
			is_signed(
				{**SIGNED, "splitInfo": "{}", "additionalCharges": "29.99", "hash": both}, [WORKED_SALT]
			)
		)
		self.assertTrue(is_signed({**SIGNED, "splitInfo": "splitNotReceived"}, [WORKED_SALT]))
		self.assertFalse(is_signed({**SIGNED, "hash": split}, [WORKED_SALT]))

	def test_every_hashed_field_is_protected(self):
		for name in (*WORKED, "status"):
			with self.subTest(name=name):
				self.assertFalse(is_signed({**SIGNED, name: SIGNED[name] + "x"}, [WORKED_SALT]))

	def test_a_pipe_inside_a_field_is_refused_even_under_a_right_hash(self):
		"""Nothing is escaped in the hash, so `Asha|Annual Plan` could stand for two fields."""
		for name, value in (("firstname", "Asha|Annual Plan|1.00"), ("status", "success|x")):
			message = {**SIGNED, name: value}
			names = ("email", "firstname", "productinfo", "amount", "txnid", "key")
			tail = [*[""] * 9, message["udf1"], *(message[name] for name in names)]
			with self.subTest(name=name):
				self.assertFalse(
					is_signed({**message, "hash": sha(WORKED_SALT, message["status"], *tail)}, [WORKED_SALT])
				)

	def test_without_a_salt_nothing_is_signed(self):
		"""S6 and payu.md pitfall 4: an empty string hashes too."""
		self.assertFalse(is_signed(SIGNED, []))
		self.assertFalse(is_signed({}, [WORKED_SALT]))

	def test_a_dispute_is_signed_with_and_without_the_spaces_of_its_status(self):
		"""The example of docs.payu.in/docs/webhooks-for-chargeback hashes PendingResponse."""
		message = {
			"txn_id": "403993715515239610",
			"cb_amount": "1500.0",
			"cb_id": "987",
			"cb_type": "Chargeback",
		}
		message["cb_status"] = "Pending Response"
		for word in ("Pending Response", "PendingResponse"):
			signature = sha("JBZaLc", "403993715515239610", "1500.0", "987", "Chargeback", word, "saltsalt")
			with self.subTest(word=word):
				self.assertTrue(is_signed_dispute(message, signature, "JBZaLc", ["saltsalt"]))
				self.assertFalse(
					is_signed_dispute({**message, "cb_id": "988"}, signature, "JBZaLc", ["saltsalt"])
				)
				self.assertFalse(is_signed_dispute(message, signature, "JBZaLc", ["other"]))


if __name__ == "__main__":
	unittest.main()
