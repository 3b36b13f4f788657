"""Texts in other languages, from `translations/<language>.csv` of the installed apps."""

import csv
from functools import lru_cache
from pathlib import Path

import frappe

from ._absent import _absent


def get_all_translations(lang: str) -> dict[str, str]:
	if not lang or lang == "en" or not getattr(frappe.local, "db", None):
		return {}
	found = {}
	for app in frappe.get_installed_apps():
		for language in (lang.split("-", maxsplit=1)[0], lang):
			found.update(_read(frappe.get_app_path(app, "translations", f"{language}.csv")))
	return found


@lru_cache(maxsize=64)
def _read(path: str) -> dict[str, str]:
	if not Path(path).exists():
		return {}
	with Path(path).open(encoding="utf-8", newline="") as file:
		return {_key(row): row[1] for row in csv.reader(file) if len(row) > 1}


def _key(row: list[str]) -> str:
	return f"{row[0]}:{row[2]}" if len(row) > 2 and row[2] else row[0]


def get_user_lang(user: str | None = None) -> str:
	user = user or frappe.session.user
	return frappe.get_cached_value("User", user, "language") or getattr(frappe.local, "lang", None) or "en"


def get_language(lang_list: list | None = None) -> str:
	"""The language that a request names in `_lang`, else the site's; a logged-in user has a language too."""
	return frappe.form_dict.get("_lang") or frappe.local.lang


_absent("frappe.translate")
