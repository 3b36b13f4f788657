"""PayU India, classic integration: https://docs.payu.in/reference/_payment_payu_hosted_checkout

The browser posts our form to PayU; there is no call that opens a payment. Everything else is asked at the
General API, which answers HTTP 200 whatever happened: the truth is in the body.
"""

import re
from collections.abc import Mapping
from dataclasses import replace

from oropendola_payments.gateways.base import (
	Callback,
	Capabilities,
	Checkout,
	Credential,
	Form,
	Gateway,
	Notice,
	Outcome,
	PaymentEvent,
	PaymentRef,
	PaymentRequest,
	RefundEvent,
	RefundOutcome,
	RefundRequest,
	Sdk,
)
from oropendola_payments.gateways.errors import (
	BadAnswer,
	CredentialsRefused,
	GatewayRefused,
	NotSent,
	SignatureError,
)
from oropendola_payments.gateways.http import member, read_json
from oropendola_payments.gateways.payu.mapping import (
	CURRENCY,
	is_undecided,
	payment_event,
	refund_entries,
	refund_event,
	text_of,
)
from oropendola_payments.gateways.payu.notices import (
	dispute_notice,
	fields_of,
	is_dispute,
	is_refund,
	payment_notice,
	refund_bell,
)
from oropendola_payments.gateways.payu.signature import (
	command_hash,
	is_signed,
	is_signed_dispute,
	request_hash,
)
from oropendola_payments.money import money_text

DISPUTE_HEADER = "X-PayU-Dispute-Webhook-Signature-V2"
SHARED_TEST_KEYS = frozenset({"JPM7Fg"})  # printed in PayU's samples
# Answers to a refund request, by error_code: https://docs.payu.in/docs/error-codes-for-refund-initiation
REFUND_ACCEPTED = frozenset({"", "100", "101", "102", "112", "122", "126", "127"})
REFUND_TOMORROW = frozenset({"225", "226"})
REFUND_AGAIN_LATER = frozenset({"120", "267", "302"})
REFUND_SAME_AMOUNT_TOO_SOON = "214"
REFUND_KNOWN = frozenset({"106", "109", "227", REFUND_SAME_AMOUNT_TOO_SOON})
KEYS_REFUSED = re.compile(r"\b(hash|merchant key|invalid key|key is (invalid|incorrect))\b", re.IGNORECASE)
# Characters that split the hash, or that pages on the way turn into HTML entities.
UNSAFE = re.compile(r"[|<>&\"'\\\x00-\x1f\x7f]+")


