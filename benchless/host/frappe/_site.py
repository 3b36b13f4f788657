"""Opens and closes a site for the current thread: configuration, `frappe.local`, database connection."""

import json
from pathlib import Path

from werkzeug.local import Local, release_local

from .exceptions import IncorrectSitePath
from .types import _dict

local = Local()


def init(site: str, sites_path: str = ".", new_site: bool = False, force=False) -> None:
	"""Prepare `frappe.local` for a site; nothing happens when it is prepared already."""
	if getattr(local, "initialised", None) and not force:
		return
	destroy()
	local.site, local.sites_path, local.site_path = site, str(sites_path), str(Path(sites_path, site))
	local.flags = _dict(currently_saving=[], redirect_location="", new_site=new_site)
	local.conf = _dict(get_site_config())
	local.lang = local.conf.lang or "en"
	local.error_log, local.message_log = [], []
	local.response, local.form_dict, local.session = _dict(docs=[]), _dict(), _dict()
	local.request_ip = None
	_forget_what_the_user_saw()
	local.initialised = True


def _forget_what_the_user_saw() -> None:
	local.cache, local.role_permissions, local.new_doc_templates = {}, {}, {}


def connect(site: str | None = None, db_name: str | None = None, set_admin_as_user: bool = True) -> None:
	"""Open the database of the site that `init` prepared."""
	from frappe.database import get_db

	if site:
		init(site)
	local.db = get_db()
	if set_admin_as_user:
		set_user("Administrator")


def destroy():
	"""Close the connection and clear the state of the current request."""
	if getattr(local, "db", None):
		local.db.close()
	release_local(local)


def set_user(username: str):
	"""Act as this user from now on."""
	local.session.update({"user": username, "sid": username, "data": _dict()})
	local.form_dict = _dict()
	_forget_what_the_user_saw()


def get_site_config(sites_path: str | None = None, site_path: str | None = None) -> dict:
	"""The content of `site_config.json`."""
	path = Path(site_path or local.site_path, "site_config.json")
	if path.exists():
		return _read_json(path)
	if local.site and not local.flags.new_site:
		raise IncorrectSitePath(f"{local.site} does not exist")
	return {}


def _read_json(path):
	return json.loads(Path(path).read_text(encoding="utf-8"))


def get_site_path(*joins) -> str:
	return str(Path(local.site_path, *joins))
