"""The connection to the site's database: statements, transactions and their callbacks."""

import random
import sqlite3
import string
from contextlib import contextmanager

import frappe
from frappe.utils import CallbackManager, cstr, get_table_name

from . import _dialect, _sqlite
from ._values import Values
from .utils import EmptyQueryValues


class _ErrorKinds:
	"""Tells what an error of the database means, as the drivers of real Frappe do."""

	ProgrammingError = sqlite3.ProgrammingError
	TableMissingError = sqlite3.OperationalError
	OperationalError = sqlite3.OperationalError
	InternalError = sqlite3.InternalError
	SQLError = sqlite3.ProgrammingError
	DataError = sqlite3.DataError

	@staticmethod
	def is_deadlocked(e) -> bool:
		return isinstance(e, frappe.QueryDeadlockError)

	@staticmethod
	def is_timedout(e) -> bool:
		return isinstance(e, sqlite3.OperationalError) and "locked" in str(e)

	@staticmethod
	def is_table_missing(e) -> bool:
		return isinstance(e, sqlite3.OperationalError) and "no such table" in str(e)

	is_missing_table = is_table_missing

	@staticmethod
	def is_missing_column(e) -> bool:
		return isinstance(e, sqlite3.OperationalError) and (
			"no such column" in str(e) or "no column named" in str(e)
		)

	@staticmethod
	def is_duplicate_entry(e) -> bool:
		return isinstance(e, sqlite3.IntegrityError) and "UNIQUE constraint failed" in str(e)

	@staticmethod
	def is_primary_key_violation(e) -> bool:
		return _ErrorKinds.is_duplicate_entry(e) and str(e).endswith(".name")

	is_unique_key_violation = is_duplicate_entry

	@staticmethod
	def is_syntax_error(e) -> bool:
		return isinstance(e, sqlite3.OperationalError) and "syntax error" in str(e)

	@staticmethod
	def is_data_too_long(e) -> bool:
		return isinstance(e, sqlite3.DataError)