class PayU(Gateway):
	code = "payu"
	label = "PayU"
	credentials = (
		Credential("key_id", "Merchant Key", help="Letters and digits; not the numeric merchant id."),
		Credential("key_secret", "Merchant Salt", help="The salt of the same mode as the key."),
		Credential(
			"webhook_secret_previous",
			"Previous salt",
			False,
			"Only while you change the salt: messages signed with the old one are still accepted.",
		),
	)
	simulator_secrets = {"key_id": "SimPyU", "key_secret": "simulator-payu-salt-0001"}
	capabilities = Capabilities(
		currencies=frozenset({CURRENCY}),
		methods=("card", "upi", "netbanking", "wallet", "emi"),
		flows=("redirect", "embedded", "inline"),
		needs_phone=True,
		browser_hosts=(
			"https://jssdk.payu.in",
			"https://jssdk-uat.payu.in",
			"https://secure.payu.in",
			"https://test.payu.in",
		),
	)
	hosts = {
		"Test": {
			"pay": "https://test.payu.in",
			"api": "https://test.payu.in",
			"script": "https://jssdk-uat.payu.in",
		},
		"Live": {
			"pay": "https://secure.payu.in",
			"api": "https://info.payu.in",
			"script": "https://jssdk.payu.in",
		},
	}

	# Settings -------------------------------------------------------------------------------------

	@classmethod
	def credential_problems(cls, secrets: Mapping[str, str], mode: str) -> list[str]:
		key, salt = secrets.get("key_id") or "", secrets.get("key_secret") or ""
		problems = []
		if mode == "Live" and key in SHARED_TEST_KEYS:
			problems.append(
				"This Merchant Key is PayU's shared test key. Please use the key of your live account."
			)
		if mode != "Simulator" and cls.simulator_secrets["key_id"] == key:
			problems.append(
				"This Merchant Key only works with the simulator. Please use the key of your account."
			)
		if key.isdigit() and len(key) > 6:
			problems.append("This looks like the numeric merchant ID. Please copy the Merchant Key instead.")
		if any(character.isspace() or character == "|" for character in key + salt):
			problems.append("Key and salt have no spaces and no pipes. Please copy them again.")
		if salt and salt in (key, secrets.get("webhook_secret_previous")):
			problems.append(
				"The Merchant Salt is the same as another field. Please check that each value is in the right field."
			)
		return problems

	def test_connection(self) -> str:
		reference = "connectiontest"
		answer = self._ask("verify_payment", reference)
		if not isinstance(member(answer, "transaction_details"), Mapping):
			raise BadAnswer(
				"PayU answered without transaction details. Please try again, then ask PayU's support."
			)
		return f"PayU accepts the Merchant Key and the Merchant Salt in {self.mode} mode."

	# Paying ---------------------------------------------------------------------------------------

	def create(self, request: PaymentRequest) -> Checkout:
		if request.currency.upper() != CURRENCY:
			raise GatewayRefused(
				f"PayU accepts INR only, not {request.currency}. Please choose another way to pay."
			)
		fields = self._form_fields(request)
		form = Form(f"{self.host('pay')}/_payment", fields)
		if request.flow not in ("embedded", "inline"):
			return Checkout("form", form=form)
		config = {
			**fields,
			"enforce_paymethod": "",
			"display_lang": "EN",
			"pg_redirect_flow": request.flow,
			"show_payment_mode": "CC,DC,NB,UPI,CASH",
		}
		return Checkout("sdk", sdk=Sdk("bolt", f"{self.host('script')}/bolt/bolt.min.js", config), form=form)

	def status(self, payment: PaymentRef) -> list[PaymentEvent | RefundEvent]:
		answer = self._ask("verify_payment", payment.reference)
		entry = member(answer, "transaction_details", payment.reference)
		if not isinstance(entry, Mapping):
			raise BadAnswer("PayU's answer does not contain this payment.")
		reference = text_of(entry.get("txnid")) or payment.reference
		event = payment_event(entry, reference, entry.get("transaction_amount"))
		if is_undecided(event, payment.created_at, self.now()):
			event = replace(event, outcome=Outcome.PENDING)
		if event.outcome is not Outcome.PAID or self.is_fresh(payment):
			return [event]  # `captured` stays captured whatever was sent back of it
		return [event, *self.refunds_or_none(lambda: self._refund_events(payment.reference))]

	def _refund_events(self, reference: str) -> list[RefundEvent]:
		"""All refunds of a payment. PayU's pages show this answer in one shape only; what looks otherwise tells nothing."""
		answer = self._ask("getAllRefundsFromTxnIds", reference)
		return [
			replace(refund_event(entry, token or None), reference=reference)
			for token, entry in refund_entries(answer)
		]

	def _form_fields(self, request: PaymentRequest) -> dict[str, str]:
		names = _clean(request.customer.name, 60).split(" ", 1)
		fields = {
			"key": self._key(),
			"txnid": request.reference,
			# Hashed and posted as the very same characters: 10, 10.0 and 10.00 are three different hashes.
			"amount": money_text(request.amount, CURRENCY),
			"productinfo": _clean(request.description, 100) or "Payment",
			"firstname": names[0][:20] or "Customer",
			"lastname": names[1][:20].strip() if len(names) > 1 else "",
			"email": _email(request.customer.email),
			"phone": _phone(request.customer.phone),
			"surl": request.return_url,
			# A cancel comes to furl too, signed; `curl` is left out, it takes 50 characters only.
			"furl": request.cancel_url,
			"udf1": _clean(request.invoice, 255),
			**{f"udf{number}": "" for number in range(2, 6)},
		}
		return {**fields, "hash": request_hash(fields, self._salt())}

	# Hearing --------------------------------------------------------------------------------------

	def verify(self, callback: Callback) -> None:
		fields = fields_of(callback)
		if not fields and callback.kind == "return":
			return  # the customer only opened the address
		if fields.get("key", self._key()) != self._key():
			raise SignatureError("This message is for another PayU account.")
		if is_refund(fields):
			return
		if is_dispute(fields):
			self._verify_dispute(callback, fields)
		elif not is_signed(fields, self._salts()):
			raise SignatureError("PayU's hash does not match the message.")

	def parse(self, callback: Callback) -> Notice:
		fields = fields_of(callback)
		if not fields:
			return Notice(reference=text_of(callback.query.get("attempt")) or None, event_type="return")
		if is_refund(fields):
			return refund_bell(fields)
		if is_dispute(fields):
			return dispute_notice(fields, bool(callback.header(DISPUTE_HEADER)))
		return payment_notice(fields)

	def _verify_dispute(self, callback: Callback, fields: Mapping[str, str]) -> None:
		signature = callback.header(DISPUTE_HEADER)
		if signature and not is_signed_dispute(fields, signature, self._key(), self._salts()):
			raise SignatureError("PayU's dispute signature does not match the message.")

	# Giving back ----------------------------------------------------------------------------------

	def refund(self, request: RefundRequest) -> RefundEvent:
		amount = money_text(request.amount, CURRENCY)
		answer = self._ask(
			"cancel_refund_transaction", request.payment_id, var2=request.key[:23], var3=amount
		)
		code, said = text_of(answer.get("error_code")), text_of(answer.get("msg"), 300)
		accepted = text_of(answer.get("status")) == "1" and code in REFUND_ACCEPTED
		if accepted or code in REFUND_TOMORROW:
			return self._queued(request, answer, said)
		if code in REFUND_KNOWN or "token" in said.lower():
			return self._earlier_refund(request, code, said)
		if code in REFUND_AGAIN_LATER:
			raise NotSent(f"PayU cannot make refunds at the moment: {said}", gateway_code=code)
		raise GatewayRefused(
			f"PayU refused the refund: {said or 'no reason given'}", gateway_code=code or None
		)

	def refund_status(self, request: RefundRequest) -> RefundEvent:
		"""Looks the refund up by our token, so a lost answer to the request does no harm."""
		questions = (
			("check_action_status", request.payment_id, {"var2": "payuid"}),
			("getAllRefundsFromTxnIds", request.payment.reference, {}),
		)
		for command, var1, more in questions:
			for token, entry in refund_entries(self._ask(command, var1, **more)):
				if token == request.key[:23]:
					return replace(refund_event(entry, request.key), reference=request.payment.reference)
		return RefundEvent(RefundOutcome.NOT_FOUND, key=request.key, payment_id=request.payment_id)

	@staticmethod
	def _queued(request: RefundRequest, answer: Mapping, said: str) -> RefundEvent:
		"""Accepted is not refunded: PayU only queues it."""
		refund_id = text_of(answer.get("request_id"), 64) or text_of(answer.get("txn_update_id"), 64)
		return RefundEvent(
			RefundOutcome.PROCESSING,
			key=request.key,
			refund_id=refund_id or None,
			payment_id=request.payment_id,
			reference=request.payment.reference,
			amount=request.amount,
			currency=CURRENCY,
			reason=said or None,
		)

	def _earlier_refund(self, request: RefundRequest, code: str, said: str) -> RefundEvent:
		"""PayU knows our token already: an earlier try arrived, and its true state is the answer."""
		event = self.refund_status(request)
		if event.outcome is not RefundOutcome.NOT_FOUND:
			return event
		if code == REFUND_SAME_AMOUNT_TOO_SOON:
			raise NotSent(
				"PayU accepts another refund of the same amount only after five minutes.", gateway_code=code
			)
		if code in REFUND_KNOWN:
			raise BadAnswer(
				f"PayU says that it has this refund but does not show it: {said}", gateway_code=code
			)
		raise GatewayRefused(f"PayU refused the refund: {said}", gateway_code=code or None)

	# The General API ------------------------------------------------------------------------------

	def _ask(self, command: str, var1: str, **more: str) -> dict:
		fields = {"key": self._key(), "command": command, "var1": var1, **more}
		fields["hash"] = command_hash(self._key(), command, var1, self._salt())
		url = f"{self.host('api')}/merchant/postservice.php?form=2"
		answer = read_json(self.http.call("POST", url, label=self.label, data=fields), self.label)
		said = text_of(answer.get("msg"), 300)
		if text_of(answer.get("status")) != "1" and KEYS_REFUSED.search(said):
			raise CredentialsRefused(
				f"PayU refused the Merchant Key or the Merchant Salt ({said}). Please check that both come "
				f"from the same account, in the dashboard's {'live' if self.mode == 'Live' else 'test'} mode."
			)
		return answer

	def _key(self) -> str:
		return self.secrets.get("key_id", "")

	def _salt(self) -> str:
		salt = self.secrets.get("key_secret", "")
		if not self._key() or not _is_salt(salt):
			raise CredentialsRefused("PayU has no Merchant Key or no Merchant Salt. Please fill them in.")
		return salt

	def _salts(self) -> list[str]:
		"""What incoming messages may be signed with: the salt and the previous one."""
		found = (self.secrets.get(name, "") for name in ("key_secret", "webhook_secret_previous"))
		return [salt for salt in found if _is_salt(salt)]


def _is_salt(value: str) -> bool:
	# Asterisks are a password field that was read the wrong way: anybody could sign with them.
	return bool(value.strip("*"))


def _clean(text: str, limit: int) -> str:
	return " ".join(UNSAFE.sub(" ", text).split())[:limit].strip()


def _email(address: str) -> str:
	if len(address) > 50 or UNSAFE.search(address):
		raise GatewayRefused(
			"PayU accepts plain email addresses of up to 50 characters. Please use a shorter one."
		)
	return address


def _phone(number: str) -> str:
	digits = re.sub(r"[^0-9+]", "", number)[:50]
	if not digits:
		raise GatewayRefused("PayU needs a phone number. Please add one to your profile and try again.")
	return digits
