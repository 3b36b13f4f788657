"""Cashfree's Order Pay: one method without the hosted page, and card codes typed on our own page.

https://www.cashfree.com/docs/api-reference/payments/latest/payments/pay and .../authenticate. The bank makes, sends
and checks the code; we only pass it on. Card numbers never come here: a saved card is named by its instrument id.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from oropendola_payments.gateways.base import Checkout, Form, OtpResult
from oropendola_payments.gateways.cashfree.mapping import id_of, sentence_of
from oropendola_payments.gateways.errors import BadAnswer, GatewayRefused
from oropendola_payments.gateways.http import member, short_text

UPI_ID = re.compile(r"[A-Za-z0-9._-]{2,256}@[A-Za-z0-9]{2,64}")
OTP = re.compile(r"[0-9]{4,10}")
COLLECT_MINUTES = 5
# Cashfree's page instead of ours, or over it; a UPI app at once; an order whose method comes later, as in the two-step calls.
FLOWS = ("redirect", "embedded", "upi", "otp")
MOST_QR_CHARACTERS = 200_000


def method_of(method: str | None, details: Mapping[str, str]) -> dict | None:
	"""Order Pay's `payment_method`, or None where the customer chooses on Cashfree's page."""
	build = METHODS.get(method or "")
	return build(details) if build else None


def checkout_of(answer: Mapping, hosted: Checkout) -> Checkout:
	"""How the customer goes on after Order Pay; where that stays unclear, the hosted page of the same order."""
	data, action = member(answer, "data"), short_text(answer.get("action"), 20)
	payment_id, url = id_of(answer.get("cf_payment_id")), _address(member(data, "url"))
	go_on = replace(hosted, payment_id=payment_id, data={**hosted.data, "cf_payment_id": payment_id})
	if action == "post" and payment_id:
		return replace(go_on, next_action="otp", data={**go_on.data, "bank_page": _bank_page(data)})
	if action == "link" and url:
		return replace(go_on, next_action="redirect", url=url, sdk=None)
	if action == "form" and url:
		return replace(go_on, next_action="form", form=Form(url, _fields(member(data, "payload"))), sdk=None)
	if action == "custom":
		return replace(go_on, next_action="upi", upi=_upi(member(data, "payload")))
	return hosted


def otp_request(otp: str | None) -> dict:
	"""The body that passes a code on, or asks the bank for a new one."""
	return {"action": "RESEND_OTP"} if otp is None else {"action": "SUBMIT_OTP", "otp": otp}


def is_code(otp: str) -> bool:
	return bool(OTP.fullmatch(otp))


def otp_result(status: int, answer: Mapping, bank_page: str | None) -> OtpResult:
	"""What became of the code. Accepted means that the bank took it, not that the payment is done."""
	word = short_text(answer.get("authenticate_status"), 20)
	if status < 400 and word in ("SUCCESS", "FAILED"):
		return OtpResult(word == "SUCCESS", sentence_of(answer.get("payment_message")))
	if status < 400:
		raise BadAnswer("Cashfree does not say whether the code was right.")
	# Too many tries, or the payment has ended already.
	return OtpResult(False, "The bank accepts no more codes for this payment.", 0, bank_page)


def _card_saved(details: Mapping[str, str]) -> dict:
	instrument = _needed(details, "instrument_id", "Please choose one of the saved cards.")
	return {"card": {"channel": "post", "instrument_id": instrument}}


def _collect(details: Mapping[str, str]) -> dict:
	upi_id = _needed(details, "vpa", "Please enter the UPI ID, such as name@bank.")
	if not UPI_ID.fullmatch(upi_id):
		raise GatewayRefused("That is not a UPI ID. Please enter it like name@bank.")
	return {"upi": {"channel": "collect", "upi_id": upi_id, "upi_expiry_minutes": COLLECT_MINUTES}}


def _netbanking(details: Mapping[str, str]) -> dict:
	code = _needed(details, "bank_code", "Please choose the bank.")
	if not (code.isascii() and code.isdigit() and len(code) <= 6):
		raise GatewayRefused("That is not a bank code of Cashfree. Please choose the bank from the list.")
	return {"netbanking": {"channel": "link", "netbanking_bank_code": int(code)}}


METHODS: Mapping[str, Callable[[Mapping[str, str]], dict]] = {
	"upi_intent": lambda details: {"upi": {"channel": "link"}},
	"upi_qr": lambda details: {"upi": {"channel": "qrcode"}},
	"upi_collect": _collect,
	"netbanking": _netbanking,
	"saved_card": _card_saved,
}


def _needed(details: Mapping[str, str], name: str, message: str) -> str:
	value = short_text(details.get(name))
	if not value:
		raise GatewayRefused(message)
	return value


def _upi(payload) -> dict[str, str]:
	"""What opens a UPI app: its address, a picture to scan, a page; empty when the app asks by itself (collect)."""
	links = payload if isinstance(payload, Mapping) else {}
	intents = [links.get("default"), *links.values()]
	intent = next((link for link in intents if short_text(link, 2000) and link.startswith("upi://")), None)
	picture = links.get("qrcode")
	is_picture = (
		isinstance(picture, str) and picture.startswith("data:image/") and len(picture) < MOST_QR_CHARACTERS
	)
	found = {"intent": intent, "qr": picture if is_picture else None, "web": _address(links.get("web"))}
	return {name: value for name, value in found.items() if value}


def _bank_page(data) -> str | None:
	"""Where the bank asks for the code itself. The documentation does not say at which depth it stands."""
	places = (("redirect_to_bank",), ("redirect_to_bank", "url"), ("payload", "redirect_to_bank"))
	return next((url for place in places if (url := _address(member(data, *place)))), None)


def _address(url) -> str | None:
	text = short_text(url, 2000)
	return text if text and text.startswith(("https://", "http://")) else None


def _fields(payload) -> dict[str, str]:
	fields = payload if isinstance(payload, Mapping) else {}
	return {name: str(value) for name, value in fields.items() if isinstance(value, (str, int))}
