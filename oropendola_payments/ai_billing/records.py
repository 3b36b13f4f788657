"""Base classes of our DocTypes: status transitions, and fields that only the system writes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import now

from oropendola_payments.ai_billing.plain_text import values_without_tags
from oropendola_payments.compat import affected_rows, unless_it_exists
from oropendola_payments.exceptions import ConcurrentChange, InvalidTransition, NotAllowed
from oropendola_payments.roles import is_staff


def new(doctype: str) -> Any:
	"""Return an empty record for `add`, without the query that `frappe.new_doc` makes."""
	return frappe.get_doc({"doctype": doctype, "docstatus": 0, "idx": 0})


class SystemRecord(Document):
	"""A record whose `system_fields` change only through `write`. Edits by Desk, REST or import are refused."""

	system_fields: tuple[str, ...] = ()

	def validate(self) -> None:
		self.validate_system_fields()

	def validate_system_fields(self) -> None:
		before = self.get_doc_before_save()
		if not before:
			return
		changed = [name for name in self.system_fields if self.has_value_changed(name)]
		if changed:
			labels = ", ".join(_(self.meta.get_label(name)) for name in changed)
			message = _(
				"{0} of {1} {2} is set by the system and cannot be edited. Please use the buttons instead."
			)
			frappe.throw(message.format(labels, _(self.doctype), self.name), NotAllowed)

	def on_trash(self) -> None:
		message = _("{0} {1} is kept as evidence and cannot be deleted.")
		frappe.throw(message.format(_(self.doctype), self.name), NotAllowed)

	def add(self) -> None:
		"""Insert the row with one SQL statement, without validation. DuplicateEntryError if a unique key exists."""
		now_text = now()
		self.name = self.name or frappe.generate_hash(length=10)
		self.update(
			{
				"owner": frappe.session.user,
				"modified_by": frappe.session.user,
				"creation": now_text,
				"modified": now_text,
			}
		)
		values = values_without_tags(self.doctype, self.get_valid_dict(convert_dates_to_str=True))
		columns = ", ".join(f"`{column}`" for column in values)
		# Column and table names come from our own code; every value is a parameter.
		marks = ", ".join(["%s"] * len(values))
		statement = f"INSERT INTO `tab{self.doctype}` ({columns}) VALUES ({marks}){unless_it_exists()}"  # noqa: S608
		try:
			frappe.db.sql(statement, list(values.values()))
		except Exception as error:
			if not frappe.db.is_duplicate_entry(error):
				raise
			raise self._exists_already() from error
		if not affected_rows():
			raise self._exists_already()
		self.set("__islocal", False)

	def _exists_already(self) -> frappe.DuplicateEntryError:
		return frappe.DuplicateEntryError(_("This {0} already exists.").format(_(self.doctype)))

	def write(self, **values: Any) -> None:
		"""Update columns with one SQL statement, without validation. Only for code that holds the row's lock."""
		self._update_row(values)

	def _update_row(self, values: dict, only_if: dict | None = None) -> bool:
		values = values_without_tags(self.doctype, values)
		values = {**values, "modified": now(), "modified_by": frappe.session.user}
		conditions = {"name": self.name, **(only_if or {})}
		sets = ", ".join(f"`{column}` = %s" for column in values)
		where = " AND ".join(f"`{column}` = %s" for column in conditions)
		# Column and table names come from our own code; every value is a parameter.
		statement = f"UPDATE `tab{self.doctype}` SET {sets} WHERE {where}"  # noqa: S608
		frappe.db.sql(statement, [*values.values(), *conditions.values()])
		if not affected_rows():
			return False
		self.update(values)
		return True


class FrozenRecord(SystemRecord):
	"""A record that nobody writes, changes or deletes by hand, Administrator included: only our own statements do."""

	def refuse(self) -> None:
		"""Raise, with the sentence that says why this record is frozen."""
		raise NotImplementedError

	def validate(self) -> None:
		self.refuse()

	def before_insert(self) -> None:
		self.refuse()

	def on_trash(self) -> None:
		self.refuse()

	def before_rename(self, *args: Any) -> None:
		self.refuse()


