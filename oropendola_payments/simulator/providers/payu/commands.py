"""PayU's General API, postservice.php: the status of payments, and refunds.

https://docs.payu.in/reference/verify_payment_api , /refund_transaction_api ,
/check_action_status_api_with_payu_id , /get_all_refunds_from_transaction_ids_api
"""

from werkzeug.wrappers import Request, Response

from oropendola_payments.simulator.core import ledger
from oropendola_payments.simulator.core.amounts import to_minor, to_text
from oropendola_payments.simulator.core.ledger import Charge, ExceedsRefundable, Order, Refund
from oropendola_payments.simulator.core.provider import Provider
from oropendola_payments.simulator.providers.payu import wire

CALLS = {  # command -> the name of the call in faults
	"verify_payment": "status",
	"check_payment": "status",
	"cancel_refund_transaction": "refund",
	"check_action_status": "refund_status",
	"getAllRefundsFromTxnIds": "refund_status",
	"get_settlement_details_range": "settlements",
}
TOKEN_LIMIT = 23


class GeneralApi:
	"""One path for all commands; the HTTP status is always 200, and the result is in the body."""

	def __init__(self, provider: Provider):
		self.provider = provider
		self.ledger = provider.ledger
		self.commands = {
			"verify_payment": self.verify_payment,
			"check_payment": self.check_payment,
			"cancel_refund_transaction": self.cancel_refund_transaction,
			"check_action_status": self.check_action_status,
			"getAllRefundsFromTxnIds": self.all_refunds,
			"get_settlement_details_range": self.settlements,
		}

	def respond(self, request: Request) -> Response:
		result = self._result(request.form.to_dict())
		if request.args.get("form") != "2":
			# Without form=2 PayU prints a PHP array.
			return self.provider.text_response("Array\n(\n    [status] => 0\n)\n", content_type="text/html")
		return self.provider.json_response(result)

	def _result(self, fields: dict[str, str]) -> dict:
		command = self.commands.get(fields.get("command", ""))
		if not fields.get("key") or not fields.get("var1") or command is None:
			return _refusal("Parameter missing")
		if fields["key"] != self.provider.config["key"]:
			return _refusal("Invalid Merchant Key")
		if not fields.get("hash"):
			return _refusal("Hash is empty")
		signed = [fields["key"], fields["command"], fields["var1"], self.provider.config["salt"]]
		if fields["hash"] != wire.digest(signed):
			return _refusal("Invalid Hash.")
		return command(fields)

	# Payments ---------------------------------------------------------------------------------------

	def verify_payment(self, fields: dict[str, str]) -> dict:
		details = {txnid: self._by_txnid(txnid) for txnid in fields["var1"].split("|")}
		found = sum(payment["mihpayid"] != "Not Found" for payment in details.values())
		return _fetched(found, len(details), details)

	def check_payment(self, fields: dict[str, str]) -> dict:
		charge = self.ledger.find_charge(fields["var1"])
		if charge is None:
			return _refusal("Transaction not exists")
		details = self._payment(self.ledger.find_order(charge.order_id), charge)
		return {"status": 1, "msg": "Transaction Fetched Successfully", "transaction_details": details}

	def _by_txnid(self, txnid: str) -> dict:
		order = self.ledger.find_order_by_reference(txnid)
		if order is None:
			return {"mihpayid": "Not Found", "status": "Not Found"}
		charges = self.ledger.charges_of(order)
		return self._payment(order, charges[-1]) if charges else self._initiated(order)

	def _payment(self, order: Order, charge: Charge) -> dict:
		fields = self.provider.common_fields(order, charge)
		amount = to_text(self.provider.reported_amount("status", charge.amount_minor), "INR")
		net = self.provider.net_amount(charge)
		return {
			**fields,
			"request_id": "",
			"amt": net,
			"transaction_amount": amount,
			"additional_charges": self.provider.config["additional_charges"] or "0.00",
			"error_code": fields["error"],
			"card_no": fields["cardnum"],
			# PayU sends a number when the amount is whole, and text otherwise.
			"net_amount_debit": int(net[:-3]) if net.endswith(".00") and net != "0.00" else net,
			"disc": "0.00",
			"Merchant_UTR": None,
			"Settled_At": "0000-00-00 00:00:00",
		}

	@staticmethod
	def _initiated(order: Order) -> dict:
		"""The customer has opened the pay page and not chosen anything."""
		return {
			"mihpayid": order.fields["mihpayid"],
			"txnid": order.reference,
			"amt": to_text(order.amount_minor, "INR"),
			"transaction_amount": to_text(order.amount_minor, "INR"),
			"status": "pending",
			"unmappedstatus": "initiated",
			"net_amount_debit": "0.00",
			"addedon": wire.indian_time(order.created_at),
			"mode": "",
			"Settled_At": None,
		}

	# Settlements ------------------------------------------------------------------------------------

	def settlements(self, fields: dict[str, str]) -> dict:
		page = int(fields.get("var4") or 1)
		found = self.provider.settlements_of(fields["var1"], fields.get("var2") or fields["var1"], page)
		return {
			"rows": len(found),
			"message": f"{len(found)} Settlements found",
			"status": 1,
			"result": found,
		}

	# Refunds ----------------------------------------------------------------------------------------

	def cancel_refund_transaction(self, fields: dict[str, str]) -> dict:
		charge, token = self.ledger.find_charge(fields["var1"]), fields.get("var2", "")
		if code := self.provider.config["refund_error"]:
			return _refund_failure(code, "as configured", fields["var1"])
		if charge is None:
			return _refund_failure(116, "Transaction not exists", fields["var1"])
		if not token or len(token) > TOKEN_LIMIT:
			return _refund_failure(124, "Token is empty or longer than 23 characters", charge.payment_id)
		if charge.state != ledger.CAPTURED:
			return _refund_failure(111, "Invalid transaction status", charge.payment_id)
		try:
			amount = to_minor(fields.get("var3", ""), "INR")
		except ValueError:
			return _refund_failure(105, "Invalid amount", charge.payment_id)
		return self._new_refund(charge, token, amount)

	def _new_refund(self, charge: Charge, token: str, amount: int) -> dict:
		known = self.ledger.find_refund(key=token)
		if known and known.amount_minor == amount:
			text = "Transactions with the same amount and same token are not allowed"
			return _refund_failure(227, text, charge.payment_id)
		if known:
			return _refund_failure(106, "Token already exists", charge.payment_id)
		try:
			refund = self.ledger.add_refund(charge, str(131278000 + self.ledger.next_number()), token, amount)
		except ExceedsRefundable:
			return _refund_failure(105, "Invalid amount", charge.payment_id)
		return {
			"status": 1,
			"msg": "Refund Request Queued",
			"request_id": refund.refund_id,
			"bank_ref_num": None,
			"mihpayid": int(charge.payment_id),
			"error_code": 102,
		}

	def check_action_status(self, fields: dict[str, str]) -> dict:
		number = fields["var1"]
		if fields.get("var2") == "payuid":
			charge = self.ledger.find_charge(number)
			actions = [self._capture_action(charge)] if charge else []
			actions += (
				[self._refund_action(refund) for refund in self.ledger.refunds_of(charge)] if charge else []
			)
		else:
			refund = self.ledger.find_refund(refund_id=number)
			actions = [self._refund_action(refund)] if refund else []
		if not actions:
			return _fetched(0, 1, {number: "No action status found"})
		return _fetched(1, 1, {number: {action["request_id"]: action for action in actions}})

	def all_refunds(self, fields: dict[str, str]) -> dict:
		order = self.ledger.find_order_by_reference(fields["var1"])
		charges = self.ledger.charges_of(order) if order else []
		refunds = {c.payment_id: [self._refund_row(r) for r in self.ledger.refunds_of(c)] for c in charges}
		if not any(refunds.values()):
			return {"status": 1, "msg": "No Refunds Found for the transaction."}
		return {"status": 1, "msg": "Refunds fetched successfully.", "Refund Details": refunds}

	def _capture_action(self, charge: Charge) -> dict:
		amount = to_text(charge.amount_minor, "INR")
		status = "SUCCESS" if charge.state == ledger.CAPTURED else charge.state
		return _action(charge.payment_id, f"1{charge.payment_id[-8:]}", amount, "capture", "", status)

	def _refund_action(self, refund: Refund) -> dict:
		self._finish_in_demo(refund)
		amount = to_text(self.provider.reported_amount("refund_status", refund.amount_minor), "INR")
		status = wire.REFUND_STATUSES[refund.state]
		return _action(refund.payment_id, refund.refund_id, amount, "refund", refund.key, status)

	def _refund_row(self, refund: Refund) -> dict:
		self._finish_in_demo(refund)
		return {
			"PayuID": refund.payment_id,
			"RequestID": refund.refund_id,
			"RefundToken": refund.key,
			"PaymentGateway": "SIMPG",
			"Amount": to_text(refund.amount_minor, "INR"),
			"Status": wire.REFUND_STATUSES[refund.state],
			"RefundCreationDate": wire.indian_time(refund.created_at),
			"bank_arn": None,
			"success_at": None,
		}

	def _finish_in_demo(self, refund: Refund) -> None:
		# Nobody finishes refunds in the demo, so a refund is done when its status is read.
		if refund.state == ledger.REFUND_PENDING and self.provider.outbox.mode == "auto":
			self.provider.finish_refund(self.ledger.find_charge(refund.payment_id), refund, "success")


def _fetched(found: int, requested: int, details: dict) -> dict:
	return {
		"status": 1 if found else 0,
		"msg": f"{found} out of {requested} Transactions Fetched Successfully",
		"transaction_details": details,
	}


def _refusal(text: str) -> dict:
	return {"status": 0, "msg": text}


def _refund_failure(code: int, text: str, payment_id: str) -> dict:
	return {"status": 0, "msg": f"Refund FAILURE - {text}", "error_code": code, "mihpayid": payment_id}


def _action(payment_id: str, request_id: str, amount: str, action: str, token: str, status: str) -> dict:
	return {
		"mihpayid": payment_id,
		"bank_ref_num": None,
		"request_id": request_id,
		"amt": amount,
		"mode": "CC",
		"action": action,
		"token": token,
		"status": status,
		"bank_arn": None,
		"settlement_id": None,
		"UTR_no": None,
		"refund_mode": "Back to Source",
	}
