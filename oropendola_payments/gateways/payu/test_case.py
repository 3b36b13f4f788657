"""The case that all tests of PayU share, and its worked examples."""

from hashlib import sha512
from urllib.parse import parse_qsl

from oropendola_payments.gateways.base import Callback
from oropendola_payments.gateways.payu.adapter import PayU
from oropendola_payments.simulator import Return
from oropendola_payments.tests.support.adapter_case import AdapterCase

REFERENCE = "A7T2K9"
WORKED = {
	"key": "Qm7TzX",
	"txnid": "INV-2026-00042",
	"amount": "1499.50",
	"productinfo": "Annual Plan",
	"firstname": "Asha",
	"email": "asha@example.com",
	"udf1": "ACC-SINV-2026-00042",
}
WORKED_SALT = "s3LtDemo9Kx2"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
SIGNED = {
	**WORKED,
	"status": "success",
	"mihpayid": "403993715521889530",
	"unmappedstatus": "captured",
	"hash": "cedf4c84c68deb7abd8f0f927a9e63285b11489a2bfcd4fa3db155c7f77867dd"
	"e0f8fe0c76ff4b7bc5ebf716ee7f207b8a571d7713827bacc550a54dfcd3194f",
}


def returned(fields: dict) -> Callback:
	return Callback("return", "POST", {}, {"attempt": REFERENCE}, form=fields)


def webhook(body: bytes, headers: dict | None = None) -> Callback:
	form = {} if body[:1] in (b"{", b"[") else dict(parse_qsl(body.decode(), keep_blank_values=True))
	return Callback("webhook", "POST", headers or FORM, {}, body, form)


def sha(*parts: str) -> str:
	return sha512("|".join(parts).encode()).hexdigest()


class PayUCase(AdapterCase):
	gateway_class = PayU
	prefix = "PU"

	def setUp(self):
		super().setUp()
		self.reference = REFERENCE

	def come_back(self, outcome: str = "success", **choices: str) -> Return:
		"""The browser's request after the customer left PayU's page."""
		self.open()
		return self.simulator.pay("payu", self.reference, outcome=outcome, **choices)