class StatefulRecord(SystemRecord):
	"""A record with status transitions. `_move_to` is a compare-and-swap: the second of two writers gets ConcurrentChange."""

	transitions: dict[str, set[str]] = {}
	first_status = "Pending"

	if TYPE_CHECKING:
		status: str

	def validate(self) -> None:
		self.validate_status()
		super().validate()

	def onload(self) -> None:
		self.set_onload("next_statuses", sorted(self.transitions.get(self.status, ())))

	def validate_status(self) -> None:
		before = self.get_doc_before_save()
		if not before and self.status != self.first_status:
			message = _("A new {0} starts as {1}, not as {2}.")
			frappe.throw(
				message.format(_(self.doctype), _(self.first_status), _(self.status)), InvalidTransition
			)
		if before and self.status != before.status:
			message = _(
				"{0} {1} is {2}. Its status cannot be set to {3} manually. Please use the buttons instead."
			)
			frappe.throw(
				message.format(_(self.doctype), self.name, _(before.status), _(self.status)),
				InvalidTransition,
			)

	def can_move_to(self, status: str) -> bool:
		return status in self.transitions[self.status]

	def _move_to(self, status: str, **values: Any) -> bool:
		"""Change the status. Return False if the record already has it."""
		if status == self.status:
			return False
		if not self.can_move_to(status):
			message = _("{0} {1} is {2} and cannot become {3}.")
			frappe.throw(
				message.format(_(self.doctype), self.name, _(self.status), _(status)), InvalidTransition
			)
		self._swap(self.status, status, values)
		return True

	def _swap(self, old: str, new: str, values: dict) -> None:
		if not self._update_row({"status": new, **values}, only_if={"status": old}):
			message = _("{0} {1} has just been changed by someone else. Please reload it.")
			frappe.throw(message.format(_(self.doctype), self.name), ConcurrentChange)


def move_locked(records: Sequence[StatefulRecord], status: str, values: dict[str, dict]) -> None:
	"""Change the status of many records of one DocType and status with one SQL statement. `values` are columns by record name.

	The caller holds the locks of all records. The transition is checked for each, as in `_move_to`.
	"""
	if not records:
		return
	first = records[0]
	for record in records:
		if record.status != first.status or not record.can_move_to(status):
			message = _("{0} {1} is {2} and cannot become {3}.")
			frappe.throw(
				message.format(_(record.doctype), record.name, _(record.status), _(status)), InvalidTransition
			)
	stamp = {"status": status, "modified": now(), "modified_by": frappe.session.user}
	rows = {record.name: {**values.get(record.name, {}), **stamp} for record in records}
	_update_rows(first.doctype, rows, first.status)
	for record in records:
		record.update(rows[record.name])


def _update_rows(doctype: str, rows: dict[str, dict], old_status: str) -> None:
	columns = list(next(iter(rows.values())))
	cases = "WHEN %s THEN %s " * len(rows)
	sets = ", ".join(f"`{column}` = CASE `name` {cases} ELSE `{column}` END" for column in columns)
	names = ", ".join(["%s"] * len(rows))
	parameters = [part for column in columns for name, row in rows.items() for part in (name, row[column])]
	statement = f"UPDATE `tab{doctype}` SET {sets} WHERE `name` IN ({names}) AND `status` = %s"  # noqa: S608
	frappe.db.sql(statement, [*parameters, *rows, old_status])
	if affected_rows() != len(rows):
		raise ConcurrentChange(_("Some records have just been changed by someone else."))


def own_records_condition(doctype: str, user: str | None = None) -> str:
	"""Return the SQL condition for `permission_query_conditions`: customers list only their own records."""
	user = user or frappe.session.user
	return "" if is_staff(user) else f"`tab{doctype}`.`user` = {frappe.db.escape(user)}"


def own_rows_condition(doctype: str, around: str, user: str | None = None) -> str:
	"""Return the SQL condition for rows inside records of the DocType `around`: customers list only those of their own."""
	own = own_records_condition(around, user)
	table, parenttype = f"`tab{doctype}`", frappe.db.escape(around)
	# Names of tables come from our own code.
	parents = f"SELECT `tab{around}`.`name` FROM `tab{around}` WHERE {own}"  # noqa: S608
	return own and f"{table}.`parenttype` = {parenttype} AND {table}.`parent` IN ({parents})"


def may_see(doc: Any, user: str | None = None) -> bool:
	"""Return whether the user may see a record, for `has_permission`. The same rule as for lists."""
	user = user or frappe.session.user
	return is_staff(user) or (user != "Guest" and doc.user == user)
