"""Credits are counted in thousandths, as units are, so that no fraction is lost. People and programs see whole credits."""

from decimal import Decimal, InvalidOperation

from babel.numbers import format_decimal
from frappe import _

from oropendola_payments.ai_billing.formatting import _locale
from oropendola_payments.exceptions import BadRequest

THOUSANDTHS = 1000


def in_credits(thousandths: int) -> int | float:
	"""Return thousandths as credits, for an answer of the API."""
	whole, rest = divmod(thousandths, THOUSANDTHS)
	return thousandths / THOUSANDTHS if rest else whole


def text(thousandths: int) -> str:
	"""Return thousandths as credits, for people: 1,000.5."""
	return format_decimal(Decimal(thousandths) / THOUSANDTHS, "#,##0.###", locale=_locale())


def thousandths(credits: Decimal) -> int:
	"""Return credits that somebody entered as thousandths. Raises BadRequest if they are finer than that."""
	try:
		exact = credits * THOUSANDTHS
		if exact != exact.to_integral_value() or abs(exact) >= 10**15:
			raise BadRequest(_("Please enter the credits with at most 3 decimal places."))
	except InvalidOperation:
		raise BadRequest(_("Please enter the credits as a number.")) from None
	return int(exact)
