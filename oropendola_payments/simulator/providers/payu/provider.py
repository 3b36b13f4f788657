"""PayU India: the classic `_payment` page, its returns and webhooks. The General API is in `payu_commands`.

https://docs.payu.in/reference/_payment_payu_hosted_checkout
https://docs.payu.in/docs/webhook-events-and-sample-payloads
"""

import json
import re
from hashlib import sha512
from urllib.parse import urlencode

from werkzeug.wrappers import Request, Response

from oropendola_payments.simulator.core import embedded as overlay
from oropendola_payments.simulator.core import ledger, pages
from oropendola_payments.simulator.core.amounts import to_minor, to_text
from oropendola_payments.simulator.core.ledger import Charge, Order, Refund
from oropendola_payments.simulator.core.provider import Provider, Return
from oropendola_payments.simulator.providers.payu.commands import CALLS, GeneralApi, indian_time

REQUIRED = ("key", "txnid", "amount", "productinfo", "firstname", "email", "phone", "surl", "furl", "hash")
LIMITS = {
	"txnid": 25,
	"productinfo": 100,
	"firstname": 20,
	"lastname": 20,
	"email": 50,
	"phone": 50,
	"curl": 50,
	"address1": 100,
	**{f"udf{number}": 255 for number in range(1, 6)},
}
ECHOED = ("productinfo", "firstname", "lastname", "email", "phone", "address1", "city", "state", "country")
UDFS = tuple(f"udf{number}" for number in range(1, 11))
MODES = {"card": "CC", "upi": "UPI", "netbanking": "NB"}
STATUSES = {ledger.CAPTURED: "success", ledger.FAILED: "failure", ledger.PENDING: "pending"}
UNMAPPED = {ledger.CAPTURED: "captured", ledger.FAILED: "failed", ledger.PENDING: "in progress"}
DISPUTE_WORDS = {
	"open": "Pending Response",
	"won": "Closed in Merchant Favour",
	"lost": "Closed Customer Favour",
}
AMOUNT = re.compile(r"\d{1,9}(\.\d{1,2})?")
TXNID = re.compile(r"[A-Za-z0-9-]+")
BOLT = """// A stand-in of PayU's Bolt script: same call, same answers, with the simulator's pay page in the overlay.
(function () {
%(overlay)s
	function hear(handlers, fields) {
		var closed = fields.unmappedstatus === "userCancelled";
		handlers.responseHandler({
			response: closed ? { txnStatus: "CANCEL", txnMessage: "Overlay closed by consumer" } : fields,
		});
	}
	window.bolt = {
		launch: function (data, handlers) {
			if (data && data.key && data.txnid && data.hash)
				return overlay(%(address)s, Object.assign({}, data), hear.bind(null, handlers));
			if (handlers && handlers.catchException)
				handlers.catchException({ message: "key, txnid and hash are mandatory" });
		},
	};
})();
"""


