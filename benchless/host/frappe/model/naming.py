"""Names of new documents."""

import base64
import re
import secrets

import frappe
from frappe._absent import _absent
from frappe.utils import cint, cstr, now_datetime


def set_new_name(doc):
	"""Name the document as its DocType says."""
	doc.run_method("before_naming")
	autoname = doc.meta.autoname or ""
	if autoname.lower() != "prompt":
		doc.name = None
	if doc.meta.issingle:
		doc.name = doc.doctype
	if autoname == "autoincrement":
		raise NotImplementedError("benchless has no autoincrement names; use a bench")
	if not doc.name:
		doc.run_method("autoname")
	if not doc.name and autoname:
		doc.name = _name_by_rule(autoname, doc)
	doc.name = validate_name(doc.doctype, doc.name or make_autoname("hash", doc.doctype))


def _name_by_rule(autoname: str, doc) -> str | None:
	kind = autoname.lower()
	if kind.startswith("field:"):
		name = cstr(doc.get(autoname[6:])).strip()
		return name or frappe.throw(frappe._("{0} is required").format(doc.meta.get_label(autoname[6:])))
	if kind.startswith("naming_series:"):
		return _name_by_series(doc)
	if kind == "prompt":
		frappe.throw(frappe._("Please set the document name"))
	if kind.startswith("format:"):
		return _name_by_format(autoname[7:], doc)
	if "#" in autoname:
		return make_autoname(autoname, doc=doc)


def _name_by_series(doc) -> str:
	if not doc.naming_series:
		options = doc.meta.get_field("naming_series").options or ""
		doc.naming_series = next(filter(None, options.split("\n")), None)
	if not doc.naming_series:
		frappe.throw(frappe._("Naming Series mandatory"))
	return make_autoname(doc.naming_series + ".#####", "", doc)


def _name_by_format(pattern: str, doc) -> str:
	"""`EX-{YYYY}-{field}-{####}`: what is in braces is a part of a series."""
	named = re.sub(r"\{\w+\}", lambda match: parse_naming_series([match[0][1:-1]], doc=doc), pattern)
	# Counted last, because each text before the number has its own counter.
	return re.sub(r"\{(#+)\}", lambda match: getseries(named[: match.start()], len(match[1])), named)


def make_autoname(key="", doctype="", doc="", *, ignore_validate=False):
	"""The next name of a series such as `INV-.YYYY.-.#####`, or a random one for `hash`."""
	if key == "hash":
		return base64.b32hexencode(secrets.token_bytes(10)).decode()[:10].lower()
	if "#" not in key:
		key += ".#####"
	elif "." not in key and not ignore_validate:
		frappe.throw(frappe._("Invalid naming series {}: dot (.) missing").format(frappe.bold(key)))
	return parse_naming_series(key.split("."), doctype, doc)


def parse_naming_series(parts, doctype=None, doc=None) -> str:
	name, counted = "", False
	for part in filter(None, parts):
		if not part.startswith("#"):
			name += _series_part(part, doc)
		elif not counted:
			name, counted = name + getseries(name, len(part)), True
	return name


def _series_part(part: str, doc) -> str:
	formats = {"YY": "%y", "MM": "%m", "DD": "%d", "YYYY": "%Y"}
	if part in formats:
		return now_datetime().strftime(formats[part])
	if doc and (part.startswith("{") or doc.get(part) is not None):
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
	name = cstr(name).strip()
	problem = None
	if not name:
		problem = frappe._("No Name Specified for {0}").format(doctype)
	elif name.startswith("New " + doctype):
		problem = frappe._("There were some errors setting the name")
	elif name == doctype and not frappe.get_meta(doctype).issingle:
		problem = frappe._("Name of {0} cannot be {1}").format(doctype, name)
	elif found := re.search(r"[<>]", name):
		problem = frappe._("Name cannot contain special characters like {0}").format(found[0])
	if problem:
		frappe.throw(problem, frappe.NameError)
	return name


_absent("frappe.model.naming")
