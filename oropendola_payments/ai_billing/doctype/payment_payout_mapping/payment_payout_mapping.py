from typing import Any

from frappe import _
from frappe.model.document import Document
from frappe.utils import cint

from oropendola_payments.ai_billing.doctype.payment_event.payment_event import append_to_site
from oropendola_payments.ai_billing.known_gateways import adapter_class
from oropendola_payments.exceptions import BadRequest
from oropendola_payments.gateways.payouts import IGNORED, PAYOUT, ROLES, FileMapping, LineKind

KINDS = {word.casefold(): word for word in (*(kind.value for kind in LineKind), PAYOUT, IGNORED)}
OPTIONS = ("decimal_mark", "date_order")
SWITCHES = ("minor_units", "signed_amounts", "signed_fees", "fee_includes_tax")


class PaymentPayoutMapping(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		amount_column: DF.Data | None
		bank_reference_column: DF.Data | None
		credit_column: DF.Data | None
		currency_column: DF.Data | None
		date_order: DF.Literal["Automatic", "Day first", "Month first"]
		day_column: DF.Data | None
		debit_column: DF.Data | None
		decimal_mark: DF.Literal["Automatic", "Point", "Comma"]
		direction_column: DF.Data | None
		fee_column: DF.Data | None
		fee_includes_tax: DF.Check
		file_currency: DF.Data | None
		gateway: DF.Data
		kind_column: DF.Data | None
		kinds: DF.SmallText | None
		minor_units: DF.Check
		net_column: DF.Data | None
		own_amount_column: DF.Data | None
		own_currency_column: DF.Data | None
		paid_on_column: DF.Data | None
		payment_id_column: DF.Data | None
		payout_id_column: DF.Data | None
		reference_column: DF.Data | None
		refund_id_column: DF.Data | None
		refund_key_column: DF.Data | None
		row_column: DF.Data | None
		signed_amounts: DF.Check
		signed_fees: DF.Check
		tax_column: DF.Data | None
	# end: auto-generated types

	"""What the columns of a gateway's settlement report mean, where it differs from what we expect."""

	def validate(self) -> None:
		adapter_class(self.gateway)
		self.mapping()

	def on_update(self) -> None:
		append_to_site("payout_mapping_changed", self, gateway=self.gateway)

	def mapping(self) -> FileMapping:
		return mapping_of(self.as_dict())


def mapping_of(values: dict) -> FileMapping:
	"""Return the mapping that these columns of the record mean."""
	return FileMapping(
		columns={role: text for role in ROLES if (text := (values.get(f"{role}_column") or "").strip())},
		kinds=kinds_of(values.get("kinds") or ""),
		currency=(values.get("file_currency") or "").strip().upper(),
		decimal_mark=values.get("decimal_mark") or "Automatic",
		date_order=values.get("date_order") or "Automatic",
		minor_units=bool(cint(values.get("minor_units"))),
		signed_amounts=bool(cint(values.get("signed_amounts"))),
		signed_fees=bool(cint(values.get("signed_fees"))),
		fee_includes_tax=bool(cint(values.get("fee_includes_tax"))),
	)


def kinds_of(text: str) -> dict[str, str]:
	"""Return the kinds by the report's words, from lines such as `payment = Capture`."""
	found: dict[str, str] = {}
	for line in filter(str.strip, text.splitlines()):
		word, separator, kind = (part.strip() for part in line.rpartition("="))
		known = KINDS.get(kind.casefold())
		if not separator or not word or not known:
			message = _(
				"“{0}” is not a kind of line. Please write it as in: payment = Capture. Known kinds: {1}."
			)
			raise BadRequest(message.format(line.strip()[:100], ", ".join(KINDS.values())))
		found[word] = known
	return found


def values_of(mapping: FileMapping) -> dict[str, Any]:
	"""Return the columns of the record that mean this mapping."""
	columns: dict[str, Any] = {f"{role}_column": mapping.columns.get(role) for role in ROLES}
	return {
		**columns,
		"kinds": "\n".join(f"{word} = {kind}" for word, kind in mapping.kinds.items()),
		"file_currency": mapping.currency,
		**{name: getattr(mapping, name) for name in OPTIONS},
		**{name: int(getattr(mapping, name)) for name in SWITCHES},
	}