class PayU(Provider):
	code = "payu"
	label = "PayU"
	defaults = {
		"key": "SimPyU",
		"salt": "simulator-payu-salt-0001",
		"signing_salt": "",  # what messages are signed with while the salt is being changed
		"additional_charges": "",  # a fee in rupees that PayU adds, e.g. "29.99"
		"charges_field": "additionalCharges",  # some of PayU's pages spell it additional_charges
		"split_info": "",
		"split_in_hash": False,  # PayU hashes splitInfo only where split settlement is really used
		"udf_in_return": "all",  # all: empty ones too; filled: only those with a value
		"webhook_format": "form",  # form or json
		"sign_disputes": True,
		"refund_error": 0,  # an error_code that every refund request is answered with
	}

	def __init__(self, *parts):
		super().__init__(*parts)
		self.api = GeneralApi(self)

	def routes(self):
		return [
			("POST", "/_payment", self.create),
			("POST", "/merchant/postservice.php", self.api.answer),
			("GET", "/bolt/bolt.min.js", self.bolt_script),
		]

	def call_of(self, request: Request, handler_name: str) -> str:
		return CALLS.get(request.form.get("command", ""), handler_name)

	# The pay page -----------------------------------------------------------------------------------

	def create(self, request: Request) -> Response:
		"""The browser posts the merchant's form: this is where PayU hears of a payment for the first time."""
		fields = request.form.to_dict()
		if problem := self._problem_of(fields):
			return self.page(pages.message_page(self.label, "PayU cannot start this payment", problem), 400)
		order = self.ledger.find_order_by_reference(fields["txnid"])
		if order is None:
			amount = to_minor(fields["amount"], "INR")
			order = self.ledger.add_order(fields["txnid"], f"payu-{self.ledger.next_number()}", amount, "INR")
		elif not self.can_pay(order):
			text = "This transaction id was used for a payment that succeeded (duplicate order)."
			return self.page(pages.message_page(self.label, "PayU cannot start this payment", text), 400)
		order.amount_minor = to_minor(fields["amount"], "INR")
		in_overlay = fields.pop(overlay.FIELD, "")
		order.fields.update(posted=fields, mihpayid=self._new_mihpayid(), overlay=in_overlay)
		return self.show_pay_page(order)

	def bolt_script(self, request: Request) -> Response:
		parts = {"overlay": overlay.SCRIPT, "address": json.dumps(self.url("/_payment"))}
		return self.script(BOLT % parts)

	def complete_checkout(self, order: Order, outcome: str, method: str) -> Return:
		payment_id = order.fields["mihpayid"]
		if self.ledger.find_charge(payment_id):
			payment_id = self._new_mihpayid()
		cancelled = {"unmapped": "userCancelled"} if outcome == "cancel" else {}
		ended = "failure" if outcome == "cancel" else outcome
		charge = self.record_charge(order, payment_id, ended, method, **cancelled)
		self.notify_payment(order, charge)
		posted = order.fields["posted"]
		address = posted["surl"] if charge.state == ledger.CAPTURED else posted["furl"]
		if outcome == "cancel":
			address = posted.get("curl") or address
		return Return("POST", address, self._told_fields(order, charge, "return"))

	def finish(self, order: Order, charge: Charge, outcome: str) -> None:
		charge.fields.pop("unmapped", None)
		super().finish(order, charge, outcome)

	# Webhooks ---------------------------------------------------------------------------------------

	def notify_payment(self, order: Order, charge: Charge) -> None:
		if charge.state == ledger.PENDING:
			return  # PayU has events for successful and failed payments only
		posted = order.fields["posted"]
		fields = self._told_fields(order, charge, "webhook")
		fields["bank_ref_no"] = fields["bank_ref_num"]
		fields.update({name: posted.get(name, "") for name in ("surl", "furl", "curl")})
		if self.config["webhook_format"] == "json":
			self._notify_json(fields)
		else:
			self.send_webhook(
				urlencode(fields).encode(), {"Content-Type": "application/x-www-form-urlencoded"}
			)

	def notify_refund(self, charge: Charge, refund: Refund) -> None:
		"""Like the published samples: JSON, and without a hash."""
		self._notify_json(
			{
				"action": "refund",
				"status": "success" if refund.state == ledger.REFUNDED else "failure",
				"key": self.config["key"],
				"token": refund.key,
				"request_id": refund.refund_id,
				"mihpayid": charge.payment_id,
				"merchantTxnId": charge.reference,
				"amt": to_text(self.reported_amount("webhook", refund.amount_minor), "INR"),
				"bank_ref_num": f"BR{refund.refund_id}",
				"bank_arn": None,
				"refund_mode": "Back to Source",
				"remark": None,
			}
		)

	def notify_dispute(self, charge: Charge, state: str) -> None:
		told = {
			"type": "payments",
			"event": "dispute",
			"mid": "2",
			"cb_id": self.ledger.next_number(),
			"txn_id": charge.payment_id,
			"cb_type": "Chargeback",
			"cb_amount": to_text(charge.amount_minor, "INR"),
			"cb_status": DISPUTE_WORDS[state],
			"reason_code": "Goods or services not provided",
			"due_date": self.clock.now().strftime("%Y-%m-%d"),
		}
		signed = [str(told[name]) for name in ("txn_id", "cb_amount", "cb_id", "cb_type")]
		signed.append(str(told["cb_status"]).replace(" ", ""))
		digest = _digest([self.config["key"], *signed, self._signing_salt()])
		headers = {
			"X-PayU-Dispute-Webhook-Signature-Algorithm": "SHA512",
			"X-PayU-Dispute-Webhook-Signature-V2": self.reported_signature("webhook", digest),
		}
		self._notify_json(told, headers if self.config["sign_disputes"] else {})

	def _notify_json(self, told: dict, headers: dict | None = None) -> None:
		self.send_webhook(json.dumps(told).encode(), {"Content-Type": "application/json", **(headers or {})})

	# What PayU checks and tells -----------------------------------------------------------------------

	def _problem_of(self, fields: dict[str, str]) -> str:
		if missing := [name for name in REQUIRED if not fields.get(name)]:
			return f"Mandatory parameter missing: {', '.join(missing)}."
		if long := [name for name, limit in LIMITS.items() if len(fields.get(name, "")) > limit]:
			return f"Too long: {', '.join(long)}."
		if not AMOUNT.fullmatch(fields["amount"]) or to_minor(fields["amount"], "INR") <= 0:
			return "The amount is not valid."
		if not TXNID.fullmatch(fields["txnid"]):
			return "The transaction id is not valid."
		if fields["key"] != self.config["key"]:
			return "The merchant key is not valid."
		if fields["hash"] != self._request_hash(fields):
			return "E700: the calculated hash does not match the posted hash."
		return ""

	def _request_hash(self, fields: dict[str, str]) -> str:
		names = ("key", "txnid", "amount", "productinfo", "firstname", "email", *UDFS)
		parts = [fields.get(name, "") for name in names] + [self.config["salt"]]
		parts += [fields[name] for name in ("additional_charges", "splitRequest") if fields.get(name)]
		return _digest(parts)

	def _told_fields(self, order: Order, charge: Charge, call: str) -> dict[str, str]:
		"""The fields that PayU posts about a payment, with the reverse hash."""
		fields = self.facts_of(order, charge)
		fields["amount"] = self._told_amount(order, charge, call)
		if self.config["additional_charges"]:
			fields[self.config["charges_field"]] = self.config["additional_charges"]
		if self.config["split_info"]:
			fields["splitInfo"] = self.config["split_info"]
		fields["hash"] = self.reported_signature(call, self._reverse_hash(fields))
		return fields

	def facts_of(self, order: Order, charge: Charge) -> dict[str, str]:
		"""What PayU tells about a payment wherever it tells of one."""
		posted = order.fields["posted"]
		return {
			"mihpayid": charge.payment_id,
			"mode": MODES[charge.method],
			"status": STATUSES[charge.state],
			"unmappedstatus": charge.fields.get("unmapped", UNMAPPED[charge.state]),
			"key": self.config["key"],
			"txnid": order.reference,
			"discount": "0.00",
			"net_amount_debit": self.net_amount(charge),
			"addedon": indian_time(charge.created_at),
			**{name: posted.get(name, "") for name in ECHOED},
			**self._told_udfs(posted),
			**_told_result(charge),
		}

	def _told_amount(self, order: Order, charge: Charge, call: str) -> str:
		"""The amount in the very characters that were posted, unless it is to be a wrong one."""
		minor = self.reported_amount(call, charge.amount_minor)
		return order.fields["posted"]["amount"] if minor == order.amount_minor else to_text(minor, "INR")

	def _told_udfs(self, posted: dict[str, str]) -> dict[str, str]:
		told = {name: posted.get(name, "") for name in UDFS}
		return told if self.config["udf_in_return"] == "all" else {k: v for k, v in told.items() if v}

	def _reverse_hash(self, fields: dict[str, str]) -> str:
		charges = self.config["additional_charges"]
		parts = [charges] if charges else []
		parts += [self._signing_salt(), fields["status"]]
		if self.config["split_info"] and self.config["split_in_hash"]:
			parts.append(self.config["split_info"])
		backwards = (*reversed(UDFS), "email", "firstname", "productinfo", "amount", "txnid", "key")
		return _digest(parts + [fields.get(name, "") for name in backwards])

	def net_amount(self, charge: Charge) -> str:
		"""What the payer paid: the amount and PayU's own fee."""
		if charge.state != ledger.CAPTURED:
			return "0.00"
		fee = to_minor(self.config["additional_charges"] or "0", "INR")
		return to_text(charge.amount_minor + fee, "INR")

	def _signing_salt(self) -> str:
		return self.config["signing_salt"] or self.config["salt"]

	def _new_mihpayid(self) -> str:
		return f"40399371{self.ledger.next_number():010d}"


def _told_result(charge: Charge) -> dict[str, str]:
	ok = charge.state == ledger.CAPTURED
	return {
		"bankcode": MODES[charge.method],
		"PG_TYPE": f"{MODES[charge.method]}-PG",
		"bank_ref_num": f"5270{charge.payment_id[-8:]}" if ok else "",
		"cardnum": "512345XXXXXX2346" if charge.method == "card" else "",
		"payment_source": "payu",
		"error": "E000" if ok else "E308",
		"error_Message": "No Error" if ok else "Bank was unable to authenticate.",
		"field7": "AUTHPOSITIVE" if ok else "AUTHNEGATIVE",
		"field9": "Transaction is Successful." if ok else "Transaction was not completed at the bank.",
	}


def _digest(parts: list[str]) -> str:
	return sha512("|".join(parts).encode()).hexdigest()
