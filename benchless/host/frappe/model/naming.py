"""Names of new documents."""

import base64
import re
import secrets

import frappe
from frappe.utils import cint, cstr, now_datetime

_NOTHING = object()


class InvalidNamingSeriesError(frappe.ValidationError):
	pass


def set_new_name(doc):
	"""Name the document as its DocType says."""
	doc.run_method("before_naming")
	autoname = doc.meta.autoname or ""
	if autoname.lower() != "prompt" and not frappe.flags.in_import:
		doc.name = None
	if doc.meta.issingle:
		doc.name = doc.doctype
	if autoname == "autoincrement":
		raise NotImplementedError("benchless has no autoincrement names; use a bench")
	if not doc.name:
		doc.run_method("autoname")
	if not doc.name and autoname:
		set_name_from_naming_options(autoname, doc)
	if not doc.name:
		doc.name = make_autoname("hash", doc.doctype)
	doc.name = validate_name(doc.doctype, doc.name)


def set_name_from_naming_options(autoname, doc):
	kind = autoname.lower()
	if kind.startswith("field:"):
		doc.name = _field_autoname(autoname, doc)
		if not doc.name:
			frappe.throw(frappe._("{0} is required").format(doc.meta.get_label(autoname[6:])))
	elif kind.startswith("naming_series:"):
		set_name_by_naming_series(doc)
	elif kind.startswith("prompt"):
		if not doc.name:
			frappe.throw(frappe._("Please set the document name"))
	elif kind.startswith("format:"):
		doc.name = _format_autoname(autoname, doc)
	elif "#" in autoname:
		doc.name = make_autoname(autoname, doc=doc)


def set_name_by_naming_series(doc):
	if not doc.naming_series:
		doc.naming_series = get_default_naming_series(doc.doctype)
	if not doc.naming_series:
		frappe.throw(frappe._("Naming Series mandatory"))
	doc.name = make_autoname(doc.naming_series + ".#####", "", doc)


def get_default_naming_series(doctype: str) -> str | None:
	options = frappe.get_meta(doctype).get_field("naming_series").options or ""
	return next(filter(None, options.split("\n")), None)


def make_autoname(key="", doctype="", doc="", *, ignore_validate=False):
	"""The next name of a series such as `INV-.YYYY.-.#####`, or a random one for `hash`."""
	if key == "hash":
		return base64.b32hexencode(secrets.token_bytes(10)).decode()[:10].lower()
	if "#" not in key:
		key += ".#####"
	elif "." not in key and not ignore_validate:
		message = frappe._("Invalid naming series {}: dot (.) missing")
		frappe.throw(message.format(frappe.bold(key)), InvalidNamingSeriesError)
	return parse_naming_series(key.split("."), doctype, doc)


def parse_naming_series(parts, doctype=None, doc=None, number_generator=None, key=None) -> str:
	name, counted = "", False
	for part in filter(None, parts.split(".") if isinstance(parts, str) else parts):
		if part.startswith("#"):
			if not counted:
				name += (number_generator or getseries)(key or name, len(part))
			counted = True
		else:
			name += _series_part(part, doc)
	return name


def _series_part(part: str, doc) -> str:
	moment = now_datetime()
	formats = {"YY": "%y", "MM": "%m", "DD": "%d", "YYYY": "%Y"}
	if part in formats:
		return moment.strftime(formats[part])
	if part == "timestamp":
		return str(moment)
	if doc and (part.startswith("{") or doc.get(part, _NOTHING) is not _NOTHING):
		return cstr(doc.get(part.strip("{}"))).strip()
	return part


def getseries(key, digits) -> str:
	"""The next number of a counter. As in Frappe it is locked until the transaction ends."""
	current = frappe.db.sql("select `current` from `tabSeries` where name = %s for update", (key,))
	if current:
		frappe.db.sql("update `tabSeries` set `current` = `current` + 1 where name = %s", (key,))
	else:
		frappe.db.sql("insert into `tabSeries` (name, `current`) values (%s, 1)", (key,))
	return f"{cint(current[0][0]) + 1 if current else 1:0{digits}d}"


def validate_name(doctype: str, name: int | str):
	if not name:
		frappe.throw(frappe._("No Name Specified for {0}").format(doctype))
	name = cstr(name).strip()
	if name.startswith("New " + doctype):
		frappe.throw(frappe._("There were some errors setting the name"), frappe.NameError)
	if name == doctype and not frappe.get_meta(doctype).issingle:
		frappe.throw(frappe._("Name of {0} cannot be {1}").format(doctype, name), frappe.NameError)
	if found := re.search(r"[<>]", name):
		message = frappe._("Name cannot contain special characters like {0}")
		frappe.throw(message.format(found[0]), frappe.NameError)
	return name


def append_number_if_name_exists(doctype, value, fieldname="name", separator="-", filters=None) -> str:
	wanted, number = value, 0
	while frappe.db.exists(doctype, {**(filters or {}), fieldname: value}):
		number += 1
		value = f"{wanted}{separator}{number}"
	return value


def _field_autoname(autoname, doc, skip_slicing=None):
	return cstr(doc.get(autoname if skip_slicing else autoname[6:])).strip()


def _format_autoname(autoname: str, doc) -> str:
	"""`format:EX-{YYYY}-{field}-{####}`: what is in braces is a part of a series."""
	pattern = autoname[autoname.index(":") + 1 :]
	with_values = re.sub(r"\{\w+\}", lambda match: parse_naming_series([match[0][1:-1]], doc=doc), pattern)
	# Counted last, because each text before the number has its own counter.
	return re.sub(
		r"\{#+\}",
		lambda match: parse_naming_series([match[0][1:-1]], doc=doc, key=with_values[: match.start()]),
		with_values,
	)
