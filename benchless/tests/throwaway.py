"""A small app that is written into a temporary folder, and a site that has it."""

import atexit
import functools
import json
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

import frappe

from benchless import site

APP = "throwaway"
HOOKS = """
app_name = "throwaway"
after_install = "throwaway.events.after_install"
before_uninstall = "throwaway.events.before_uninstall"
doc_events = {"Box": {"on_update": "throwaway.events.on_update"}}
permission_query_conditions = {"Parcel": "throwaway.events.only_open_parcels"}
has_permission = {"Parcel": "throwaway.events.may_see_parcel"}
"""
EVENTS = """
import frappe

seen = []


def after_install():
	frappe.get_doc(doctype="Role", role_name="Packer", desk_access=0).insert(ignore_permissions=True)


def before_uninstall():
	frappe.delete_doc("Role", "Packer", ignore_permissions=True)


def write_and_fail(name):
	frappe.db.set_value("Box", name, "note", "after")
	raise RuntimeError("The job fails.")


def remember_user():
	seen.append(frappe.session.user)


def on_update(doc, method):
	seen.append((doc.name, method))


def only_open_parcels(user, doctype):
	return "`tabParcel`.`state` = 'Open'"


def may_see_parcel(doc, ptype, user):
	return None if doc.state == "Open" else False
"""
BOX = """
import frappe
from frappe.model.document import Document


class Box(Document):
	def validate(self):
		if self.label == "refused":
			frappe.throw("This label is refused.")
"""
PLAIN = "from frappe.model.document import Document\n\n\nclass {}(Document):\n\tpass\n"
PACKER = {"role": "Packer", "read": 1, "write": 1, "create": 1, "delete": 1}
BOX_FIELDS = """label Data reqd|serial Data unique|colour Select options=Red;Blue default=Blue|weight Float|price Currency|
	count Int default=3|fragile Check|packed_on Datetime|due Date|at Time|secret Password|keeper Link options=User|
	note Small~Text|once Data set_only_once|owner_name Data fetch_from=keeper.first_name|items Table options=Box~Item|sealed Table options=Box~Item set_only_once|
	packed_by Data default=__user|made_on Date default=Today|amount Currency non_negative|inner Data permlevel=1"""


def fields(text: str) -> list[dict]:
	found = []
	for line in text.replace("\n", "").replace("\t", "").split("|"):
		name, fieldtype, *options = line.replace("~", "\x00").split()
		field = {"fieldname": name, "fieldtype": fieldtype, "label": name.title()}
		for option in options:
			key, _equals, value = option.partition("=")
			field[key] = value.replace(";", "\n") if value else 1
		found.append({key: _with_blanks(value) for key, value in field.items()})
	return found


def _with_blanks(value):
	return value.replace("\x00", " ") if isinstance(value, str) else value


DOCTYPES = [
	{"name": "Box", "autoname": "hash", "fields": fields(BOX_FIELDS), "permissions": [PACKER]},
	{"name": "Box Item", "istable": 1, "fields": fields("thing Data reqd|pieces Int")},
	{
		"name": "Parcel",
		"autoname": "field:code",
		"fields": fields("code Data reqd unique|state Data default=Open"),
		"permissions": [PACKER | {"if_owner": 1}],
	},
	{"name": "Ticket", "autoname": "format:T-{kind}-{###}", "fields": fields("kind Data")},
	{"name": "Bill", "autoname": "naming_series:", "fields": fields("naming_series Select options=B-.####")},
	{"name": "Wish", "autoname": "prompt", "fields": fields("text Data")},
	{
		"name": "Rules",
		"issingle": 1,
		"fields": fields("limit Int default=5|since Datetime|key Password|rate Float"),
	},
]


@functools.cache
def ensure_app() -> None:
	"""Write the app once in the life of this process and make it importable."""
	folder = Path(tempfile.mkdtemp(prefix="benchless-app-"))
	atexit.register(shutil.rmtree, folder)
	sys.path.insert(0, str(folder))
	app = folder / APP
	for name, text in {
		"hooks.py": HOOKS,
		"events.py": EVENTS,
		"modules.txt": "Store\n",
		"patches.txt": "",
	}.items():
		_write(app / name, text)
	for package in (app, app / "store", app / "store" / "doctype"):
		_write(package / "__init__.py", "")
	for doctype in DOCTYPES:
		_write_doctype(app / "store" / "doctype", {"doctype": "DocType", "module": "Store", **doctype})


def _write_doctype(folder: Path, definition: dict) -> None:
	name = definition["name"].lower().replace(" ", "_")
	code = BOX if definition["name"] == "Box" else PLAIN.format(definition["name"].replace(" ", ""))
	for file, text in {"__init__.py": "", f"{name}.py": code, f"{name}.json": json.dumps(definition)}.items():
		_write(folder / name / file, text)


def _write(path: Path, text: str) -> None:
	path.parent.mkdir(parents=True, exist_ok=True)
	path.write_text(text)


class ThrowawaySite(unittest.TestCase):
	"""Each class has its own site; the site of the surrounding test session is open again afterwards."""

	@classmethod
	def setUpClass(cls):
		cls.folder = Path(tempfile.mkdtemp(prefix="benchless-core-"))
		cls.addClassCleanup(shutil.rmtree, cls.folder)
		ensure_app()
		outer = frappe.local.site_path if getattr(frappe.local, "site_path", None) else None
		frappe.destroy()
		cls.path = site.create_site(cls.folder / "test.localhost", apps=[APP], config={"allow_tests": True})
		site.connect(cls.path)
		cls.addClassCleanup(_go_back, outer)

	def setUp(self):
		self.addCleanup(frappe.set_user, "Administrator")
		self.addCleanup(frappe.db.rollback)


def _go_back(outer: str | None) -> None:
	frappe.destroy()
	if outer:
		site.connect(outer)
		frappe.flags.in_test = True


def box(**values):
	return frappe.get_doc({"doctype": "Box", "label": "a box", **values})


def make_user(*roles: str) -> str:
	name = f"{frappe.generate_hash(length=8)}@example.com"
	user = frappe.get_doc({"doctype": "User", "email": name, "first_name": "Asha", "send_welcome_email": 0})
	user.append_roles(*roles)
	return user.insert(ignore_permissions=True).name
