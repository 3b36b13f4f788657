"""Every code of a failed payment has a cause, and an unknown one is a decline that may work another day."""

import frappe

from oropendola_payments.engine.dunning.schedule import BUILT_IN, DUE
from oropendola_payments.engine.gateway.causes import cause_of
from oropendola_payments.gateways import BUILT_IN as GATEWAYS
from oropendola_payments.gateways import load
from oropendola_payments.gateways.base import HOLD_RETURNED, FailureClass
from oropendola_payments.gateways.errors import GatewayError
from oropendola_payments.tests.support.case import TestCase

# What the facts and the providers' documents name, by the cause that a person would give.
EXPECTED = {
	"stripe": {
		"insufficient_funds": "Soft",
		"lost_card": "Hard",
		"incorrect_cvc": "Step",
		"processing_error": "Ours",
	},
	"razorpay": {
		"payment_cancelled": "Left",
		"incorrect_otp": "Step",
		"card_expired": "Hard",
		"bank_technical_error": "Ours",
	},
	"payu": {"E307": "Soft", "E308": "Soft", "E310": "Hard", "E345": "Ours", "E9205": "Left"},
	"phonepe": {"Z9": "Soft", "ZM": "Step", "U69": "Left", "TXN_AUTO_FAILED": "Left", "YE": "Hard"},
	"cashfree": {"TRANSACTION_DECLINED": "Soft"},
	"paypal": {"INSTRUMENT_DECLINED": "Soft", "PAYER_ACTION_REQUIRED": "Step", "PAYER_CANNOT_PAY": "Hard"},
	"cashflows": {"Declined": "Soft", "Blocked": "Hard", "Expired": "Left"},
}


def closed(gateway: str, code: str | None, status: str = "Failed"):
	return frappe._dict(gateway=gateway, error_code=code, status=status)


class TestCauses(TestCase):
	def test_known_codes_of_each_gateway_have_their_cause(self):
		self.assertEqual(set(EXPECTED), set(GATEWAYS))
		for gateway, codes in EXPECTED.items():
			for code, cause in codes.items():
				self.assertEqual(cause_of(closed(gateway, code)).value, cause, (gateway, code))

	def test_a_code_that_no_table_knows_is_a_soft_decline(self):
		for gateway in GATEWAYS:
			for code in ("surely_unknown", "", None):
				self.assertIs(cause_of(closed(gateway, code)), FailureClass.SOFT, (gateway, code))

	def test_a_gateway_that_is_no_longer_installed_is_a_soft_decline(self):
		self.assertIs(cause_of(closed("gone", "whatever")), FailureClass.SOFT)

	def test_an_attempt_that_was_left_is_no_decline(self):
		for status, code in (
			("Expired", None),
			("Cancelled", None),
			("Failed", "cancelled"),
			("Failed", "not_found"),
		):
			self.assertIs(cause_of(closed("payu", code, status)), FailureClass.LEFT, (status, code))

	def test_trouble_between_us_and_the_gateway_is_not_the_customers(self):
		trouble = [e for e in GatewayError.__subclasses__() if e.http_status_code >= 500]
		self.assertGreaterEqual(len(trouble), 3)
		for error in trouble:
			self.assertIs(cause_of(closed("stripe", error.code)), FailureClass.OURS, error)

	def test_a_hold_that_was_given_back_is_not_the_customers_failure(self):
		for gateway in ("razorpay", "cashfree"):
			self.assertIs(cause_of(closed(gateway, HOLD_RETURNED)), FailureClass.OURS)

	def test_every_cause_has_a_schedule_and_every_table_only_causes(self):
		self.assertEqual(set(BUILT_IN), {DUE, *(cause.value for cause in FailureClass)})
		for path in GATEWAYS.values():
			table = load(path).failure_classes
			self.assertTrue(table, path)
			self.assertTrue(all(isinstance(cause, FailureClass) for cause in table.values()), path)
