"""Documents: rows with their children, checks, events and permissions."""

import datetime

import frappe
from frappe import _
from frappe._absent import _absent
from frappe.model._events import Events
from frappe.model.base_document import BaseDocument, get_controller
from frappe.model.naming import set_new_name, validate_name
from frappe.types import _dict
from frappe.utils import cint, cstr, flt, get_datetime, getdate, now


def get_doc(*args, **kwargs):
	"""A document: read by DocType and name, or made from a dict or from keywords."""
	if args and isinstance(args[0], BaseDocument):
		return args[0]
	if args and isinstance(args[0], str):
		return get_controller(args[0])(*args, **kwargs)
	values = args[0] if args else kwargs
	if "doctype" not in values:
		raise ValueError('"doctype" is a required key')
	return get_controller(values["doctype"])(values)


class Document(Events, BaseDocument):
	def __init__(self, *args, **kwargs):
		self.doctype = self.name = None
		self.flags = _dict()
		if args and isinstance(args[0], str):
			self.doctype = args[0]
			self.name = self.doctype if len(args) == 1 or args[1] is None else args[1]
			self.flags.for_update = kwargs.get("for_update")
			self.load_from_db()
			return
		super().__init__(args[0] if args else kwargs)
		for fieldname in self._table_fieldnames:
			if self.__dict__.get(fieldname) is None:
				self.__dict__[fieldname] = []
		self.init_valid_columns()

	def load_from_db(self):
		if self.meta.issingle:
			self._load_single()
		else:
			self._load_row()
		for field in self.meta.get_table_fields():
			self.set(field.fieldname, self._load_children(field))
		return self

	reload = load_from_db

	def _load_single(self):
		values = frappe.db.get_singles_dict(self.doctype, for_update=self.flags.for_update)
		if not values:
			values = frappe.new_doc(self.doctype, as_dict=True)
			values.pop("__islocal")
		super().__init__({**values, "name": self.doctype})
		self.init_valid_columns()
		casts = {"Check": cint, "Int": cint, "Float": flt, "Currency": flt, "Percent": flt}
		for field in self.meta.fields:
			value = self.get(field.fieldname)
			if field.fieldtype in casts and (value is not None or field.fieldtype == "Check"):
				self.set(field.fieldname, casts[field.fieldtype](value))

	def _load_row(self):
		options = {"as_dict": True, "for_update": self.flags.for_update}
		if not isinstance(self.name, dict | list):
			options["order_by"] = None
		values = frappe.db.get_value(self.doctype, self.name, "*", **options)
		if not values:
			message = _("{0} {1} not found").format(_(self.doctype), self.name)
			frappe.throw(message, frappe.DoesNotExistError)
		super().__init__(values)

	def _load_children(self, field) -> list:
		options = {"as_dict": True, "order_by": "idx asc", "for_update": self.flags.for_update}
		return frappe.db.get_values(field.options, self._rows_of(field.fieldname), "*", **options) or []

	def _rows_of(self, fieldname: str) -> dict:
		return {"parent": self.name, "parenttype": self.doctype, "parentfield": fieldname}

	def get_latest(self):
		if not self.get_doc_before_save():
			self.load_doc_before_save()
		return self._doc_before_save

	def insert(
		self,
		ignore_permissions=None,
		ignore_links=None,
		ignore_if_duplicate=False,
		ignore_mandatory=None,
		set_name=None,
		set_child_names=True,
	) -> "Document":
		"""Check and store as a new document."""
		flags = {"ignore_permissions": ignore_permissions, "ignore_links": ignore_links}
		flags["ignore_mandatory"] = ignore_mandatory
		self.flags.update({name: value for name, value in flags.items() if value is not None})
		self.set("__islocal", True)
		self._prepare()
		self._validate_links()
		self.check_permission("create")
		self.run_method("before_insert")
		self.set_new_name(set_name=set_name, set_child_names=set_child_names)
		self.set_parent_in_children()
		self.validate_higher_perm_levels()
		self.flags.in_insert = True
		self.run_before_save_methods()
		self._validate()
		self._store(lambda: self.db_insert(ignore_if_duplicate=ignore_if_duplicate))
		for row in self.get_all_children():
			row.db_insert()
		self.run_method("after_insert")
		self.run_post_save_methods()
		self.flags.in_insert = False
		return self._is_stored()

	def save(self, ignore_permissions=None) -> "Document":
		"""Check and store; refuse if somebody else stored the document in the meantime."""
		if ignore_permissions is not None:
			self.flags.ignore_permissions = ignore_permissions
		if self.get("__islocal") or not self.get("name"):
			return self.insert()
		self._set_defaults()
		self.check_permission("write", "save")
		self._prepare()
		self.set_parent_in_children()
		self.set_name_in_children()
		self.validate_higher_perm_levels()
		self._validate_links()
		self.run_before_save_methods()
		self._validate()
		self._store(self.db_update)
		for field in self.meta.get_table_fields():
			self.update_child_table(field.fieldname)
		self.run_post_save_methods()
		return self._is_stored()

	def _prepare(self):
		if self.is_new():
			self._set_defaults()
		self.set_user_and_timestamp()
		if self.docstatus:
			raise NotImplementedError("benchless has no submittable documents; use a bench")
		self.check_if_latest()

	def _store(self, store_row):
		if self.meta.issingle:
			self.update_single(self.get_valid_dict())
		else:
			store_row()

	def _is_stored(self):
		for key in ("__islocal", "__unsaved"):
			self.__dict__.pop(key, None)
		return self

	def update_child_table(self, fieldname: str, df=None):
		rows, doctype = self.get(fieldname), self.meta.get_field(fieldname).options
		kept = [row.name for row in rows if row.name and not row.is_new()]
		frappe.db.delete(doctype, self._rows_of(fieldname) | ({"name": ("not in", kept)} if kept else {}))
		for row in rows:
			row.db_update()

	def get_doc_before_save(self):
		return getattr(self, "_doc_before_save", None)

	def has_value_changed(self, fieldname) -> bool:
		before = self.get_doc_before_save()
		if not before:
			return True
		old, new = before.get(fieldname), self.get(fieldname)
		if isinstance(old, datetime.datetime):
			new = get_datetime(new)
		elif isinstance(old, datetime.date):
			new = getdate(new)
		return old != new

	def set_new_name(self, force=False, set_name=None, set_child_names=True):
		if self.flags.name_set and not force:
			return
		if set_name:
			self.name = validate_name(self.doctype, set_name)
		else:
			set_new_name(self)
		for row in self.get_all_children() if set_child_names else ():
			set_new_name(row)
		self.flags.name_set = True

	def update_single(self, d):
		frappe.db.delete("Singles", {"doctype": self.doctype})
		rows = [(self.doctype, field, value) for field, value in d.items() if field != "doctype"]
		frappe.db.bulk_insert("Singles", ["doctype", "field", "value"], rows)
		frappe.db.value_cache.pop(self.doctype, None)

	def set_user_and_timestamp(self):
		self._original_modified = self.modified
		self.modified, self.modified_by = now(), frappe.session.user
		keeps_dates = frappe.flags.in_install or frappe.flags.in_patch or frappe.flags.in_migrate
		if self.is_new() and not (keeps_dates and self.creation):
			self.creation, self.owner = self.modified, self.modified_by
		for row in self.get_all_children():
			row.modified, row.modified_by = self.modified, self.modified_by
			row.owner, row.creation = row.owner or self.owner, row.creation or self.creation
		frappe.flags.currently_saving.append((self.doctype, self.name))

	def _validate(self):
		rows = (self, *self.get_all_children())
		if not self.flags.ignore_mandatory:
			self._validate_mandatory(rows)
		for row in rows:
			row._validate_data_fields()
			row._validate_selects()
			row._validate_non_negative()
			row._validate_length()
			row._sync_autoname_field()
			row._sanitize_content()
			row._save_passwords()
		if not self.is_new():
			self.validate_set_only_once()

	def _validate_mandatory(self, rows):
		missing = [pair for row in rows for pair in row._get_missing_mandatory_fields()]
		for _fieldname, message in missing:
			frappe.msgprint(message)
		if missing:
			fields = ", ".join(fieldname for fieldname, _message in missing)
			raise frappe.MandatoryError(f"[{self.doctype}, {self.name}]: {fields}")

	def _validate_links(self):
		if self.flags.ignore_links:
			return
		rows = (self, *self.get_all_children())
		invalid = [link[2] for row in rows for link in row.get_invalid_links()[0]]
		if invalid:
			frappe.throw(_("Could not find {0}").format(", ".join(invalid)), frappe.LinkValidationError)

	def validate_set_only_once(self):
		before = self.get_doc_before_save()
		for field in self.meta.get_set_only_once_fields() if before else ():
			new, old = self.get(field.fieldname), before.get(field.fieldname)
			if field.fieldtype in ("Date", "Datetime", "Time"):
				new, old = str(new), str(old)
			same = self.is_child_table_same(field.fieldname) if field.fieldtype == "Table" else new == old
			if not same:
				label = frappe.bold(self.meta.get_label(field.fieldname))
				message = _("Value cannot be changed for {0}").format(label)
				frappe.throw(message, frappe.CannotChangeConstantError)

	def is_child_table_same(self, fieldname):
		"""Whether the rows are those before the save, apart from who wrote them when."""
		before = self.get_doc_before_save()

		def rows(doc):
			ignored = {"modified", "modified_by", "creation", "owner", "idx", "docstatus"}
			dicts = [row.as_dict(convert_dates_to_str=True) for row in doc.get(fieldname)]
			return [{key: value for key, value in row.items() if key not in ignored} for row in dicts]

		return rows(self) == rows(before)

	def _set_defaults(self):
		if self.is_new():
			self.update_if_missing(frappe.new_doc(self.doctype, as_dict=True))
		for field in self.meta.get_table_fields():
			options = {"parent_doc": self, "parentfield": field.fieldname, "as_dict": True}
			for row in self.get(field.fieldname):
				if row.is_new():
					row.update_if_missing(frappe.new_doc(field.options, **options))

	def check_if_latest(self):
		self.load_doc_before_save(raise_exception=True)
		before = self._doc_before_save
		if before and cstr(before.modified) != cstr(self._original_modified):
			message = _("Error: Document has been modified after you have opened it")
			hint = _("Please refresh to get the latest document.")
			text = f"{message} ({before.modified}, {self.modified}). {hint}"
			frappe.msgprint(text, raise_exception=frappe.TimestampMismatchError)

	def load_doc_before_save(self, *, raise_exception: bool = False):
		self._doc_before_save = None
		if self.is_new():
			return
		try:
			self._doc_before_save = frappe.get_doc(self.doctype, self.name, for_update=True)
		except frappe.DoesNotExistError:
			if raise_exception:
				raise
			frappe.clear_last_message()

	def set_parent_in_children(self):
		for row in self.get_all_children():
			row.parent, row.parenttype = self.name, self.doctype

	def set_name_in_children(self):
		for row in self.get_all_children():
			if not row.name:
				set_new_name(row)

	def get_all_children(self, parenttype=None) -> list["Document"]:
		fields = [df for df in self.meta.get_table_fields() if parenttype in (None, df.options)]
		return [row for field in fields for row in self.get(field.fieldname) or []]

	def delete(self, ignore_permissions=False, force=False, *, delete_permanently=False):
		options = {"ignore_permissions": ignore_permissions, "delete_permanently": delete_permanently}
		return frappe.delete_doc(self.doctype, self.name, force, flags=self.flags, **options)

	def db_set(self, fieldname, value=None, update_modified=True, *, commit=False):
		"""Write fields at once, without checks."""
		self.update(fieldname if isinstance(fieldname, dict) else {fieldname: value})
		if update_modified and (self.doctype, self.name) not in frappe.flags.currently_saving:
			self.modified, self.modified_by = now(), frappe.session.user
		if not self.get_doc_before_save():
			self.load_doc_before_save()
		self.run_method("before_change")
		if self.name is None:
			return
		options = {"modified": self.modified, "modified_by": self.modified_by}
		frappe.db.set_value(
			self.doctype, self.name, fieldname, value, update_modified=update_modified, **options
		)
		self.run_method("on_change")
		if commit:
			frappe.db.commit()


_absent("frappe.model.document")
