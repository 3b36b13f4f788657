"""Simulated PayU India: the `_payment` page, its returns and webhooks. The General API is in `commands`.

https://docs.payu.in/reference/_payment_payu_hosted_checkout
https://docs.payu.in/docs/webhook-events-and-sample-payloads
"""

import json
from urllib.parse import urlencode

from werkzeug.wrappers import Request, Response

from oropendola_payments.simulator.core import embedded, ledger
from oropendola_payments.simulator.core.amounts import to_minor, to_text
from oropendola_payments.simulator.core.ledger import Charge, Order, Refund
from oropendola_payments.simulator.core.provider import Provider, Return
from oropendola_payments.simulator.providers.payu import wire
from oropendola_payments.simulator.providers.payu.commands import CALLS, GeneralApi
from oropendola_payments.simulator.providers.payu.payouts import SettlementReports


class PayU(SettlementReports, Provider):
	code = "payu"
	label = "PayU"
	defaults = {
		"key": "SimPyU",
		"salt": "simulator-payu-salt-0001",
		"signing_salt": "",  # signs messages while the salt is being changed
		"additional_charges": "",  # a fee in rupees that PayU adds, such as "29.99"
		"charges_field": "additionalCharges",  # some pages of PayU call it additional_charges
		"split_info": "",
		"split_in_hash": False,  # PayU hashes splitInfo only where split settlement is in use
		"udf_in_return": "all",  # all, or filled: only those with a value
		"webhook_format": "form",  # form or json
		"sign_disputes": True,
		"refund_error": 0,  # an error_code with which every refund request fails
	}

	def __init__(self, *parts):
		super().__init__(*parts)
		self.api = GeneralApi(self)

	def routes(self):
		return [
			("POST", "/_payment", self.create),
			("POST", "/merchant/postservice.php", self.api.respond),
			("GET", "/bolt/bolt.min.js", self.bolt_script),
		]

	def call_name(self, request: Request, handler_name: str) -> str:
		return CALLS.get(request.form.get("command", ""), handler_name)

	# The pay page -----------------------------------------------------------------------------------

	def create(self, request: Request) -> Response:
		"""The browser posts the merchant's form, and only then PayU knows the payment."""
		fields = request.form.to_dict()
		if problem := self._problem_of(fields):
			return self.message_response("PayU cannot start this payment", problem, 400)
		order = self.ledger.find_order_by_reference(fields["txnid"])
		if order is None:
			amount = to_minor(fields["amount"], "INR")
			order = self.ledger.add_order(fields["txnid"], f"payu-{self.ledger.next_number()}", amount, "INR")
		elif not self.can_pay(order):
			text = "This transaction id was used for a payment that succeeded (duplicate order)."
			return self.message_response("PayU cannot start this payment", text, 400)
		order.amount_minor = to_minor(fields["amount"], "INR")
		is_embedded = fields.pop(embedded.FIELD, "")
		order.fields.update(posted=fields, mihpayid=self._new_mihpayid(), embedded=is_embedded)
		return self.show_pay_page(order)

	def bolt_script(self, request: Request) -> Response:
		parts = {"embedded": embedded.SCRIPT, "address": json.dumps(self.url("/_payment"))}
		return self.script_response(wire.BOLT_SCRIPT % parts)

	def complete_checkout(self, order: Order, outcome: str, method: str) -> Return:
		payment_id = order.fields["mihpayid"]
		if self.ledger.find_charge(payment_id):
			payment_id = self._new_mihpayid()
		cancelled = {"unmapped": "userCancelled"} if outcome == "cancel" else {}
		result = "failure" if outcome == "cancel" else outcome
		charge = self.record_charge(order, payment_id, result, method, **cancelled)
		self.notify_payment(order, charge)
		posted = order.fields["posted"]
		address = posted["surl"] if charge.state == ledger.CAPTURED else posted["furl"]
		if outcome == "cancel":
			address = posted.get("curl") or address
		return Return("POST", address, self._payment_fields(order, charge, "return"))

	def finish(self, order: Order, charge: Charge, outcome: str) -> None:
		charge.fields.pop("unmapped", None)
		super().finish(order, charge, outcome)

	# Webhooks ---------------------------------------------------------------------------------------

	def notify_payment(self, order: Order, charge: Charge) -> None:
		if charge.state == ledger.PENDING:
			return  # PayU has events for successful and failed payments only
		posted = order.fields["posted"]
		fields = self._payment_fields(order, charge, "webhook")
		fields["bank_ref_no"] = fields["bank_ref_num"]
		fields.update({name: posted.get(name, "") for name in ("surl", "furl", "curl")})
		if self.config["webhook_format"] == "json":
			self._send_json(fields)
		else:
			self.send_webhook(
				urlencode(fields).encode(), {"Content-Type": "application/x-www-form-urlencoded"}
			)

	def notify_refund(self, charge: Charge, refund: Refund) -> None:
		"""As in the published samples: JSON without a hash."""
		self._send_json(
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
		dispute = {
			"type": "payments",
			"event": "dispute",
			"mid": "2",
			"cb_id": self.ledger.next_number(),
			"txn_id": charge.payment_id,
			"cb_type": "Chargeback",
			"cb_amount": to_text(charge.amount_minor, "INR"),
			"cb_status": wire.DISPUTE_STATUSES[state],
			"reason_code": "Goods or services not provided",
			"due_date": self.clock.now().strftime("%Y-%m-%d"),
		}
		signed = [str(dispute[name]) for name in ("txn_id", "cb_amount", "cb_id", "cb_type")]
		signed.append(str(dispute["cb_status"]).replace(" ", ""))
		signature = wire.digest([self.config["key"], *signed, self._signing_salt()])
		headers = {
			"X-PayU-Dispute-Webhook-Signature-Algorithm": "SHA512",
			"X-PayU-Dispute-Webhook-Signature-V2": self.reported_signature("webhook", signature),
		}
		self._send_json(dispute, headers if self.config["sign_disputes"] else {})

	def _send_json(self, body: dict, headers: dict | None = None) -> None:
		self.send_webhook(json.dumps(body).encode(), {"Content-Type": "application/json", **(headers or {})})

	# Checks and fields -------------------------------------------------------------------------------

	def _problem_of(self, fields: dict[str, str]) -> str:
		if missing := [name for name in wire.REQUIRED if not fields.get(name)]:
			return f"Mandatory parameter missing: {', '.join(missing)}."
		if long := [name for name, limit in wire.LIMITS.items() if len(fields.get(name, "")) > limit]:
			return f"Too long: {', '.join(long)}."
		if not wire.AMOUNT.fullmatch(fields["amount"]) or to_minor(fields["amount"], "INR") <= 0:
			return "The amount is not valid."
		if not wire.TXNID.fullmatch(fields["txnid"]):
			return "The transaction id is not valid."
		if fields["key"] != self.config["key"]:
			return "The merchant key is not valid."
		if fields["hash"] != self._request_hash(fields):
			return "E700: the calculated hash does not match the posted hash."
		return ""

	def _request_hash(self, fields: dict[str, str]) -> str:
		names = ("key", "txnid", "amount", "productinfo", "firstname", "email", *wire.UDFS)
		parts = [fields.get(name, "") for name in names] + [self.config["salt"]]
		parts += [fields[name] for name in ("additional_charges", "splitRequest") if fields.get(name)]
		return wire.digest(parts)

	def _payment_fields(self, order: Order, charge: Charge, call: str) -> dict[str, str]:
		"""The fields that PayU posts about a payment, with the reverse hash."""
		fields = self.common_fields(order, charge)
		fields["amount"] = self._reported_amount_text(order, charge, call)
		if self.config["additional_charges"]:
			fields[self.config["charges_field"]] = self.config["additional_charges"]
		if self.config["split_info"]:
			fields["splitInfo"] = self.config["split_info"]
		fields["hash"] = self.reported_signature(call, self._reverse_hash(fields))
		return fields

	def common_fields(self, order: Order, charge: Charge) -> dict[str, str]:
		"""The fields of a payment that every message and every command has."""
		posted = order.fields["posted"]
		return {
			"mihpayid": charge.payment_id,
			"mode": wire.MODES[charge.method],
			"status": wire.STATUSES[charge.state],
			"unmappedstatus": charge.fields.get("unmapped", wire.UNMAPPED[charge.state]),
			"key": self.config["key"],
			"txnid": order.reference,
			"discount": "0.00",
			"net_amount_debit": self.net_amount(charge),
			"addedon": wire.indian_time(charge.created_at),
			**{name: posted.get(name, "") for name in wire.ECHOED},
			**self._udf_fields(posted),
			**wire.result_fields(charge),
		}

	def _reported_amount_text(self, order: Order, charge: Charge, call: str) -> str:
		"""The amount exactly as it was posted, unless a fault changes it."""
		minor = self.reported_amount(call, charge.amount_minor)
		return order.fields["posted"]["amount"] if minor == order.amount_minor else to_text(minor, "INR")

	def _udf_fields(self, posted: dict[str, str]) -> dict[str, str]:
		udfs = {name: posted.get(name, "") for name in wire.UDFS}
		return udfs if self.config["udf_in_return"] == "all" else {k: v for k, v in udfs.items() if v}

	def _reverse_hash(self, fields: dict[str, str]) -> str:
		charges = self.config["additional_charges"]
		parts = [charges] if charges else []
		parts += [self._signing_salt(), fields["status"]]
		if self.config["split_info"] and self.config["split_in_hash"]:
			parts.append(self.config["split_info"])
		reversed_names = (*reversed(wire.UDFS), "email", "firstname", "productinfo", "amount", "txnid", "key")
		return wire.digest(parts + [fields.get(name, "") for name in reversed_names])

	def net_amount(self, charge: Charge) -> str:
		"""What the payer paid: the amount and PayU's fee."""
		if charge.state != ledger.CAPTURED:
			return "0.00"
		fee = to_minor(self.config["additional_charges"] or "0", "INR")
		return to_text(charge.amount_minor + fee, "INR")

	def _signing_salt(self) -> str:
		return self.config["signing_salt"] or self.config["salt"]

	def _new_mihpayid(self) -> str:
		return f"40399371{self.ledger.next_number():010d}"
