"""What an endpoint promises to its callers. The OpenAPI document is made of these, and tests compare every answer with them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

# What paying can run into: the details that a gateway needs, and the gateway itself.
GATEWAY = (
	"gateway_refused", "gateway_not_supported", "gateway_credentials_refused", "gateway_bad_answer", "gateway_error",
	"gateway_unreachable", "gateway_timeout",
)  # fmt: skip
COUPON = ("coupon_not_valid", "coupon_refused")
PAYING = (*GATEWAY, *COUPON, "phone_missing", "billing_profile_missing", "part_refused", "quote_lapsed")
CHOICE = ("ambiguous_subscription",)
API_KEY = ("unauthorized", "payment_required", "subscription_paused", "model_not_in_plan")


@dataclass(frozen=True)
class Contract:
	function: Callable  # as it is written, with its arguments, type hints and docstring
	answer: Any  # a TypedDict, a File or a Redirect; None if it is not described
	errors: tuple[str, ...] = ()  # error codes besides the usual ones
	guest: bool = False
	scope: str | None = None  # what an OAuth token needs
	header: str | None = None  # a header that stands for a log-in
	query: tuple[str, ...] = ()  # arguments in the address that the function reads by itself


def described(
	answer: Any,
	errors: tuple[str, ...] = (),
	guest: bool = False,
	header: str | None = None,
	query: tuple[str, ...] = (),
) -> Callable[[Callable], Callable]:
	"""Describe an endpoint that is whitelisted without `endpoint`. Put it below `frappe.whitelist`, which keeps the mark."""

	def decorate(function: Any) -> Callable:
		function.contract = Contract(function, answer, errors, guest, header=header, query=query)
		return function

	return decorate
