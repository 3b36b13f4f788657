"""Exports of a period: all documents for any bookkeeping, GSTR-1, e-invoices and the One-Stop Shop."""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal

import frappe
from frappe import _

from oropendola_payments.engine.exports import einvoice, gstr1
from oropendola_payments.exceptions import BadRequest
from oropendola_payments.money import to_decimal

MOST_DAYS, BATCH = 400, 500
OSS_COLUMNS = ("Quarter", "Country", "Rate", "Currency", "Taxable Value", "VAT", "Corrects Quarter")
INDIAN = ("gstr1", "einvoice")  # each is for one GSTIN
COLUMNS = (
	"Number", "Kind", "Title", "Date", "Registration", "Buyer", "Buyer Tax ID", "Country", "State", "Place of Supply",
	"Treatment", "Currency", "Net", "Tax", "Total", "Taxes", "Home Currency", "Rate", "Home Net", "Home Tax", "Home Total",
	"Corrects", "Invoice", "Refund", "Paid On", "Paid With", "Reference", "HSN/SAC", "Description",
)  # fmt: skip
# What a spreadsheet would run as a formula.
FORMULA = re.compile(r"^\s*[=+\-@\t\r]")
FORMATS = ("csv", "json", "gstr1", "einvoice", "oss")


def export(
	kind: str, first: date, last: date, registration: str | None = None, table: str | None = None
) -> tuple[str, str, str]:
	"""Return file name, media type and text of an export. `first` and `last` are both included."""
	if kind not in FORMATS or (table and (kind != "gstr1" or table not in gstr1.TABLES)):
		raise BadRequest(_("Please choose one of these formats: {0}.").format(", ".join(FORMATS)))
	if not 0 <= (last - first).days <= MOST_DAYS:
		raise BadRequest(_("Please choose a period of at most {0} days.").format(MOST_DAYS))
	if registration:
		_require_registration(registration, kind)
	elif kind in INDIAN:
		registration = _only_registration(first, last)
	documents = contents(first, last, registration)
	name = f"{kind}-{table + '-' if table else ''}{first.isoformat()}-{last.isoformat()}"
	if kind == "csv":
		return f"{name}.csv", "text/csv", as_csv(COLUMNS, (_row(facts) for facts in documents))
	if kind == "oss":
		return f"{name}.csv", "text/csv", as_csv(OSS_COLUMNS, one_stop_shop(documents))
	if table:
		return f"{name}.csv", "text/csv", as_csv(gstr1.TABLES[table], gstr1.tables(documents)[table])
	return f"{name}.json", "application/json", as_json(_content(kind, documents))


def _content(kind: str, documents: Iterator[dict]) -> object:
	if kind == "einvoice":
		return einvoice.bulk(list(documents))
	if kind == "gstr1":
		found = gstr1.tables(documents)
		return {
			name: [dict(zip(gstr1.TABLES[name], row, strict=True)) for row in rows]
			for name, rows in found.items()
		}
	return list(documents)


def _require_registration(name: str, kind: str) -> None:
	"""Raise BadRequest if it does not exist or is none for this format: an empty file would say that nothing was sold."""
	country = frappe.db.get_value("AI Tax Registration", name, "country")
	if not country:
		raise BadRequest(_("There is no tax registration {0}.").format(name))
	if kind in INDIAN and country != "India":
		raise BadRequest(_("GSTR-1 and e-invoices are for registrations in India, not for {0}.").format(name))


def _only_registration(first: date, last: date) -> str:
	"""Return the Indian registration with documents in the period. A return mixes no two of them, so two are a BadRequest."""
	indian = frappe.get_all("AI Tax Registration", {"country": "India"}, pluck="name")
	filters = {"issue_date": ("between", (first, last)), "registration": ("in", indian or [""])}
	found = frappe.get_all("AI Tax Document", filters, pluck="registration", distinct=True)
	if len(found) > 1:
		message = _("Please choose one of these registrations, because each has its own return: {0}.")
		raise BadRequest(message.format(", ".join(sorted(found))))
	return found[0] if found else ""


