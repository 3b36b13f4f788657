"""The return of the payer and the webhook of Cashflows are unsigned notices."""

import json
import unittest
from urllib.parse import parse_qs, urlsplit

from hypothesis import given, settings
from hypothesis import strategies as st

from oropendola_payments.gateways.base import Callback
from oropendola_payments.gateways.cashflows.test_case import CashflowsCase
from oropendola_payments.gateways.errors import MalformedNotice, SignatureError
from oropendola_payments.tests.support.proofs import examples


class TestUnsignedNotices(CashflowsCase):
	def test_a_webhook_is_an_unsigned_notice_and_its_references_are_echoed(self):
		"""S4, S5: no status, no amount, no signature; the reply echoes both references at top level."""
		for numbers in (False, True):
			self.configure(references_as_numbers=numbers)
			payment = self.paid(reference=f"{self.reference}{int(numbers)}")
			callback = self.webhook(self.simulator.webhooks.pop())
			notice = self.gateway.receive(callback)
			self.assertEqual((notice.verified, notice.events, notice.event_key), (False, (), None))
			self.assertEqual((notice.order_id, notice.event_type), (payment.order_id, "PaymentStatusChange"))
			sent = json.loads(callback.body)
			self.assertEqual(notice.reply, {n: sent[n] for n in ("paymentJobReference", "paymentReference")})

	def test_the_return_is_found_by_our_reference(self):
		"""Anybody can call returnUrlSuccess."""
		payment = self.open()
		for outcome in ("cancel", "failure", "success"):
			notice = self.gateway.receive(
				self.returned(self.simulator.pay("cashflows", self.reference, outcome=outcome))
			)
			self.assertEqual((notice.verified, notice.events), (False, ()))
			self.assertEqual((notice.reference, notice.order_id), (self.reference, payment.order_id))

	def test_a_cancel_comes_back_to_the_cancel_address_and_everything_else_to_the_return(self):
		"""Cashflows takes three addresses: success, failed, cancelled."""
		self.open(cancel_url=f"{self.return_url()}&cancelled=1")
		for outcome, marks in (("cancel", ["1"]), ("failure", []), ("success", [])):
			back = self.simulator.pay("cashflows", self.reference, outcome=outcome)
			self.assertEqual(parse_qs(urlsplit(back.url).query).get("cancelled", []), marks, outcome)

	def test_a_webhook_that_names_no_job_is_malformed(self):
		for body in (
			b"",
			b"[]",
			b"{}",
			b'{"paymentJobReference":2.4e17}',
			b'{"paymentJobReference":"../x"}',
			b"\xff",
		):
			with self.subTest(body), self.assertRaises(MalformedNotice):
				self.gateway.receive(Callback("webhook", "POST", {}, {}, body))

	@settings(max_examples=examples(200), deadline=None)
	@given(
		body=st.binary(max_size=80)
		| st.dictionaries(
			st.sampled_from(["paymentJobReference", "paymentReference", "notifyType", "x"]),
			st.none()
			| st.integers()
			| st.floats()
			| st.text(max_size=20)
			| st.lists(st.integers(), max_size=2),
		).map(lambda value: json.dumps(value).encode()),
		text=st.text(max_size=30) | st.text("\udc80é\x00", max_size=5),
		kind=st.sampled_from(["webhook", "return"]),
	)
	def test_any_bytes_are_read_or_refused(self, body, text, kind):
		query = {"attempt": text, "paymentjobref": text, "paymentref": text}
		callback = Callback(kind, "POST", {"X-Signature": text}, query, body)
		for gateway in (self.gateway, self.make_gateway(webhook_secret="made-up")):
			try:
				self.assertEqual(gateway.receive(callback).events, ())
			except (SignatureError, MalformedNotice):
				self.assertEqual(kind, "webhook")


if __name__ == "__main__":
	unittest.main()
