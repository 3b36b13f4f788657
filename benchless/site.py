"""Creates, opens and updates a site: a folder with a configuration and one SQLite file."""

import json
import secrets
from contextlib import AbstractContextManager
from pathlib import Path

from benchless import use_host

CURRENCIES = (
	"AED AUD BDT BHD BRL CAD CHF CNY CZK DKK EUR GBP HKD HUF IDR ILS INR JOD JPY KES KRW KWD LKR MXN MYR NGN"
)
CURRENCIES += " NOK NPR NZD OMR PHP PKR PLN QAR RON SAR SEK SGD THB TRY TWD UAH USD VND ZAR"
THREE_DECIMALS = ("BHD", "JOD", "KWD", "OMR")
ROLES = ("Administrator", "System Manager", "Guest", "All", "Desk User", "Website Manager", "Report Manager")
OPEN_THE_DESK = ("Administrator", "System Manager", "Desk User", "Website Manager", "Report Manager")

PLAIN_TABLES = (
	"create table `tabSingles` (doctype TEXT COLLATE NOCASE, field TEXT COLLATE NOCASE, value TEXT COLLATE NOCASE)",
	"create index singles_index on `tabSingles` (doctype, field)",
	"create table `tabSeries` (name TEXT COLLATE NOCASE primary key, current INTEGER not null default 0)",
	"""create table `__Auth` (doctype TEXT COLLATE NOCASE, name TEXT COLLATE NOCASE, fieldname TEXT COLLATE NOCASE,
		password TEXT, encrypted INTEGER not null default 0, primary key (doctype, name, fieldname))""",
	"""create table `tabSessions` (sid TEXT primary key, user TEXT COLLATE NOCASE, sessiondata TEXT, ipaddress TEXT,
		lastupdate FRAPPE_DATETIME TEXT, status TEXT)""",
)


class connect(AbstractContextManager):
	"""Open a site as Administrator, until `frappe.destroy()` or the end of the `with` block."""

	def __init__(self, path):
		use_host()
		import frappe

		folder = Path(path).resolve()
		frappe.init(folder.name, sites_path=str(folder.parent), force=True)
		frappe.connect()

	def __exit__(self, *details):
		import frappe

		frappe.destroy()


def create_site(path, admin_password="admin", apps=("oropendola_payments",), config=None) -> Path:
	"""A new site with these apps; the folder may exist but must not hold a site."""
	folder = Path(path).resolve()
	folder.mkdir(parents=True, exist_ok=True)
	if (folder / "site.db").exists():
		raise FileExistsError(f"There is a site in {folder}. Delete the folder to start from nothing.")
	_write_config(folder, config or {})
	try:
		_fill(folder, admin_password, apps)
	except BaseException:
		for file in folder.glob("site.db*"):  # an unfinished site would look like a complete one
			file.unlink()
		raise
	return folder


def _fill(folder: Path, admin_password: str, apps) -> None:
	with connect(folder):
		_create_tables()
		_create_first_records(admin_password)
		for app in apps:
			install_app(app)


def _set_password(password: str) -> None:
	from frappe.utils.password import update_password

	update_password("Administrator", password)


def _write_config(folder: Path, config: dict) -> None:
	from cryptography.fernet import Fernet

	defaults = {"db_name": "_" + secrets.token_hex(8), "encryption_key": Fernet.generate_key().decode()}
	(folder / "site_config.json").write_text(json.dumps({**defaults, **config}, indent=1))


def _create_tables() -> None:
	import frappe
	from frappe._doctypes import _core_definitions, _sync_doctypes
	from frappe.database.schema import DBTable

	frappe.flags.in_install = "frappe"
	for statement in PLAIN_TABLES:
		frappe.db.sql_ddl(statement)
	DBTable("DocType").sync()
	frappe.db.set_global("installed_apps", '["frappe"]')
	_sync_doctypes(_core_definitions())
	frappe.db.commit()


def _create_first_records(admin_password: str) -> None:
	import frappe

	for role in ROLES:
		frappe.get_doc(doctype="Role", role_name=role, desk_access=int(role in OPEN_THE_DESK)).insert()
	for name, flag in (("Administrator", "is_admin"), ("Guest", "is_guest")):
		mail = {"Administrator": "admin@example.com"}.get(name, "guest@example.com")
		frappe.get_doc(doctype="User", email=mail, first_name=name, enabled=1, **{flag: 1}).insert()
	frappe.get_doc("User", "Administrator").add_roles("Administrator", "System Manager")
	_set_password(admin_password)
	frappe.get_doc("System Settings").update({"setup_complete": 1, "enable_scheduler": 1}).save()
	_create_currencies()
	_create_countries()
	frappe.flags.in_install = False
	frappe.db.commit()
	frappe.clear_cache()


def _create_currencies() -> None:
	import frappe
	from babel.numbers import get_currency_symbol

	for code in CURRENCIES.split():
		units = 1000 if code in THREE_DECIMALS else 100
		doc = frappe.get_doc(doctype="Currency", currency_name=code, enabled=1, fraction_units=units)
		doc.update({"symbol": get_currency_symbol(code, locale="en")}).insert()


def _create_countries() -> None:
	import frappe
	from babel import Locale
	from babel.core import get_global

	names, codes = Locale("en").territories, get_global("territory_currencies")
	rows = [(names[code], names[code], code.lower()) for code in codes if code in names and code.isalpha()]
	frappe.db.bulk_insert("Country", ["name", "country_name", "code"], rows)


def install_app(name: str) -> None:
	"""Install one more app on the open site."""
	from frappe.installer import install_app

	install_app(name)


def migrate() -> None:
	"""Migrate the open site: patches, tables, records, scheduled jobs, hooks."""
	from frappe.installer import _migrate

	_migrate()
