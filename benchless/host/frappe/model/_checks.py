"""What a document checks before it is stored."""

import frappe
from frappe import _, bold
from frappe.model import table_fields
from frappe.types import _dict
from frappe.utils import (
	cint,
	cstr,
	flt,
	sanitize_html,
	split_emails,
	strip_html,
	validate_email_address,
	validate_phone_number,
)

_LARGEST = {"Int": 2**31 - 1, "Long Int": 2**63 - 1}
_NEVER_CLEANED = ("Attach", "Attach Image", "Barcode", "Code")


class Checks:
	def _where(self) -> str:
		return f"{bold(_(self.doctype))} {_('Row')} #{self.idx}: " if self.get("parentfield") else ""

	def _get_missing_mandatory_fields(self) -> list[tuple[str, str]]:
		missing = [
			(field.fieldname, self._missing_message(field))
			for field in self.meta._fields_with("reqd")
			if not self._has_content(field)
		]
		parents = ("parent", "parenttype") if self.meta.istable else ()
		return missing + [
			(name, self._missing_message(_dict(label=name))) for name in parents if not self.get(name)
		]

	def _has_content(self, field) -> bool:
		value = self.get(field.fieldname)
		return value not in (None, []) and bool(strip_html(cstr(value)).strip())

	def _missing_message(self, field) -> str:
		label = _(field.label)
		if field.fieldtype in table_fields:
			return f"{_('Error')}: {_('Data missing in table')}: {label}"
		if self.get("parentfield"):
			return f"{_('Error')}: {self._where()}{_('Value missing for')}: {label}"
		return _("Error: Value missing for {0}: {1}").format(_(field.parent), label)

	def get_invalid_links(self, is_submittable=False):
		"""Links to nothing; fills the fields that are fetched from what is linked."""
		invalid = []
		for field in self.meta.get_link_fields() + self.meta.get_dynamic_link_fields():
			name = self.get(field.fieldname)
			if name and not self._linked_document_exists(field, name):
				row = f"{_('Row')} #{self.idx}: " if self.get("parentfield") else ""
				invalid.append((field.fieldname, name, f"{row}{_(field.label)}: {name}"))
		return invalid, []

	def _linked_document_exists(self, field, name) -> bool:
		doctype = field.options if field.fieldtype == "Link" else self.get(field.options)
		if not doctype:
			frappe.throw(_("{0} must be set first").format(self.meta.get_label(field.options)))
		if frappe.get_meta(doctype).issingle:
			return True
		wanted = self.meta.get_fields_to_fetch(field.fieldname)
		wanted = [df for df in wanted if not (df.fetch_if_empty and self.get(df.fieldname))]
		if not wanted:
			return bool(frappe.db.get_value(doctype, name, "name", cache=True))
		sources = [df.fetch_from.split(".")[-1] for df in wanted]
		found = frappe.db.get_value(doctype, name, ["name", *sources], as_dict=True)
		for df, source in zip(wanted, sources, strict=True) if found else ():
			setattr(self, df.fieldname, found[source])
		return bool(found)

	def _validate_selects(self):
		for field in self.meta.get_select_fields():
			if field.fieldname == "naming_series" or not (self.get(field.fieldname) and field.options):
				continue
			options, value = field.options.split("\n"), cstr(self.get(field.fieldname)).strip()
			self.set(field.fieldname, value)
			if any(options) and value not in options:
				message = _('{0} {1} cannot be "{2}". It should be one of "{3}"')
				row = _("Row #{0}:").format(self.idx) if self.get("parentfield") else ""
				allowed = '", "'.join(_(option) for option in options)
				frappe.throw(message.format(row, self.meta.get_label(field.fieldname), value, allowed))

	def _validate_data_fields(self):
		for field in self.meta.get_data_fields():
			value = self.get(field.fieldname)
			if value and field.options == "Phone":
				validate_phone_number(value, throw=True)
			elif value and field.options == "Email" and value not in frappe.STANDARD_USERS:
				for address in split_emails(value):
					validate_email_address(address, throw=True)

	def _validate_non_negative(self):
		for field in self.meta._fields_with("non_negative"):
			if flt(self.get(field.fieldname)) < 0:
				message = _("Value cannot be negative for {0}: {1}")
				text = self._where() + message.format(_(field.parent), bold(_(field.label)))
				frappe.throw(text, frappe.NonNegativeError, title=_("Negative Value"))

	def _validate_length(self):
		if frappe.flags.in_install or self.meta.issingle:
			return
		values = self.get_valid_dict()
		for field, most, is_text in self.meta._once("limits", self._limits):
			value = values[field.fieldname]
			if (len(cstr(value)) if is_text else abs(cint(value))) > most:
				self.throw_length_exceeded_error(field, most, value)

	def _limits(self) -> list[tuple[_dict, int, bool]]:
		"""The columns that hold so many characters, or numbers up to so much."""
		from frappe.database.schema import _VARCHAR_TYPES

		limits = []
		for field in filter(None, map(self.meta.get_field, self.meta.get_valid_columns())):
			if field.fieldtype in _VARCHAR_TYPES:
				limits.append((field, cint(field.length) or frappe.db.VARCHAR_LEN, True))
			elif field.fieldtype in _LARGEST:
				kind = "Long Int" if cint(field.length) > 11 else field.fieldtype
				limits.append((field, _LARGEST[kind], False))
		return limits

	def throw_length_exceeded_error(self, df, max_length, value):
		place = f"{_(self.doctype)} {self.name}"
		if self.get("parentfield"):
			place = _("{0}, Row {1}").format(_(self.doctype), self.idx)
		message = _("{0}: '{1}' ({3}) will get truncated, as max characters allowed is {2}")
		text = message.format(place, bold(_(df.label)), max_length, value)
		frappe.throw(text, frappe.CharacterLengthExceededError, title=_("Value too big"))

	def _sync_autoname_field(self):
		fieldname = (self.meta.autoname or "").partition("field:")[2]
		if fieldname and self.name and self.name != self.get(fieldname):
			self.set(fieldname, self.name)

	def _sanitize_content(self):
		if frappe.flags.in_install:
			return
		for fieldname, value in self.get_valid_dict().items():
			if not isinstance(value, str) or "<" not in value:
				continue  # nothing to clean
			field = self.meta.get_field(fieldname) or _dict()
			is_mail = field.fieldtype in ("Data", "Small Text", "Text") and field.options == "Email"
			if not (field.ignore_xss_filter or is_mail or field.fieldtype in _NEVER_CLEANED):
				cleaned = sanitize_html(value, linkify=field.fieldtype == "Text Editor")
				if cleaned != value:
					self.set(fieldname, cleaned)

	def _save_passwords(self):
		"""Keep the secret encrypted elsewhere and asterisks in the row."""
		from frappe.utils.password import remove_encrypted_password, set_encrypted_password

		if self.flags.ignore_save_passwords is True:
			return
		ignored = self.flags.ignore_save_passwords or ()
		for field in self.meta._fields_of("Password"):
			secret = self.get(field.fieldname)
			if field.fieldname in ignored:
				continue
			if not secret:
				remove_encrypted_password(self.doctype, self.name, field.fieldname)
			elif not self.is_dummy_password(secret):
				set_encrypted_password(self.doctype, self.name, secret, field.fieldname)
				self.set(field.fieldname, "*" * len(secret))

	def get_password(self, fieldname="password", raise_exception=True):
		"""The secret itself."""
		from frappe.utils.password import get_decrypted_password

		value = self.get(fieldname)
		if value and not self.is_dummy_password(value):
			return value
		return get_decrypted_password(self.doctype, self.name, fieldname, raise_exception=raise_exception)

	def is_dummy_password(self, pwd) -> bool:
		return set(pwd) == {"*"}

	def reset_values_if_no_permlevel_access(self, has_access_to, high_permlevel_fields):
		kept = self.flags.get("ignore_permlevel_for_fields") or []
		fields = [df for df in high_permlevel_fields if df.permlevel not in has_access_to]
		before = self._before() if fields else None
		for field in fields if before is not None else ():
			if field.fieldname not in kept:
				self.set(field.fieldname, before.get(field.fieldname))

	def _before(self):
		if self.is_new():
			return frappe.new_doc(self.doctype)
		if not self.parent_doc:
			return self.get_latest()
		rows = self.parent_doc.get_latest().get(self.parentfield)
		return next((row for row in rows if row.name == self.name), None)
