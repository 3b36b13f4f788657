"""Cashfree payments in two steps, under the names and fields of the API. They move money."""

from decimal import Decimal
from typing import Any

from frappe import _
from frappe.utils import validate_email_address

from oropendola_payments.engine.checkout import two_step
from oropendola_payments.engine.phone import numbers
from oropendola_payments.exceptions import BadRequest
from oropendola_payments.gateways.base import Customer
from oropendola_payments.mcp.tools import schema as s
from oropendola_payments.mcp.tools.plain import UNTRUSTED, untrusted
from oropendola_payments.mcp.tools.tool import Caller, Tool

ORDER = s.text("The `order_id` of create_cashfree_order.", 40)
PHONE = s.text("A phone number with country code, such as +919876500000.", 20, "^[+]?[0-9 ()-]+$")
ANSWER = s.answer_schema(
	order_id={"type": "string"}, order_status={"type": "string"}, payment_status={"type": "string"},
	order_amount={"type": "number"}, payment_amount={"type": "number"}, currency={"type": "string"},
)  # fmt: skip


def create_cashfree_order(
	caller: Caller,
	customer_name: str,
	customer_email: str,
	customer_phone: str,
	invoice_id: str | None = None,
	amount: int | Decimal | None = None,
) -> dict:
	if not validate_email_address(customer_email):
		raise BadRequest(_("This is not a valid email address. Please check it."))
	customer = Customer(customer_name[:100], customer_email, numbers.phone_number(customer_phone))
	asked = None if amount is None else Decimal(amount)
	return two_step.create_order(caller.user, invoice_id, asked, customer)


def initiate_cashfree_payment(
	caller: Caller, order_id: str, payment_method: str, phone_number: str, **details: str
) -> dict:
	given = {"vpa" if name == "upi_id" else name: value for name, value in details.items()}
	return two_step.start(caller.user, order_id, payment_method, phone_number, given)


def confirm_cashfree_payment(caller: Caller, order_id: str, otp: str) -> dict:
	return _marked(two_step.confirm(caller.user, order_id, otp))


def get_cashfree_order_status(caller: Caller, order_id: str) -> dict:
	return _marked(two_step.status(caller.user, order_id))


def _marked(answer: dict) -> dict:
	return {**answer, "message": untrusted(answer["message"])}


def _tool(name: str, title: str, description: str, run: Any, arguments: s.Schema, **more: Any) -> Tool:
	more = {"reads": False, "destroys": True, "per_minute": 10, "answer": ANSWER, **more}
	return Tool(name, title, description, run, arguments, reaches_outside=True, moves_money=True, **more)


TOOLS = (
	_tool(
		"create_cashfree_order",
		"Create a Cashfree order",
		"Open an order for an open invoice of the user. The amount comes from the invoice; `amount` is only compared with it.",
		create_cashfree_order,
		s.argument_schema(
			{"customer_name": s.text(), "customer_email": s.text(), "customer_phone": PHONE},
			{"invoice_id": s.text("Needed if more than one is open."), "amount": s.amount("Only compared.")},
		),
	),
	_tool(
		"initiate_cashfree_payment",
		"Start a Cashfree payment",
		"Choose how to pay, and send the user a code by SMS. The payment starts when the code is confirmed. A second call"
		" sends a new code.",
		initiate_cashfree_payment,
		s.argument_schema(
			{
				"order_id": ORDER,
				"payment_method": s.text(f"One of {', '.join(two_step.METHODS)}.", 20),
				"phone_number": PHONE,
			},
			{
				"upi_id": s.text("For upi_collect."),
				"bank_code": s.text("For netbanking.", 4, "^[0-9]{4}$"),
				"instrument_id": s.text("For saved_card."),
			},
		),
		repeatable=False,
	),
	_tool(
		"confirm_cashfree_payment",
		"Confirm a Cashfree payment",
		"Pass on the code that the user received, which starts the payment. Only the gateway's status makes it Paid.",
		confirm_cashfree_payment,
		s.argument_schema({"order_id": ORDER, "otp": s.text("The code.", 10, "^[0-9]{6,10}$")}),
		repeatable=False,
		answer={**ANSWER, "properties": {**ANSWER["properties"], "message": UNTRUSTED}},
	),
	_tool(
		"get_cashfree_order_status",
		"Get the status of a Cashfree order",
		"The status of an order, checked at the gateway unless that was a moment ago.",
		get_cashfree_order_status,
		s.argument_schema({"order_id": ORDER}),
		reads=True,
		destroys=False,
		per_minute=60,
		answer={**ANSWER, "properties": {**ANSWER["properties"], "message": UNTRUSTED}},
	),
)
