"""Records that an app brings along in `fixtures/*.json`."""

from pathlib import Path

import frappe
from frappe.modules.import_file import import_file_by_path


def sync_fixtures(app=None):
	for name in [app] if app else frappe.get_installed_apps():
		for path in sorted(Path(frappe.get_app_path(name), "fixtures").glob("*.json")):
			import_file_by_path(path)
	frappe.db.commit()
