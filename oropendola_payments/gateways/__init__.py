"""The gateways of this app, by code. A new one is a folder here, and one line."""

from importlib import import_module

from oropendola_payments.gateways.base import Gateway

BUILT_IN = {
	"payu": "oropendola_payments.gateways.payu.adapter.PayU",
	"razorpay": "oropendola_payments.gateways.razorpay.adapter.Razorpay",
	"stripe": "oropendola_payments.gateways.stripe.adapter.Stripe",
	"paypal": "oropendola_payments.gateways.paypal.adapter.PayPal",
	"phonepe": "oropendola_payments.gateways.phonepe.adapter.PhonePe",
	"cashfree": "oropendola_payments.gateways.cashfree.adapter.Cashfree",
	"cashflows": "oropendola_payments.gateways.cashflows.adapter.Cashflows",
}


def load(path: str) -> type[Gateway]:
	"""The adapter class at a dotted path; imported on first use, so that an SDK costs nothing to those without it."""
	module, _, name = path.rpartition(".")
	adapter = getattr(import_module(module), name)
	if not issubclass(adapter, Gateway):
		raise TypeError(f"{path} is not a gateway adapter: it does not inherit from gateways.base.Gateway.")
	return adapter
