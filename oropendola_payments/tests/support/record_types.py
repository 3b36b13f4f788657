"""The block of field types in a controller, as Frappe writes it when a DocType is saved in developer mode."""

import json
import re
from pathlib import Path

from oropendola_payments.tests.support.source import APP, NAME

COMMAND = "python3 -m benchless execute oropendola_payments.tests.support.record_types.write"
DOCTYPES = APP / "ai_billing" / "doctype"
TYPES = (
	"Attach", "Attach Image", "Autocomplete", "Barcode", "Check", "Code", "Color", "Currency", "Data", "Date",
	"Datetime", "Duration", "Dynamic Link", "Float", "HTML Editor", "Int", "JSON", "Link", "Long Text",
	"Markdown Editor", "Password", "Percent", "Phone", "Rating", "Read Only", "Select", "Small Text", "Table",
	"Table MultiSelect", "Text", "Text Editor", "Time",
)  # fmt: skip
NEVER_EMPTY = (
	"Check",
	"Currency",
	"Float",
	"Int",
	"Percent",
	"Rating",
	"Select",
	"Table",
	"Table MultiSelect",
)
BLOCK = re.compile(r"\t# begin: auto-generated types\n.*?\t# end: auto-generated types\n", re.DOTALL)


def write() -> str:
	"""Bring the blocks of all controllers up to date with their DocTypes. `ruff format` breaks the long lines then."""
	for definition, path in controllers():
		path.write_text(with_block(path.read_text(encoding="utf-8"), definition), encoding="utf-8")
	return "Please run: python3 -m ruff format oropendola_payments/ai_billing"


def controllers() -> list[tuple[dict, Path]]:
	found = [
		(json.loads(path.read_text(encoding="utf-8")), path.with_suffix(".py"))
		for path in sorted(DOCTYPES.glob("*/*.json"))
	]
	return [(definition, path) for definition, path in found if path.exists()]


def with_block(code: str, definition: dict) -> str:
	"""The controller's source with its block made new, or put at the top of the class."""
	new = block(definition)
	if BLOCK.search(code):
		return BLOCK.sub(lambda _match: new, code)
	head = re.search(rf"^class {class_name(definition['name'])}\(.*\n", code, re.MULTILINE)
	rest = code[head.end() :]
	return f"{code[: head.end()]}{new}{'' if rest.startswith(chr(10)) else chr(10)}{rest}"


def block(definition: dict) -> str:
	fields = {
		field["fieldname"]: _type(field) for field in definition["fields"] if field["fieldtype"] in TYPES
	}
	if definition.get("istable"):
		fields |= dict.fromkeys(("parent", "parentfield", "parenttype"), "DF.Data")
	imports = ["from frappe.types import DF", *_imports(definition)]
	return "\n".join(
		[
			"\t# begin: auto-generated types",
			"\t# This code is auto-generated. Do not modify anything in this block.",
			"",
			"\tfrom typing import TYPE_CHECKING",
			"",
			"\tif TYPE_CHECKING:",
			*(f"\t\t{line}" for line in sorted(imports)),
			"",
			*sorted(f"\t\t{name}: {kind}" for name, kind in fields.items()),
			"\t# end: auto-generated types\n",
		]
	)


def class_name(doctype: str) -> str:
	return doctype.replace(" ", "")


def _type(field: dict) -> str:
	kind = field["fieldtype"]
	if kind == "Select":
		return f"DF.Literal{json.dumps([word.strip() for word in field['options'].split(chr(10))])}"
	inner = f"[{class_name(field['options'])}]" if kind in ("Table", "Table MultiSelect") else ""
	never_empty = kind in NEVER_EMPTY or field.get("reqd") or field.get("not_nullable")
	return f"DF.{kind.replace(' ', '')}{inner}{'' if never_empty else ' | None'}"


def _imports(definition: dict) -> list[str]:
	tables = {field["options"] for field in definition["fields"] if field["fieldtype"].startswith("Table")}
	modules = {table: table.lower().replace(" ", "_") for table in tables}
	return [
		f"from {NAME}.ai_billing.doctype.{module}.{module} import {class_name(table)}"
		for table, module in modules.items()
	]
