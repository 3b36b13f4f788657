"""Runs each patch of an app once."""

from enum import Enum
from itertools import chain

import frappe


class PatchType(Enum):
	pre_model_sync = "pre_model_sync"
	post_model_sync = "post_model_sync"


def run_all(skip_failing: bool = False, patch_type: PatchType | None = None) -> None:
	for app in frappe.get_installed_apps():
		for patch in get_patches_from_app(app, patch_type):
			if not executed(patch):
				run_single(patch)


def get_patches_from_app(app: str, patch_type: PatchType | None = None) -> list[str]:
	"""The lines of `patches.txt`, or of one part of it; without parts everything comes before the model."""
	found, section = {kind: [] for kind in PatchType}, PatchType.pre_model_sync
	for line in frappe.get_file_items(frappe.get_app_path(app, "patches.txt")):
		if line.startswith("["):
			section = PatchType(line.strip("[]"))
		else:
			found[section].append(line)
	return found[patch_type] if patch_type else [*chain(*found.values())]


def executed(patchmodule) -> bool:
	return bool(frappe.db.get_value("Patch Log", {"patch": patchmodule, "skipped": 0}))


def run_single(patchmodule=None, method=None, methodargs=None, force=False):
	"""Run one patch and remember it, or neither."""
	frappe.flags.in_patch = True
	try:
		if patchmodule.startswith("execute:"):
			exec(patchmodule.removeprefix("execute:"), {"frappe": frappe})
		else:
			frappe.get_attr(patchmodule.split(maxsplit=1)[0] + ".execute")()
		update_patch_log(patchmodule)
		frappe.db.commit()
	except Exception:
		frappe.db.rollback()
		raise
	finally:
		frappe.flags.in_patch = False


def update_patch_log(patchmodule, skipped=False):
	frappe.get_doc(doctype="Patch Log", patch=patchmodule, skipped=int(skipped)).insert(
		ignore_permissions=True
	)


def _mark_all_as_done(app: str) -> None:
	"""A new site starts with today's model, so its patches are history."""
	for patch in get_patches_from_app(app):
		update_patch_log(patch)
