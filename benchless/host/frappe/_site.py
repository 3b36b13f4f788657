"""Opens and closes a site for the current thread: configuration, `frappe.local`, database connection."""

import hashlib
import json
from pathlib import Path

from werkzeug.local import Local, release_local

from .exceptions import IncorrectSitePath
from .types import _dict

local = Local()

FLAGS = [
	"in_install_db",
	"in_install_app",
	"in_import",
	"in_test",
	"mute_messages",
	"ignore_links",
	"mute_emails",
	"has_dataurl",
	"read_only",
]


def init(site: str, sites_path: str = ".", new_site: bool = False, force=False) -> None:
	"""Prepare `frappe.local` for a site; nothing happens when it is prepared already."""
	if getattr(local, "initialised", None) and not force:
		return
	local.flags = _dict(
		dict.fromkeys(FLAGS, False), currently_saving=[], redirect_location="", new_site=new_site
	)
	local.site, local.sites_path = site, str(sites_path)
	local.site_path = str(Path(local.sites_path, site))
	local.conf = _dict(get_site_config())
	local.lang = local.conf.lang or "en"
	_reset_request()
	local.qb = _query_builder()
	local.initialised = True


def _reset_request() -> None:
	local.error_log, local.message_log, local.debug_log, local._realtime_log = [], [], [], []
	local.locked_documents, local.test_objects = [], {}
	local.response, local.form_dict, local.session = _dict(docs=[]), _dict(), _dict()
	local.cache, local.role_permissions, local.valid_columns, local.new_doc_templates = {}, {}, {}, {}
	local.request_ip = local.task_id = local.user = local.user_perms = local.jenv = local.jloader = None
	local.preload_assets = {"style": [], "script": [], "icons": []}
	local.dev_server = 0


def _query_builder():
	from frappe.query_builder.utils import get_query_builder

	return get_query_builder(local.conf.db_type)


def connect(site: str | None = None, db_name: str | None = None, set_admin_as_user: bool = True) -> None:
	"""Open the database of the site that `init` prepared."""
	from frappe.database import get_db

	if site:
		init(site)
	local.db = get_db(cur_db_name=db_name or local.conf.db_name)
	if set_admin_as_user:
		set_user("Administrator")


def destroy():
	"""Close the connection and forget everything about the current request."""
	if getattr(local, "db", None):
		local.db.close()
	release_local(local)


def set_user(username: str):
	"""Act as this user from now on; caches of the request are dropped."""
	local.session.update({"user": username, "sid": username, "data": _dict()})
	local.cache, local.role_permissions, local.new_doc_templates = {}, {}, {}
	local.form_dict = _dict()
	local.jenv = local.user_perms = None


def get_site_config(sites_path: str | None = None, site_path: str | None = None) -> dict:
	"""`site_config.json` on top of `common_site_config.json`."""
	sites_path = sites_path or getattr(local, "sites_path", None)
	site_path = site_path or getattr(local, "site_path", None)
	config = get_common_site_config(sites_path) if sites_path else _dict()
	if site_path:
		config.update(_read_site_config(site_path))
		config.setdefault(
			"db_name", "_" + hashlib.sha1(str(Path(site_path).resolve()).encode()).hexdigest()[:16]
		)
	config["db_type"] = "sqlite"
	return config


def _read_site_config(site_path: str) -> dict:
	path = Path(site_path, "site_config.json")
	if path.exists():
		return _read_json(path)
	if local.site and not local.flags.new_site:
		raise IncorrectSitePath(f"{local.site} does not exist")
	return {}


def get_common_site_config(sites_path: str | None = None) -> dict:
	path = Path(sites_path or getattr(local, "sites_path", "."), "common_site_config.json")
	return _dict(_read_json(path) if path.exists() else {})


def _read_json(path):
	return json.loads(Path(path).read_text(encoding="utf-8"))


def get_conf(site: str | None = None) -> dict:
	"""The configuration of the current site, or of `site` when none is open."""
	if hasattr(local, "conf"):
		return local.conf
	with init_site(site):
		return local.conf


class init_site:
	def __init__(self, site=None):
		self.site = site or ""

	def __enter__(self):
		init(self.site)
		return local

	def __exit__(self, type, value, traceback):
		destroy()


def get_site_path(*joins) -> str:
	return str(Path(local.site_path, *joins))
