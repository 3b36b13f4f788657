"""Tax ids of buyers and sellers: normalised and checked without asking anybody.

A right form is not an active registration: only the authority knows that.
"""

from dataclasses import dataclass
from typing import Literal

from frappe import _
from stdnum import luhn
from stdnum.eu import vat as eu_vat
from stdnum.exceptions import ValidationError
from stdnum.gb import vat as gb_vat

from oropendola_payments.ai_billing.places import EU, STATES_OF_INDIA
from oropendola_payments.exceptions import Unprocessable

LETTERS_AND_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# 9 is a digit, A a letter, X either; anything else stands for itself.
GSTIN_SHAPE = "99AAAAX9999AXzX"
GB_SHAPES = ("999999999", "999999999999", "gd999", "ha999")
EU_SHAPES = {
	"AT": ("u99999999",), "BE": ("9999999999",), "BG": ("999999999", "9999999999"), "CY": ("99999999A",),
	"CZ": ("99999999", "999999999", "9999999999"), "DE": ("999999999",), "DK": ("99999999",), "EE": ("999999999",),
	"ES": ("X9999999X",), "FI": ("99999999",), "FR": ("XX999999999",), "GR": ("999999999",), "HR": ("99999999999",),
	"HU": ("99999999",), "IE": ("9X99999A", "9999999AA"), "IT": ("99999999999",), "LT": ("999999999", "999999999999"),
	"LU": ("99999999",), "LV": ("99999999999",), "MT": ("99999999",), "NL": ("XXXXXXXXXX99",), "PL": ("9999999999",),
	"PT": ("999999999",), "RO": tuple("9" * length for length in range(2, 11)), "SE": ("999999999999",),
	"SI": ("99999999",), "SK": ("9999999999",),
}  # fmt: skip
GREECE = "EL"  # in VAT numbers; GR everywhere else


class InvalidTaxId(Unprocessable):
	"""The tax id is mistyped. The sentence says which character or group of digits is wrong."""

	error_code = "invalid_tax_id"


@dataclass(frozen=True)
class TaxId:
	kind: str
	number: str

	@property
	def status(self) -> Literal["Format Checked", "Unchecked"]:
		return "Unchecked" if self.kind == "Other" else "Format Checked"


def check(text: str, code: str, state: str | None) -> TaxId:
	"""Return the tax id of a party in the country with this code. Refused if it is mistyped or belongs to another place."""
	if code == "IN":
		return TaxId("GSTIN", check_gstin(text, state))
	if code in EU:
		return TaxId("EU VAT", check_eu_vat(text, code))
	if code == "GB":
		return TaxId("GB VAT", check_gb_vat(text))
	return TaxId("Other", " ".join(text.split()).upper())


def check_gstin(text: str, state: str | None) -> str:
	number = _compact(text)
	if len(number) != len(GSTIN_SHAPE):
		raise InvalidTaxId(_("A GSTIN has 15 characters, and this one has {0}.").format(len(number)))
	_require_shape(number, (GSTIN_SHAPE,))
	_require_state(number[:2], state)
	try:
		luhn.validate(number, LETTERS_AND_DIGITS)
	except ValidationError:
		message = _(
			"The last character of the GSTIN, {0}, does not fit the others. Please compare all 15 characters with your certificate."
		)
		raise InvalidTaxId(message.format(number[-1])) from None
	return number


def _require_state(code: str, state: str | None) -> None:
	name = next((name for name, known in STATES_OF_INDIA.items() if known == code), None)
	if not name:
		message = _("The GSTIN begins with {0}, which is not the number of a state.")
		raise InvalidTaxId(message.format(code))
	if state and name != state:
		message = _(
			"The GSTIN begins with {0}, the number of {1}, but the address is in {2}. Please correct one of them."
		)
		raise InvalidTaxId(message.format(code, _(name), _(state)))


def check_eu_vat(text: str, code: str) -> str:
	prefix = GREECE if code == "GR" else code
	number = _compact(text)
	if number[:2].isalpha() and number[:2] not in (prefix, code) and not _fits_any(number, EU_SHAPES[code]):
		message = _("The VAT number begins with {0}, but those of the address's country begin with {1}.")
		raise InvalidTaxId(message.format(number[:2], prefix))
	digits = number[2:] if number[:2] in (prefix, code) else number
	_require_length(prefix, digits, EU_SHAPES[code])
	_require_shape(digits, EU_SHAPES[code], before=len(prefix))
	try:
		return eu_vat.validate(prefix + digits)
	except ValidationError:
		raise _wrong_check_digits(prefix + digits) from None


def check_gb_vat(text: str) -> str:
	number = _compact(text)
	digits = number.removeprefix("GB")
	_require_length("GB", digits, GB_SHAPES)
	_require_shape(digits, GB_SHAPES, before=2)
	try:
		return f"GB{gb_vat.validate(digits)}"
	except ValidationError:
		raise _wrong_check_digits(f"GB{digits}") from None


def check_oss(text: str) -> str:
	"""Return the number of a registration for the One-Stop Shop: an EU number, or the VAT number of a member state."""
	number = _compact(text)
	try:
		return eu_vat.validate(number)
	except ValidationError:
		raise _wrong_check_digits(number) from None


def _wrong_check_digits(number: str) -> InvalidTaxId:
	message = _(
		"The check digits of VAT number {0} are wrong. Please compare the whole number with your certificate."
	)
	return InvalidTaxId(message.format(number))


def _require_length(prefix: str, digits: str, shapes: tuple[str, ...]) -> None:
	lengths = sorted({len(shape) for shape in shapes})
	if len(digits) not in lengths:
		message = _("A VAT number has {0} characters after {1}, and this one has {2}.")
		wanted = " / ".join(map(str, lengths))
		raise InvalidTaxId(message.format(wanted, prefix, len(digits)))


def _require_shape(number: str, shapes: tuple[str, ...], before: int = 0) -> None:
	"""Refuse a number that fits no shape of its length, by the first character that is wrong in the closest one."""
	faults = {shape: _first_fault(number, shape) for shape in shapes if len(shape) == len(number)}
	if None in faults.values():
		return
	shape, place = max(faults.items(), key=lambda fault: fault[1] or 0)
	place = place or 0
	raise InvalidTaxId(_wanted(shape[place]).format(place + 1 + before, number[place], shape[place].upper()))


def _fits_any(number: str, shapes: tuple[str, ...]) -> bool:
	return any(len(shape) == len(number) and _first_fault(number, shape) is None for shape in shapes)


def _first_fault(number: str, shape: str) -> int | None:
	return next(
		(place for place, (got, mark) in enumerate(zip(number, shape, strict=True)) if not _fits(got, mark)),
		None,
	)


def _fits(character: str, mark: str) -> bool:
	if mark == "9":
		return character in LETTERS_AND_DIGITS[:10]
	if mark == "A":
		return character in LETTERS_AND_DIGITS[10:]
	return character in LETTERS_AND_DIGITS if mark == "X" else character == mark.upper()


def _wanted(mark: str) -> str:
	texts = {
		"9": _("Character {0} of the tax ID must be a digit, not {1}."),
		"A": _("Character {0} of the tax ID must be a letter, not {1}."),
		"X": _("Character {0} of the tax ID must be a letter or a digit, not {1}."),
	}
	return texts.get(mark) or _("Character {0} of the tax ID must be {2}, not {1}.")


def _compact(text: str) -> str:
	"""Return the number in capitals without blanks, hyphens, dots and slashes, however it was typed."""
	return "".join(sign for sign in text.upper() if sign not in " -./\u00a0\u2009\u202f\u2010\u2011\u2013_\t")
