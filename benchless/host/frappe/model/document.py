"""Documents: rows with their children, checks, events and permissions."""

import copy
import datetime

import frappe
from frappe import _
from frappe._messages import msgprint
from frappe.model import _events
from frappe.model.base_document import BaseDocument, get_controller
from frappe.model.naming import set_new_name, validate_name
from frappe.types import _dict
from frappe.utils import cint, cstr, flt, get_datetime, get_timedelta, getdate, now
from frappe.utils.data import get_absolute_url


def get_doc(*args, **kwargs):
	"""A document: read by DocType and name, or made from a dict or from keywords."""
	if args and isinstance(args[0], BaseDocument):
		return args[0]
	if args and isinstance(args[0], str):
		return get_controller(args[0])(*args, **kwargs)
	values = args[0] if args else kwargs
	if not isinstance(values, dict):
		raise ValueError("First non keyword argument must be a string or dict")
	if "doctype" not in values:
		raise ValueError('"doctype" is a required key')
	return get_controller(values["doctype"])(values)


class Document(_events.Events, BaseDocument):
	def __init__(self, *args, **kwargs):
		self.doctype = self.name = None
		self.flags = _dict()
		if args and isinstance(args[0], str):
			self.doctype = args[0]
			self.name = self.doctype if len(args) == 1 or args[1] is None else args[1]
			self.flags.for_update = kwargs.get("for_update")
			self.load_from_db()
			return
		values = args[0] if args else kwargs
		if not values:
			raise ValueError("Illegal arguments")
		super().__init__(values)
		self.init_child_tables()
		self.init_valid_columns()

	def load_from_db(self):
		self.flags.ignore_children = True
		if self.meta.issingle:
			self._load_single()
		else:
			self._load_row()
		self.flags.pop("ignore_children", None)
		for field in self.meta.get_table_fields():
			self.set(field.fieldname, self._load_children(field))
		if hasattr(self, "__setup__"):
			self.__setup__()
		return self

	def _load_single(self):
		values = frappe.db.get_singles_dict(self.doctype, for_update=self.flags.for_update)
		if not values:
			values = frappe.new_doc(self.doctype, as_dict=True)
			values["name"] = self.doctype
			values.pop("__islocal", None)
		super().__init__(values)
		self.init_valid_columns()
		self._fix_numeric_types()

	def _load_row(self):
		options = {} if isinstance(self.name, dict | list) else {"order_by": None}
		values = frappe.db.get_value(
			self.doctype, self.name, "*", as_dict=True, for_update=self.flags.for_update, **options
		)
		if not values:
			message = _("{0} {1} not found").format(_(self.doctype), self.name)
			frappe.throw(message, frappe.DoesNotExistError)
		super().__init__(values)

	def _load_children(self, field) -> list:
		filters = {"parent": self.name, "parenttype": self.doctype, "parentfield": field.fieldname}
		options = {"as_dict": True, "order_by": "idx asc", "for_update": self.flags.for_update}
		return frappe.db.get_values(field.options, filters, "*", **options) or []

	def _fix_numeric_types(self):
		for field in self.meta.fields:
			value = self.get(field.fieldname)
			if field.fieldtype == "Check" or (field.fieldtype == "Int" and value is not None):
				self.set(field.fieldname, cint(value))
			elif field.fieldtype in ("Float", "Currency", "Percent") and value is not None:
				self.set(field.fieldname, flt(value))

	def reload(self):
		return self.load_from_db()

	def get_latest(self):
		if not getattr(self, "_doc_before_save", None):
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
		options = {"ignore_permissions": ignore_permissions, "ignore_links": ignore_links}
		options |= {"ignore_mandatory": ignore_mandatory}
		self.flags.update({name: value for name, value in options.items() if value is not None})
		self.set("__islocal", True)
		self._prepare_insert(set_name, set_child_names)
		self.flags.in_insert = True
		self.run_before_save_methods()
		self._validate()
		self.flags.in_insert = False
		if self.meta.issingle:
			self.update_single(self.get_valid_dict())
		else:
			self.db_insert(ignore_if_duplicate=ignore_if_duplicate)
		for row in self.get_all_children():
			row.db_insert()
		self.run_method("after_insert")
		self.flags.in_insert = True
		self.run_post_save_methods()
		self.flags.in_insert = False
		self._is_stored()
		return self

	def _prepare_insert(self, set_name, set_child_names):
		self._set_defaults()
		self.set_user_and_timestamp()
		self.set_docstatus()
		self.check_if_latest()
		self._validate_links()
		self.check_permission("create")
		self.run_method("before_insert")
		self.set_new_name(set_name=set_name, set_child_names=set_child_names)
		self.set_parent_in_children()
		self.validate_higher_perm_levels()

	def _is_stored(self):
		for key in ("__islocal", "__unsaved"):
			self.__dict__.pop(key, None)

	def save(self, *args, **kwargs):
		return self._save(*args, **kwargs)

	def _save(self, ignore_permissions=None, ignore_version=None) -> "Document":
		"""Check and store; refuse when somebody else stored it since it was read."""
		if ignore_permissions is not None:
			self.flags.ignore_permissions = ignore_permissions
		self.flags.ignore_version = frappe.flags.in_test if ignore_version is None else ignore_version
		if self.get("__islocal") or not self.get("name"):
			return self.insert()
		self._set_defaults()
		self.check_permission("write", "save")
		self.set_user_and_timestamp()
		self.set_docstatus()
		self.check_if_latest()
		self.set_parent_in_children()
		self.set_name_in_children()
		self.validate_higher_perm_levels()
		self._validate_links()
		self.run_before_save_methods()
		self._validate()
		if self.meta.issingle:
			self.update_single(self.get_valid_dict())
		else:
			self.db_update()
		self.update_children()
		self.run_post_save_methods()
		self._is_stored()
		return self

	def update_children(self):
		for field in self.meta.get_table_fields():
			self.update_child_table(field.fieldname, field)

	def update_child_table(self, fieldname: str, df=None):
		rows, doctype = self.get(fieldname), self.meta.get_field(fieldname).options
		kept = [row.name for row in rows if row.name and not row.is_new()]
		filters = {"parent": self.name, "parenttype": self.doctype, "parentfield": fieldname}
		frappe.db.delete(doctype, filters | ({"name": ("not in", kept)} if kept else {}))
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
		elif isinstance(old, datetime.timedelta):
			new = get_timedelta(new)
		return old != new

	def set_new_name(self, force=False, set_name=None, set_child_names=True):
		if self.flags.name_set and not force:
			return
		if self.get("__newname") and (self.meta.autoname or "").lower() == "prompt":
			self.name = validate_name(self.doctype, self.get("__newname"))
		elif set_name:
			self.name = validate_name(self.doctype, set_name)
		else:
			set_new_name(self)
		for row in self.get_all_children() if set_child_names else ():
			set_new_name(row)
		self.flags.name_set = True

	def get_title(self):
		return self.get(self.meta.get_title_field()) or ""

	def update_single(self, d):
		frappe.db.delete("Singles", {"doctype": self.doctype})
		values = {field: value for field, value in d.items() if field != "doctype"}
		frappe.db.bulk_insert(
			"Singles", ["doctype", "field", "value"], [(self.doctype, *item) for item in values.items()]
		)
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

	def set_docstatus(self):
		if self.docstatus:
			raise NotImplementedError("benchless has no submittable documents; use a bench")
		for row in (self, *self.get_all_children()):
			row.docstatus = 0

	def _validate(self):
		self._validate_mandatory()
		for row in (self, *self.get_all_children()):
			row._validate_data_fields()
			row._validate_selects()
			row._validate_non_negative()
			row._validate_length()
			row._sync_autoname_field()
			row._sanitize_content()
			row._save_passwords()
		if not self.is_new():
			self.validate_set_only_once()

	def _validate_mandatory(self):
		if self.flags.ignore_mandatory:
			return
		missing = [
			pair for row in (self, *self.get_all_children()) for pair in row._get_missing_mandatory_fields()
		]
		for _fieldname, message in missing:
			msgprint(message)
		if missing:
			fields = ", ".join(fieldname for fieldname, _message in missing)
			raise frappe.MandatoryError(f"[{self.doctype}, {self.name}]: {fields}")

	def _validate_links(self):
		if self.flags.ignore_links:
			return
		invalid = [link for row in (self, *self.get_all_children()) for link in row.get_invalid_links()[0]]
		if invalid:
			text = ", ".join(link[2] for link in invalid)
			frappe.throw(_("Could not find {0}").format(text), frappe.LinkValidationError)

	def validate_set_only_once(self):
		before = self.get_doc_before_save()
		for field in self.meta.get_set_only_once_fields() if before else ():
			new, old = self.get(field.fieldname), before.get(field.fieldname)
			if field.fieldtype in ("Date", "Datetime", "Time"):
				new, old = str(new), str(old)
			elif isinstance(new, list):
				new, old = (_without_stamps(rows) for rows in (new, old))
			if new != old:
				label = frappe.bold(self.meta.get_label(field.fieldname))
				frappe.throw(
					_("Value cannot be changed for {0}").format(label), frappe.CannotChangeConstantError
				)

	def _set_defaults(self):
		if frappe.flags.in_import:
			return
		if self.is_new():
			self.update_if_missing(frappe.new_doc(self.doctype, as_dict=True))
		for field in self.meta.get_table_fields():
			for row in self.get(field.fieldname):
				if row.is_new():
					options = {"parent_doc": self, "parentfield": field.fieldname, "as_dict": True}
					row.update_if_missing(frappe.new_doc(field.options, **options))

	def check_if_latest(self):
		self.load_doc_before_save(raise_exception=True)
		self._action = "save"
		before = self._doc_before_save
		if before and cstr(before.modified) != cstr(self._original_modified):
			message = _("Error: Document has been modified after you have opened it")
			hint = _("Please refresh to get the latest document.")
			frappe.msgprint(
				f"{message} ({before.modified}, {self.modified}). {hint}",
				raise_exception=frappe.TimestampMismatchError,
			)

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
		return frappe.delete_doc(
			self.doctype,
			self.name,
			ignore_permissions=ignore_permissions,
			flags=self.flags,
			force=force,
			delete_permanently=delete_permanently,
		)

	def db_set(self, fieldname, value=None, update_modified=True, notify=False, commit=False):
		"""Write fields at once, without checks."""
		self.update(fieldname if isinstance(fieldname, dict) else {fieldname: value})
		if update_modified and (self.doctype, self.name) not in frappe.flags.currently_saving:
			self.modified, self.modified_by = now(), frappe.session.user
		if not self.get_doc_before_save():
			self.load_doc_before_save()
		self.run_method("before_change")
		if self.name is None:
			return
		options = {
			"modified": self.modified,
			"modified_by": self.modified_by,
			"update_modified": update_modified,
		}
		if self.meta.issingle:
			frappe.db.set_single_value(self.doctype, fieldname, value, **options)
		else:
			frappe.db.set_value(self.doctype, self.name, fieldname, value, **options)
		self.run_method("on_change")
		if notify:
			self.notify_update()
		if commit:
			frappe.db.commit()

	def db_get(self, fieldname):
		return frappe.db.get_value(self.doctype, self.name, fieldname)

	def get_url(self):
		return get_absolute_url(self.doctype, self.name)

	@frappe.whitelist()
	def add_comment(self, comment_type="Comment", text=None, comment_email=None, comment_by=None):
		comment = {"doctype": "Comment", "comment_type": comment_type, "content": text or comment_type}
		comment |= {"comment_email": comment_email or frappe.session.user, "comment_by": comment_by}
		comment |= {"reference_doctype": self.doctype, "reference_name": self.name}
		return frappe.get_doc(comment).insert(ignore_permissions=True)

	def log_error(self, title=None, message=None):
		return frappe.log_error(
			message=message, title=title, reference_doctype=self.doctype, reference_name=self.name
		)


def _without_stamps(rows: list) -> list[dict]:
	stamps = ("modified", "modified_by", "creation")
	return [
		{key: value for key, value in row.as_dict(convert_dates_to_str=True).items() if key not in stamps}
		for row in rows
	]


def _copy_doc(doc, ignore_no_copy: bool = True):
	"""A new document with the same content."""
	values = copy.deepcopy(doc if isinstance(doc, dict) else doc.as_dict())
	new = get_doc(values)
	cleared = ["name", "owner", "creation", "modified", "modified_by", "docstatus"]
	for row in (new, *new.get_all_children()):
		row.set("__islocal", 1)
		unwanted = [] if ignore_no_copy else [df.fieldname for df in row.meta.get("fields", {"no_copy": 1})]
		row.update(dict.fromkeys(cleared + unwanted))
	return new
