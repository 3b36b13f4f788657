"""The connection to the site's database: statements, transactions and their callbacks."""

import random
import sqlite3
import string
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import frappe
from frappe._absent import _Absent, _absent
from frappe.utils import CallbackManager, cstr

from . import _dialect, _sqlite
from ._values import Values, _table


class _ErrorKinds:
	"""Classifies database errors, as the drivers of real Frappe do."""

	@staticmethod
	def is_table_missing(e) -> bool:
		return isinstance(e, sqlite3.OperationalError) and "no such table" in str(e)

	@staticmethod
	def is_unique_key_violation(e) -> bool:
		return isinstance(e, sqlite3.IntegrityError) and "UNIQUE constraint failed" in str(e)

	is_duplicate_entry = is_unique_key_violation


class Database(Values, _ErrorKinds):
	VARCHAR_LEN = 140
	DEFAULT_SHORTCUTS = ("_Login", "__user", "_Full Name", "Today", "__today", "now", "Now")
	MAX_WRITES_PER_TRANSACTION = 200_000
	OperationalError = TableMissingError = sqlite3.OperationalError
	DataError = sqlite3.DataError
	InvalidColumnName = frappe.InvalidColumnName
	db_type = "sqlite"

	def __init__(self):
		self._path = frappe.get_site_path("site.db")
		self._conn: Any = None
		self._cursor: Any = None
		self.last_query = ""
		self.transaction_writes = 0
		self.value_cache = {}
		self.before_commit, self.after_commit = CallbackManager(), CallbackManager()
		self.before_rollback, self.after_rollback = CallbackManager(), CallbackManager()

	if not TYPE_CHECKING:

		def __getattr__(self, name: str):
			if name.startswith("_"):
				raise AttributeError(name)
			raise _Absent(f"benchless has no frappe.db.{name}; use a bench")

	def connect(self):
		self._conn = _sqlite.take_connection(self._path, durable=not frappe.conf.allow_tests)
		self._cursor = self._conn.cursor(_sqlite.Cursor)

	def close(self):
		if self._conn:
			self._cursor.close()
			_sqlite.give_back(self._path, self._conn)
			self._conn = self._cursor = None

	def sql(self, query, values=(), *, as_dict=0, as_list=0, pluck=False):
		"""Run one statement in MariaDB's SQL and return its rows. Every statement of a site passes here."""
		query = str(query).strip()
		statement = _dialect.translate(query)
		if not isinstance(values, tuple | dict | list):
			values = (values,)
		text, bound = _dialect.bind(statement.text, None if values == () else values)
		if not self._conn:
			self.connect()
		self._count_writes(statement.kind)
		self.last_query = query
		try:
			self._prepare(statement)
			if statement.kind == "control":
				self._control(text)
				return ()
			self._cursor.execute(text, bound)
			return self._shape(statement.may_hide_dates, as_dict, as_list, pluck)
		except sqlite3.Error as error:
			self._raise_known(error)
			raise

	def _shape(self, may_hide_dates, as_dict, as_list, pluck):
		if not self._cursor.description:
			return ()
		rows = self._cursor.fetchall()
		if may_hide_dates:
			rows = [tuple(_sqlite.read_hidden_date(value) for value in row) for row in rows]
		if pluck:
			return [row[0] for row in rows]
		if as_dict:
			names = [column[0] for column in self._cursor.description]
			return [frappe._dict(zip(names, row, strict=True)) for row in rows]
		return [list(row) for row in rows] if as_list else tuple(rows)

	def _count_writes(self, kind: str):
		if kind == "ddl" and self.transaction_writes:
			raise frappe.ImplicitCommitError("This statement can cause implicit commit")
		if kind == "write":
			self.transaction_writes += 1
			if self.transaction_writes > self.MAX_WRITES_PER_TRANSACTION:
				raise frappe.TooManyWritesError("Too many changes to database in single action.")

	def _prepare(self, statement):
		if statement.kind == "ddl":
			self._end("COMMIT")  # as MariaDB does by itself
			frappe.cache.delete_value("db_tables")
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
		if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
			raise frappe.QueryTimeoutError(error) from error
		if isinstance(error, sqlite3.IntegrityError) and "CHECK constraint failed: length" in str(error):
			raise self.DataError("Data too long for column " + str(error).split("`")[1]) from error

	def sql_ddl(self, query, debug=False):
		self.commit()
		self.sql(query)

	@staticmethod
	def escape(s, percent=True):
		"""The text as a literal of a statement, quotes included."""
		text = cstr(s).replace("'", "''")
		return "'" + (text.replace("%", "%%") if percent else text) + "'"

	def begin(self, *, read_only=False):
		self.sql("START TRANSACTION")

	def commit(self):
		"""Commit the transaction, then run the callbacks that wait for the commit."""
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
		def read():
			return self.sql("select name from sqlite_master where type = 'table'", pluck=True)

		return frappe.cache.get_value("db_tables", read) if cached else read()

	def table_exists(self, doctype, cached=True):
		return f"tab{doctype}" in self.get_tables(cached=cached)

	has_table = table_exists

	def get_db_table_columns(self, table) -> list[str]:
		return self.sql(f"select name from pragma_table_info({self.escape(table)})", pluck=True)

	def get_table_columns(self, doctype):
		return self.get_db_table_columns(_table(doctype))

	def has_column(self, doctype, column):
		return column in self.get_table_columns(doctype)

	def has_index(self, table_name, index_name):
		query = "select 1 from sqlite_master where type = 'index' and tbl_name = %s and name = %s"
		return bool(self.sql(query, (table_name, f"{table_name}_{index_name}")))

	def add_index(self, doctype, fields, index_name=None):
		self._add_index("index", doctype, fields, index_name or f"{'_'.join(fields)}_index")

	def add_unique(self, doctype, fields, constraint_name=None):
		fields = [fields] if isinstance(fields, str) else fields
		self._add_index("unique index", doctype, fields, constraint_name or f"unique_{'_'.join(fields)}")

	def _add_index(self, kind: str, doctype: str, fields: list, name: str):
		table = _table(doctype)
		if not self.has_index(table, name):
			columns = ", ".join(f"`{field.split('(')[0]}`" for field in fields)
			self.sql_ddl(f"create {kind} `{table}_{name}` on `{table}` ({columns})")


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


_absent("frappe.database.database")
