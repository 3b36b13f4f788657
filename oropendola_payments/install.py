"""Initial data. `install-app` marks patches as done without running them, so required records are created here."""

import frappe
from frappe.utils import cint

from oropendola_payments import compat
from oropendola_payments.ai_billing.current import forget
from oropendola_payments.engine.notifications import templates as mail_templates
from oropendola_payments.gateways import BUILT_IN, load
from oropendola_payments.integrations import dispatch
from oropendola_payments.roles import DESK_ROLES, TRANSACT

MODULE = "AI Billing"
NEVER_DORMANT_DAYS = 36500
FIND_IN_SET = """
	CREATE OR REPLACE FUNCTION find_in_set(part text, parts text) RETURNS int LANGUAGE sql IMMUTABLE AS
	'SELECT COALESCE(array_position(string_to_array(parts, '',''), part), 0)'
"""


def after_install() -> None:
	ensure_first_data()


def after_migrate() -> None:
	ensure_first_data()
	dispatch.prepare()


def before_uninstall() -> None:
	"""Delete what Frappe leaves behind: secrets and settings, our roles and permissions, unchanged email templates, scheduled jobs."""
	dispatch.uninstalling()
	_remove_secrets_and_settings()
	mail_templates.remove_untouched_records()
	# Frappe deletes these only at the next migration. Until then the scheduler would run our jobs without our tables.
	frappe.db.delete("Scheduled Job Type", {"method": ("like", "oropendola_payments.%")})
	for role in (*DESK_ROLES, TRANSACT):
		frappe.db.delete("Has Role", {"role": role})
		if frappe.db.exists("DocType", "Custom DocPerm"):
			frappe.db.delete("Custom DocPerm", {"role": role})
		if frappe.db.exists("Role", role):
			frappe.delete_doc("Role", role, ignore_permissions=True, force=True)
	_restore_currency_permissions()


def _remove_secrets_and_settings() -> None:
	"""Delete what is not in our tables: Password fields, the values of Payment Settings, and keys in Redis, tokens included."""
	ours = frappe.get_all("DocType", {"module": MODULE}, pluck="name")
	frappe.db.delete("__Auth", {"doctype": ("in", ours)})
	frappe.db.delete("Singles", {"doctype": ("in", ours)})
	frappe.cache.delete_keys("oropendola_")


def _restore_currency_permissions() -> None:
	"""Delete the copy of Currency's permissions that Frappe made when our roles were added, unless somebody changed it since."""
	if not frappe.db.exists("DocType", "Custom DocPerm"):
		return
	if _currency_permissions("Custom DocPerm") == _currency_permissions("DocPerm"):
		frappe.db.delete("Custom DocPerm", {"parent": "Currency"})
	frappe.clear_cache(doctype="Currency")


def _currency_permissions(doctype: str) -> set[tuple]:
	known = {field.fieldname for field in frappe.get_meta("Custom DocPerm").fields}
	rights = [f.fieldname for f in frappe.get_meta("DocPerm").fields if f.fieldtype in ("Check", "Int")]
	rights = [right for right in rights if right in known]
	rows = frappe.get_all(doctype, {"parent": "Currency"}, ["role", *rights])
	return {(row.role, *(cint(row.get(right)) for right in rights)) for row in rows}


def ensure_first_data() -> None:
	ensure_find_in_set()
	ensure_indexes()
	ensure_roles()
	ensure_gateways()
	ensure_settings()
	keep_scheduler_awake()
	ensure_currencies_can_be_chosen()
	mail_templates.ensure_records()


def ensure_find_in_set() -> None:
	"""Give PostgreSQL the one function of MariaDB that it has no other name for."""
	if frappe.db.db_type == "postgres":
		frappe.db.sql_ddl(FIND_IN_SET)


def ensure_indexes() -> None:
	"""Make the indexes that our DocTypes ask for and Frappe leaves out.

	Frappe 15 indexes when a record was made only if it changes the table later, so a new site would read whole tables.
	"""
	for doctype in frappe.get_all("DocType", {"module": MODULE, "issingle": 0}, pluck="name"):
		meta = frappe.get_meta(doctype)
		if meta.sort_field == "creation" and not meta.istable:
			compat.ensure_index(doctype, "creation")
		if not compat.makes_all_indexes():
			asked = [field.fieldname for field in meta.fields if field.search_index]
			for field in [*asked, *(["parent"] if meta.istable else [])]:
				compat.ensure_index(doctype, field)


def ensure_settings() -> None:
	"""Store missing defaults of Payment Settings. Otherwise a field added by an update reads as empty or off."""
	stored = frappe.db.get_singles_dict("Payment Settings")
	for field in frappe.get_meta("Payment Settings").fields:
		if field.default and field.fieldname not in stored:
			frappe.db.set_single_value("Payment Settings", field.fieldname, field.default)
			forget("Payment Settings")


def keep_scheduler_awake() -> None:
	"""Have the jobs run although nobody logs in. Frappe 15 runs them once a day after four days without a log-in, and 0 means four.

	Customers who only use the API do not log in, and a payment whose message was lost cannot wait for a day.
	"""
	settings = "System Settings"
	if cint(frappe.db.get_single_value(settings, "dormant_days")) < NEVER_DORMANT_DAYS:
		frappe.db.set_single_value(settings, "dormant_days", NEVER_DORMANT_DAYS)


def ensure_roles() -> None:
	for role in DESK_ROLES:
		_ensure_role(role, desk_access=1)
	_ensure_role(TRANSACT, desk_access=0)


def ensure_currencies_can_be_chosen() -> None:
	"""Let our roles read Currency, which plans and filters need. By default only roles of Frappe and ERPNext can."""
	readers = {permission.role for permission in frappe.get_meta("Currency").permissions if permission.read}
	for role in DESK_ROLES:
		if not {role, "All"} & readers:
			frappe.permissions.add_permission("Currency", role)  # type: ignore[attr-defined]  # only on a bench


def ensure_gateways() -> None:
	"""Create a disabled settings record for every gateway, so that an administrator only has to enter the keys."""
	for order, (code, path) in enumerate(BUILT_IN.items(), start=1):
		if not frappe.db.exists("Payment Gateway Settings", {"gateway": code}):
			values = {
				"label": _free_label(load(path).label, code),
				"gateway": code,
				"mode": "Test",
				"enabled": 0,
			}
			doc = frappe.new_doc("Payment Gateway Settings")
			doc.update({**values, "sort_order": order})
			doc.insert(ignore_permissions=True)


def _free_label(label: str, code: str) -> str:
	"""Return the gateway's label, also if another account of it has that one since the record was deleted."""
	return f"{label} ({code})" if frappe.db.exists("Payment Gateway Settings", label) else label


def _ensure_role(name: str, desk_access: int) -> None:
	if not frappe.db.exists("Role", name):
		frappe.get_doc({"doctype": "Role", "role_name": name, "desk_access": desk_access}).insert(
			ignore_permissions=True
		)
