"""The documents of a period as the tables of GSTR-1, with the column names of the offline tool. Values are in rupees.

Ask an accountant before filing: the rules change, and this knows only what was sold here.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property

from oropendola_payments.money import to_decimal

HEADS = {"IGST": "igst", "CGST": "cgst", "SGST": "sgst", "UTGST": "sgst"}
LARGE = Decimal(100_000)  # an inter-State sale above this to somebody unregistered is listed by itself
TABLES = {
	"b2b": (
		"GSTIN/UIN of Recipient", "Receiver Name", "Invoice Number", "Invoice date", "Invoice Value", "Place Of Supply",
		"Reverse Charge", "Applicable % of Tax Rate", "Invoice Type", "E-Commerce GSTIN", "Rate", "Taxable Value", "Cess Amount",
	),
	"b2cl": (
		"Invoice Number", "Invoice date", "Invoice Value", "Place Of Supply", "Applicable % of Tax Rate", "Rate",
		"Taxable Value", "Cess Amount", "E-Commerce GSTIN",
	),
	"b2cs": (
		"Type", "Place Of Supply", "Applicable % of Tax Rate", "Rate", "Taxable Value", "Cess Amount", "E-Commerce GSTIN",
	),
	"exp": (
		"Export Type", "Invoice Number", "Invoice date", "Invoice Value", "Port Code", "Shipping Bill Number",
		"Shipping Bill Date", "Rate", "Taxable Value", "Cess Amount",
	),
	"cdnr": (
		"GSTIN/UIN of Recipient", "Receiver Name", "Note Number", "Note Date", "Note Type", "Place Of Supply",
		"Reverse Charge", "Note Supply Type", "Note Value", "Applicable % of Tax Rate", "Rate", "Taxable Value", "Cess Amount",
	),
	"cdnur": (
		"UR Type", "Note Number", "Note Date", "Note Type", "Place Of Supply", "Note Value", "Applicable % of Tax Rate",
		"Rate", "Taxable Value", "Cess Amount",
	),
	"hsn_b2b": (
		"HSN", "Description", "UQC", "Total Quantity", "Total Value", "Rate", "Taxable Value", "Integrated Tax Amount",
		"Central Tax Amount", "State/UT Tax Amount", "Cess Amount",
	),
	"docs": ("Nature of Document", "Sr. No. From", "Sr. No. To", "Total Number", "Cancelled"),
}  # fmt: skip
TABLES["hsn_b2c"] = TABLES["hsn_b2b"]
NATURES = {"Invoice": "Invoices for outward supply", "Credit Note": "Credit Note"}
REGULAR, SEZ = "Regular B2B", {"SEZWP": "SEZ supplies with payment", "SEZWOP": "SEZ supplies without payment"}
EXPORTS = {"EXPWP": "WPAY", "EXPWOP": "WOPAY"}


@dataclass(frozen=True)
class Row:
	"""One document as the return counts it."""

	facts: dict

	@property
	def is_note(self) -> bool:
		return self.facts["kind"] == "Credit Note"

	@property
	def number(self) -> str:
		return self.facts["number"]

	@property
	def day(self) -> str:
		return date.fromisoformat(self.facts["issue_date"]).strftime("%d-%b-%Y")

	@property
	def place(self) -> str:
		return self.facts["place_of_supply"]

	@property
	def codes(self) -> set[str]:
		return set(self.facts["treatment"].split(" + "))

	@property
	def gstin(self) -> str:
		buyer = self.facts["buyer"]
		return buyer["tax_id"] if buyer["more"].get("country_code") == "IN" else ""

	@cached_property
	def rate(self) -> Decimal:
		"""Return the whole rate of GST. VAT of another country on the same document does not count."""
		rates = (to_decimal(tax["rate"]) for tax in self.facts["taxes"] if tax["label"] in HEADS)
		return sum(rates, Decimal(0))

	@cached_property
	def net(self) -> Decimal:
		return to_decimal((self.facts["home"] or self.facts)["net"])

	@cached_property
	def value(self) -> Decimal:
		return to_decimal((self.facts["home"] or self.facts)["total"])

	def head(self, name: str) -> Decimal:
		"""Return the tax of one column: igst, cgst or sgst."""
		amounts = self.facts["home"].get("taxes") or [tax["amount"] for tax in self.facts["taxes"]]
		pairs = zip(self.facts["taxes"], amounts, strict=True)
		return sum(
			(to_decimal(amount) for tax, amount in pairs if HEADS.get(tax["label"]) == name), Decimal(0)
		)

	@property
	def table(self) -> str:
		"""Return where it belongs: a note where the document that it corrects does."""
		if self.codes & EXPORTS.keys():
			return "exp"
		if self.gstin:
			return "b2b"
		whole = to_decimal(self.facts["original"].get("total") or self.value) if self.is_note else self.value
		is_inter = any(tax["label"] == "IGST" for tax in self.facts["taxes"])
		return "b2cl" if is_inter and whole > LARGE else "b2cs"

	@property
	def supply_type(self) -> str:
		return next((SEZ[code] for code in self.codes if code in SEZ), REGULAR)

	@property
	def export_type(self) -> str:
		return next((EXPORTS[code] for code in self.codes if code in EXPORTS), "WPAY")


def tables(documents: Iterable[dict]) -> dict[str, list[tuple]]:
	"""Return the rows of each table for the frozen contents of a period, in the order of `TABLES`."""
	rows = [Row(facts) for facts in documents]
	return {
		"b2b": [_b2b(row) for row in rows if row.table == "b2b" and not row.is_note],
		"b2cl": [_b2cl(row) for row in rows if row.table == "b2cl" and not row.is_note],
		"b2cs": list(_b2cs([row for row in rows if row.table == "b2cs"])),
		"exp": [_exp(row) for row in rows if row.table == "exp" and not row.is_note],
		"cdnr": [_cdnr(row) for row in rows if row.table == "b2b" and row.is_note],
		"cdnur": [_cdnur(row) for row in rows if row.table in ("b2cl", "exp") and row.is_note],
		"hsn_b2b": list(_hsn([row for row in rows if row.gstin])),
		"hsn_b2c": list(_hsn([row for row in rows if not row.gstin])),
		"docs": list(_docs(rows)),
	}


def _b2b(row: Row) -> tuple:
	buyer = row.facts["buyer"]["name"]
	return (
		row.gstin,
		buyer,
		row.number,
		row.day,
		row.value,
		row.place,
		"N",
		"",
		row.supply_type,
		"",
		row.rate,
		row.net,
		"",
	)


def _b2cl(row: Row) -> tuple:
	return row.number, row.day, row.value, row.place, "", row.rate, row.net, "", ""


def _exp(row: Row) -> tuple:
	return row.export_type, row.number, row.day, row.value, "", "", "", row.rate, row.net, ""


def _cdnr(row: Row) -> tuple:
	buyer = row.facts["buyer"]["name"]
	return (
		row.gstin,
		buyer,
		row.number,
		row.day,
		"C",
		row.place,
		"N",
		row.supply_type,
		row.value,
		"",
		row.rate,
		row.net,
		"",
	)


def _cdnur(row: Row) -> tuple:
	kind = "B2CL" if row.table == "b2cl" else f"EXP{row.export_type.removesuffix('AY')}"
	place = row.place if row.table == "b2cl" else ""
	return kind, row.number, row.day, "C", place, row.value, "", row.rate, row.net, ""


def _b2cs(rows: list[Row]) -> Iterator[tuple]:
	"""Yield one row for each place and rate, net of credit notes."""
	sums: dict[tuple[str, Decimal], Decimal] = {}
	for row in rows:
		key = row.place, row.rate
		sums[key] = sums.get(key, Decimal(0)) + (-row.net if row.is_note else row.net)
	for (place, rate), net in sorted(sums.items()):
		yield "OE", place, "", rate, net, "", ""


def _hsn(rows: list[Row]) -> Iterator[tuple]:
	sums: dict[tuple[str, Decimal], list[Decimal]] = {}
	for row in rows:
		key = row.facts["lines"][0]["code"], row.rate
		parts = row.value, row.net, row.head("igst"), row.head("cgst"), row.head("sgst")
		known = sums.setdefault(key, [Decimal(0)] * len(parts))
		sums[key] = [old + (-new if row.is_note else new) for old, new in zip(known, parts, strict=True)]
	for (code, rate), (value, net, igst, cgst, sgst) in sorted(sums.items()):
		yield code, "", "NA", 0, value, rate, net, igst, cgst, sgst, ""


def _docs(rows: list[Row]) -> Iterator[tuple]:
	"""Yield the first and last number of each series. None is ever cancelled."""
	series: dict[tuple[str, str], list[str]] = {}
	for row in rows:
		series.setdefault((row.facts["kind"], row.number.rpartition("-")[0]), []).append(row.number)
	for (kind, _name), numbers in sorted(series.items(), reverse=True):
		numbers.sort(key=lambda number: (len(number), number))  # 999999 comes before 1000000
		yield NATURES[kind], numbers[0], numbers[-1], len(numbers), 0
