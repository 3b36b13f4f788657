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
		found.update(_read(app, lang.split("-")[0]))
		found.update(_read(app, lang))
	return found


@lru_cache(maxsize=64)
def _read(app: str, lang: str) -> dict[str, str]:
	path = Path(frappe.get_app_path(app), "translations", f"{lang}.csv")
	if not path.exists():
		return {}
	with path.open(encoding="utf-8", newline="") as file:
		return {_key(row): row[1] for row in csv.reader(file) if len(row) > 1}


def _key(row: list[str]) -> str:
	return f"{row[0]}:{row[2]}" if len(row) > 2 and row[2] else row[0]


def get_user_lang(user: str | None = None) -> str:
	user = user or frappe.session.user
	return frappe.get_cached_value("User", user, "language") or getattr(frappe.local, "lang", None) or "en"


def get_language(lang_list: list | None = None) -> str:
	"""The language that a request asks for by `_lang`, cookie or browser; else the site's. A log-in brings the user's own."""
	known = set(lang_list or get_all_languages())
	if wanted := frappe.form_dict.get("_lang"):
		return wanted if wanted in known else get_parent_language(wanted) or "en"
	request = frappe.local.request
	asked = [request.cookies.get("preferred_language") or "", *request.accept_languages.values()]
	for language in filter(None, asked):
		for candidate in (language, get_parent_language(language)):
			if candidate in known:
				return candidate
	return frappe.local.conf.lang or "en"


def get_parent_language(lang: str) -> str | None:
	return next((lang.split(mark)[0] for mark in "_-" if mark in lang), None)


def get_all_languages(with_language_name: bool = False) -> list[str]:
	"""English and whatever the installed apps bring."""
	if with_language_name:
		raise NotImplementedError(
			"benchless has no frappe.translate.get_all_languages(with_language_name); use a bench"
		)
	folders = [Path(frappe.get_app_path(app), "translations") for app in frappe.get_installed_apps()]
	return sorted({"en", *(file.stem for folder in folders for file in folder.glob("*.csv"))})


__getattr__ = _absent("frappe.translate")
