"""What a document checks before it is stored."""

import frappe
from frappe import _, bold
from frappe.model import display_fieldtypes, table_fields
from frappe.types import _dict
from frappe.utils import cint, cstr, flt, sanitize_html, strip_html

_LARGEST = {"Int": 2**31 - 1, "Long Int": 2**63 - 1}
_NEVER_CLEANED = ("Attach", "Attach Image", "Barcode", "Code")


class Checks:
	def _where(self) -> str:
		return f"{bold(_(self.doctype))} {_('Row')} #{self.idx}: " if self.get("parentfield") else ""

	def _get_missing_mandatory_fields(self) -> list[tuple[str, str]]:
		missing = []
		for field in self.meta.get("fields", {"reqd": 1}):
			if not self._has_content(field):
				missing.append((field.fieldname, self._missing_message(field)))
		if self.meta.istable:
			for fieldname in ("parent", "parenttype"):
				if not self.get(fieldname):
					missing.append((fieldname, self._missing_message(_dict(label=fieldname))))
		return missing

	def _has_content(self, field) -> bool:
		value = self.get(field.fieldname)
		if value in (None, []):
			return False
		text = cstr(value)
		return bool(strip_html(text).strip()) or (field.fieldtype == "Text Editor" and "<img" in text)

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
			if not name:
				continue
			found = self._linked_values(self._linked_doctype(field), name, self._fields_to_fetch(field))
			if not found or not found.name:
				row = f"{_('Row')} #{self.idx}: " if self.get("parentfield") else ""
				invalid.append((field.fieldname, name, f"{row}{_(field.label)}: {name}"))
		return invalid, []

	def _linked_doctype(self, field) -> str:
		doctype = field.options if field.fieldtype == "Link" else self.get(field.options)
		if not doctype:
			frappe.throw(_("{0} must be set first").format(self.meta.get_label(field.options)))
		return doctype

	def _fields_to_fetch(self, field) -> list:
		fields = self.meta.get_fields_to_fetch(field.fieldname)
		return [df for df in fields if not (df.fetch_if_empty and self.get(df.fieldname))]

	def _linked_values(self, doctype: str, name, fields: list):
		if frappe.get_meta(doctype).issingle:
			return _dict(name=doctype)
		sources = [df.fetch_from.split(".")[-1] for df in fields]
		if not sources:
			return _dict(name=frappe.db.get_value(doctype, name, "name", cache=True))
		found = frappe.db.get_value(doctype, name, ["name", *sources], as_dict=True)
		if found:
			for field, source in zip(fields, sources, strict=True):
				setattr(self, field.fieldname, found[source])
		return found

	def _validate_selects(self):
		if frappe.flags.in_import:
			return
		for field in self.meta.get_select_fields():
			if field.fieldname == "naming_series" or not (self.get(field.fieldname) and field.options):
				continue
			options = field.options.split("\n")
			value = cstr(self.get(field.fieldname)).strip()
			self.set(field.fieldname, value)
			if (
				any(options)
				and value not in options
				and not (frappe.flags.in_test and value.startswith("_T-"))
			):
				message = _('{0} {1} cannot be "{2}". It should be one of "{3}"')
				row = _("Row #{0}:").format(self.idx) if self.get("parentfield") else ""
				allowed = '", "'.join(_(option) for option in options)
				frappe.throw(message.format(row, self.meta.get_label(field.fieldname), value, allowed))

	def _validate_data_fields(self):
		for field in self.meta.get_phone_fields():
			frappe.utils.validate_phone_number_with_country_code(self.get(field.fieldname), field.fieldname)
		for field in self.meta.get_data_fields():
			value = self.get(field.fieldname)
			if (
				not value
				or not field.options
				or (field.options == "Email" and value in frappe.STANDARD_USERS)
			):
				continue
			if field.options == "Email":
				for address in frappe.utils.split_emails(value):
					frappe.utils.validate_email_address(address, throw=True)
			elif field.options == "Name":
				frappe.utils.validate_name(value, throw=True)
			elif field.options == "Phone":
				frappe.utils.validate_phone_number(value, throw=True)
			elif field.options == "URL":
				frappe.utils.validate_url(value, throw=True)

	def _validate_non_negative(self):
		for field in self.meta.get("fields", {"non_negative": 1}):
			if flt(self.get(field.fieldname)) < 0:
				message = _("Value cannot be negative for {0}: {1}").format(
					_(field.parent), bold(_(field.label))
				)
				frappe.throw(self._where() + message, frappe.NonNegativeError, title=_("Negative Value"))

	def _validate_length(self):
		from frappe.database.schema import _VARCHAR_TYPES

		if frappe.flags.in_install or self.meta.issingle:
			return
		for fieldname, value in self.get_valid_dict(ignore_virtual=True).items():
			field = self.meta.get_field(fieldname)
			if not field:
				continue
			if field.fieldtype in _VARCHAR_TYPES:
				longest = cint(field.length) or frappe.db.VARCHAR_LEN
				if len(cstr(value)) > longest:
					self.throw_length_exceeded_error(field, longest, value)
			elif field.fieldtype in _LARGEST:
				largest = _LARGEST["Long Int" if cint(field.length) > 11 else field.fieldtype]
				if abs(cint(value)) > largest:
					self.throw_length_exceeded_error(field, largest, value)

	def throw_length_exceeded_error(self, df, max_length, value):
		is_row = self.get("parentfield")
		reference = (
			_("{0}, Row {1}").format(_(self.doctype), self.idx)
			if is_row
			else f"{_(self.doctype)} {self.name}"
		)
		message = _("{0}: '{1}' ({3}) will get truncated, as max characters allowed is {2}")
		text = message.format(reference, bold(_(df.label)), max_length, value)
		frappe.throw(text, frappe.CharacterLengthExceededError, title=_("Value too big"))

	def _sync_autoname_field(self):
		fieldname = (self.meta.autoname or "").partition("field:")[2]
		if fieldname and self.name and self.name != self.get(fieldname):
			self.set(fieldname, self.name)

	def _sanitize_content(self):
		if frappe.flags.in_install:
			return
		for fieldname, value in self.get_valid_dict(ignore_virtual=True).items():
			if not isinstance(value, str) or ("<" not in value and ">" not in value):
				continue
			field = self.meta.get_field(fieldname) or _dict()
			is_mail = field.fieldtype in ("Data", "Small Text", "Text") and field.options == "Email"
			if not (field.ignore_xss_filter or is_mail or field.fieldtype in _NEVER_CLEANED):
				self.set(fieldname, sanitize_html(value, linkify=field.fieldtype == "Text Editor"))

	def _save_passwords(self):
		"""Keep the secret encrypted elsewhere and asterisks in the row."""
		from frappe.utils.password import remove_encrypted_password, set_encrypted_password

		ignored = self.flags.ignore_save_passwords
		if ignored is True:
			return
		for field in self.meta.get("fields", {"fieldtype": "Password"}):
			secret = self.get(field.fieldname)
			if ignored and field.fieldname in ignored:
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
		fields = [
			field
			for field in high_permlevel_fields
			if field.permlevel not in has_access_to
			and field.fieldtype not in display_fieldtypes
			and field.fieldname not in kept
		]
		before = self._before() if fields else None
		for field in fields:
			if before is not None:
				self.set(field.fieldname, before.get(field.fieldname))

	def _before(self):
		if self.is_new():
			return frappe.new_doc(self.doctype)
		if not self.parent_doc:
			return self.get_latest()
		rows = self.parent_doc.get_latest().get(self.parentfield)
		return next((row for row in rows if row.name == self.name), None)