def contents(first: date, last: date, registration: str | None) -> Iterator[dict]:
	"""Yield the frozen contents of a period in batches, ordered by date and number. None means all registrations."""
	filters: dict = {"issue_date": ("between", (first, last))}
	if registration is not None:
		filters["registration"] = registration
	start = 0
	while True:
		rows = frappe.get_all(
			"AI Tax Document",
			filters,
			pluck="content",
			order_by="issue_date, series, number_in_series",
			limit_start=start,
			limit_page_length=BATCH,
		)
		yield from (json.loads(row) for row in rows)
		if len(rows) < BATCH:
			return
		start += BATCH


def one_stop_shop(documents: Iterable[dict]) -> list[tuple]:
	"""Return net and VAT for each quarter, country and rate, less credit notes, as the One-Stop Shop asks for them.

	A return that was filed stays as it is: what corrects a document of an earlier quarter is listed by itself, with that quarter.
	"""
	sums: dict[tuple, list[Decimal]] = {}
	for facts in documents:
		sign = -1 if facts["kind"] == "Credit Note" else 1
		if "OSS" not in facts["treatment"].split(" + "):
			continue
		for tax in facts["taxes"]:
			if tax["label"] not in gstr1.HEADS:  # a rule may call VAT by its name in another language
				key = (
					_quarter(facts["issue_date"]),
					facts["buyer"]["country"],
					to_decimal(tax["rate"]),
					facts["currency"],
					_corrected_quarter(facts),
				)
				known = sums.setdefault(key, [Decimal(0), Decimal(0)])
				known[0] += sign * to_decimal(tax["base"])
				known[1] += sign * to_decimal(tax["amount"])
	return [(*key[:-1], *amounts, key[-1]) for key, amounts in sorted(sums.items())]


def _corrected_quarter(facts: dict) -> str:
	"""Return the earlier quarter that a document belongs to, or nothing if it belongs to its own."""
	original = facts["original"]
	if not original:
		return ""
	quarter = _quarter(_day_of_replaced(original["number"]) or original["date"])
	return quarter if quarter != _quarter(facts["issue_date"]) else ""


def _day_of_replaced(number: str) -> str | None:
	"""Return when the sale was first declared, if this document replaced the one that did."""
	day = None
	while before := frappe.db.get_value("AI Tax Document", number, "original"):
		number, day = before, str(frappe.db.get_value("AI Tax Document", before, "issue_date"))
	return day


def _quarter(day: str) -> str:
	return f"{day[:4]}-Q{(int(day[5:7]) + 2) // 3}"


def _row(facts: dict) -> tuple:
	buyer, home, paid = facts["buyer"], facts["home"], facts["paid"]
	taxes = "; ".join(f"{tax['label']} {tax['rate']}%: {tax['amount']}" for tax in facts["taxes"])
	line = facts["lines"][0]
	return (
		facts["number"], facts["kind"], facts["title"], facts["issue_date"], facts["seller"]["tax_id"], buyer["name"],
		buyer["tax_id"], buyer["country"], buyer["state"], facts["place_of_supply"], facts["treatment"], facts["currency"],
		Decimal(facts["net"]), Decimal(facts["tax"]), Decimal(facts["total"]), taxes, home.get("currency", ""),
		home.get("rate", ""), home.get("net", ""), home.get("tax", ""), home.get("total", ""),
		facts["original"].get("number", ""), facts["invoice"], facts["refund"], paid.get("on", ""), paid.get("with", ""),
		paid.get("reference", ""), line["code"], line["description"],
	)  # fmt: skip


def as_csv(columns: Iterable[str], rows: Iterable[tuple]) -> str:
	"""Return CSV that no spreadsheet takes for formulas."""
	file = io.StringIO()
	writer = csv.writer(file)
	writer.writerow(columns)
	writer.writerows([safe_cell(value) for value in row] for row in rows)
	return file.getvalue()


def safe_cell(value: object) -> str:
	"""Return a cell as text. Text that begins like a formula gets an apostrophe in front; numbers stay numbers."""
	text = f"{value:f}" if isinstance(value, Decimal) else str(value)
	return f"'{text}" if isinstance(value, str) and FORMULA.match(text) else text


def as_json(value: object) -> str:
	return json.dumps(value, ensure_ascii=False, indent=1, default=str)