class Database(Values, _ErrorKinds):
	VARCHAR_LEN = 140
	OPTIONAL_COLUMNS = ("_user_tags", "_comments", "_assign", "_liked_by")
	DEFAULT_SHORTCUTS = ("_Login", "__user", "_Full Name", "Today", "__today", "now", "Now")
	DEFAULT_COLUMNS = ("name", "creation", "modified", "modified_by", "owner", "docstatus", "idx")
	CHILD_TABLE_COLUMNS = ("parent", "parenttype", "parentfield")
	MAX_WRITES_PER_TRANSACTION = 200_000
	db_type = "sqlite"

	class InvalidColumnName(frappe.ValidationError):
		pass

	def __init__(self, host=None, user=None, password=None, port=None, cur_db_name=None, socket=None):
		self.cur_db_name = cur_db_name
		self._path = frappe.get_site_path("site.db")
		self._conn = self._cursor = None
		self.last_query = ""
		self.transaction_writes = self.auto_commit_on_many_writes = 0
		self.value_cache = {}
		self.before_commit, self.after_commit = CallbackManager(), CallbackManager()
		self.before_rollback, self.after_rollback = CallbackManager(), CallbackManager()

	def connect(self):
		self._conn = _sqlite.take_connection(self._path)
		self._cursor = self._conn.cursor(_sqlite.Cursor)

	def close(self):
		if self._conn:
			self._cursor.close()
			_sqlite.give_back(self._path, self._conn)
			self._conn = self._cursor = None

	def sql(
		self,
		query,
		values=EmptyQueryValues,
		*,
		as_dict=0,
		as_list=0,
		debug=0,
		ignore_ddl=0,
		auto_commit=0,
		update=None,
		explain=False,
		run=True,
		pluck=False,
		as_iterator=False,
	):
		"""Run one statement of MariaDB's dialect and give its rows; every statement of a site passes here."""
		query = str(query).strip()
		if not run:
			return query
		if auto_commit:
			self.commit()
		cursor = self._run(query, values, self._new_cursor() if as_iterator else None, ignore_ddl)
		if auto_commit:
			self.commit()
		if cursor is None or not cursor.description:
			return ()
		if as_iterator:
			return self._iterate(cursor, as_dict, pluck, update)
		return self._shape(self._rows(cursor.fetchall()), as_dict, as_list, pluck, update)

	def _run(self, query: str, values, cursor, ignore_ddl):
		statement = _dialect.translate(query)
		values = None if values is EmptyQueryValues or values == () else values
		if values is not None and not isinstance(values, tuple | dict | list):
			values = (values,)
		text, bound = _dialect.bind(statement.text, values)
		if not self._conn:
			self.connect()
		self._count_writes(statement.kind)
		self.last_query, self._statement = query, statement
		try:
			self._prepare(statement)
			return self._control(text) if statement.kind == "control" else self._execute(cursor, text, bound)
		except sqlite3.Error as error:
			if ignore_ddl and (self.is_missing_column(error) or self.is_table_missing(error)):
				return None
			self._raise_known(error)
			raise

	def _execute(self, cursor, text: str, bound: list):
		if text[:8].lower() == "truncate":
			text = "delete from" + text[8:].replace("table", "", 1)
		return (cursor or self._cursor).execute(text, bound)

	def _new_cursor(self):
		if not self._conn:
			self.connect()
		return self._conn.cursor(_sqlite.Cursor)

	def _count_writes(self, kind: str):
		if kind == "ddl" and self.transaction_writes:
			raise frappe.ImplicitCommitError("This statement can cause implicit commit")
		if kind == "write":
			self.transaction_writes += 1
			if self.transaction_writes > self.MAX_WRITES_PER_TRANSACTION:
				if not self.auto_commit_on_many_writes:
					raise frappe.TooManyWritesError("Too many changes to database in single action.")
				self.commit()

	def _prepare(self, statement):
		if statement.kind == "ddl":
			self._end("COMMIT")  # as MariaDB does by itself
			frappe.cache.delete_key("db_tables")
		elif statement.kind == "write" or statement.locks:
			self._begin_writing(statement.nowait)

	def _begin_writing(self, nowait=False):
		"""Take the database's only write lock, once in a transaction."""
		if self._conn.in_transaction:
			return
		if nowait:
			self._conn.execute("PRAGMA busy_timeout=0")
		try:
			self._conn.execute("BEGIN IMMEDIATE")
		finally:
			if nowait:
				self._conn.execute(f"PRAGMA busy_timeout={_sqlite.BUSY_SECONDS * 1000}")

	def _control(self, text: str):
		words = text.lower().split()
		if words[0] == "savepoint":
			self._begin_writing()
			self._conn.execute(text)
		elif words[0] == "release" or "to" in words:
			self._conn.execute(text)
		else:  # commit, rollback, and a start that ends what was before it
			self._end("ROLLBACK" if words[0] == "rollback" else "COMMIT")

	def _end(self, how: str):
		if self._conn and self._conn.in_transaction:
			self._conn.execute(how)
		self.transaction_writes = 0

	def _raise_known(self, error):
		if self.is_timedout(error):
			raise frappe.QueryTimeoutError(error) from error
		if isinstance(error, sqlite3.IntegrityError) and "CHECK constraint failed: length" in str(error):
			raise self.DataError("Data too long for column " + str(error).split("`")[1]) from error

	def _rows(self, rows):
		if not self._statement.may_hide_dates:
			return rows
		return [tuple(_sqlite.read_hidden_date(value) for value in row) for row in rows]

	def _shape(self, rows, as_dict, as_list, pluck, update):
		if pluck:
			return [row[0] for row in rows]
		if as_dict:
			names = [column[0] for column in self._cursor.description]
			return [frappe._dict(zip(names, row, strict=True)).update(update) for row in rows]
		return [list(row) for row in rows] if as_list else tuple(rows)

	def _iterate(self, cursor, as_dict, pluck, update):
		names = [column[0] for column in cursor.description]
		while batch := self._rows(cursor.fetchmany(100)):
			for row in batch:
				if as_dict:
					yield frappe._dict(zip(names, row, strict=True)).update(update)
				else:
					yield row[0] if pluck else list(row)

	def sql_list(self, query, values=(), debug=False, **kwargs):
		return self.sql(query, values, **kwargs, debug=debug, pluck=True)

	def sql_ddl(self, query, debug=False):
		self.commit()
		self.sql(query, debug=debug)

	@staticmethod
	def escape(s, percent=True):
		"""The text as a literal of a statement, quotes included."""
		text = cstr(s).replace("'", "''")
		return "'" + (text.replace("%", "%%") if percent else text) + "'"

	def begin(self, *, read_only=False):
		self.sql("START TRANSACTION")

	def commit(self):
		"""Make everything since the last commit last, then run what waits in `after_commit`."""
		self.before_rollback.reset()
		self.after_rollback.reset()
		self.before_commit.run()
		self.sql("commit")
		self.begin()
		self.after_commit.run()

	def rollback(self, *, save_point=None):
		"""Undo everything since the last commit, or since the savepoint; only the former drops callbacks."""
		if save_point:
			self.sql(f"rollback to savepoint {save_point}")
			return
		self.before_commit.reset()
		self.after_commit.reset()
		self.before_rollback.run()
		self.sql("rollback")
		self.begin()
		self.after_rollback.run()

	def savepoint(self, save_point):
		self.sql(f"savepoint {save_point}")

	def release_savepoint(self, save_point):
		self.sql(f"release savepoint {save_point}")

	def get_tables(self, cached=True):
		tables = frappe.cache.get_value("db_tables") if cached else None
		if tables is None:
			tables = self.sql("select name from sqlite_master where type = 'table'", pluck=True)
			frappe.cache.set_value("db_tables", tables)
		return tables

	def table_exists(self, doctype, cached=True):
		return f"tab{doctype}" in self.get_tables(cached=cached)

	def has_table(self, doctype):
		return self.table_exists(doctype)

	def get_db_table_columns(self, table) -> list[str]:
		def read():
			return self.sql(f"select name from pragma_table_info({self.escape(table)})", pluck=True)

		return frappe.cache.hget("table_columns", table, read)

	def get_table_columns(self, doctype):
		columns = self.get_db_table_columns(f"tab{doctype}")
		if not columns:
			raise self.TableMissingError("DocType", doctype)
		return columns

	def has_column(self, doctype, column):
		return column in self.get_table_columns(doctype)

	def has_index(self, table_name, index_name):
		query = "select 1 from sqlite_master where type = 'index' and tbl_name = %s and name = %s"
		return bool(self.sql(query, (table_name, f"{table_name}_{index_name}")))

	@staticmethod
	def get_index_name(fields):
		return "_".join(field.split("(")[0] for field in fields) + "_index"

	def add_index(self, doctype, fields, index_name=None):
		self._add_index("index", doctype, fields, index_name or self.get_index_name(fields))

	def add_unique(self, doctype, fields, constraint_name=None):
		fields = [fields] if isinstance(fields, str) else fields
		self._add_index("unique index", doctype, fields, constraint_name or f"unique_{'_'.join(fields)}")

	def _add_index(self, kind: str, doctype: str, fields: list, name: str):
		table = get_table_name(doctype)
		if self.has_index(table, name):
			return
		columns = ", ".join(f"`{field.split('(')[0]}`" for field in fields)
		self.sql_ddl(f"create {kind} `{table}_{name}` on `{table}` ({columns})")

	def truncate(self, doctype: str):
		self.sql_ddl(f"truncate `{get_table_name(doctype)}`")


@contextmanager
def savepoint(catch: type | tuple[type, ...] = Exception):
	"""A block whose changes are undone when it raises one of these errors, which then goes no further."""
	name = "".join(random.sample(string.ascii_lowercase, 10))
	frappe.db.savepoint(name)
	try:
		yield
	except catch:
		frappe.db.rollback(save_point=name)
	else:
		frappe.db.release_savepoint(name)
