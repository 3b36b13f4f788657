"""Text of customers and gateways, as it is stored. The Desk shows what is stored as HTML, in lists, in rows of a form, in small
text and in reports: Frappe cleans it when a document is saved, but our own statements save none."""

import json
import re
from typing import Any

import frappe

# What a browser takes for a tag. "a < b" is none.
TAG = re.compile(r"<(?=[A-Za-z/!?])")
# The full-width sign reads the same, is as long, and begins no tag.
HARMLESS = "＜"
SHOWN_AS_HTML = ("Data", "Small Text", "Text", "Long Text")


def without_tags(text: str) -> str:
	"""Return the text with nothing in it that a browser takes for a tag. JSON stays the same JSON."""
	if not TAG.search(text):
		return text
	return TAG.sub(r"\\u003c", text) if _is_json(text) else line_without_tags(text)


def line_without_tags(text: str) -> str:
	"""Return the text of a Data column with no tag in it. It stays as long as it is, because what fits must still fit."""
	return TAG.sub(HARMLESS, text)


def values_without_tags(doctype: str, values: dict[str, Any]) -> dict[str, Any]:
	"""Return the values of a row so that no text in it is HTML."""
	hostile = [name for name, value in values.items() if isinstance(value, str) and TAG.search(value)]
	if not hostile:
		return values
	types = {field.fieldname: field.fieldtype for field in frappe.get_meta(doctype).fields}
	shown = [name for name in hostile if types.get(name) in SHOWN_AS_HTML]
	return {**values, **{name: _harmless(values[name], types[name]) for name in shown}}


def _harmless(text: str, fieldtype: str) -> str:
	return line_without_tags(text) if fieldtype == "Data" else without_tags(text)


def _is_json(text: str) -> bool:
	"""Return whether this is an object or a list. A text in quotation marks is typed as it is."""
	if not text.startswith(("{", "[")):
		return False
	try:
		json.loads(text)
	except ValueError:
		return False
	return True
