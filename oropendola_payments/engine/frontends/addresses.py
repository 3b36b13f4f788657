"""Choose where a payment returns to: only to an origin that a manager allowed, whatever the request asks for."""

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from frappe import _
from frappe.utils import cint

from oropendola_payments.ai_billing.current import payment_settings
from oropendola_payments.ai_billing.doctype.payment_frontend.payment_frontend import PaymentFrontend
from oropendola_payments.ai_billing.origins import Origin, origin_of
from oropendola_payments.exceptions import BadRequest

# What our result page adds to an address.
OURS = {"attempt", "status", "time", "signature"}
LONGEST = 500


@dataclass(frozen=True)
class ReturnTo:
	"""Where the customer returns: the origin of a frontend, and the address that the program named, if any."""

	origin: str
	url: str | None = None


def return_to(url: str | None) -> ReturnTo | None:
	"""Return where a payment of a program returns to; None for our own result page. Raises BadRequest for what is not allowed."""
	if not url:
		row = next((row for row in payment_settings().frontends if cint(row.is_default)), None)
		return ReturnTo(origin_of(row.origin).text()) if row else None
	try:
		origin = origin_of(url)
	except ValueError:
		origin = None
	if not origin or not frontend_of(origin) or len(url) > LONGEST:
		raise BadRequest(
			_(
				"return_url is not allowed. A Payments Manager can add its origin, such as https://app.example.com, in Payment Settings."
			)
		)
	if OURS & {name for name, _value in parse_qsl(urlsplit(url).query, keep_blank_values=True)}:
		raise BadRequest(_("return_url must not contain the parameters {0}.").format(", ".join(sorted(OURS))))
	return ReturnTo(origin.text(), url)


def frontend_of(origin: Origin | str) -> PaymentFrontend | None:
	"""Return the allowed frontend with this origin as it is set up now, or None."""
	wanted = origin_of(origin) if isinstance(origin, str) else origin
	return next((row for row in payment_settings().frontends if origin_of(row.origin) == wanted), None)
