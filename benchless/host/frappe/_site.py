"""Opens and closes a site for the current thread: configuration, `frappe.local`, database connection."""

import json
import threading
from operator import attrgetter
from pathlib import Path

from werkzeug.local import LocalProxy, release_local

from .exceptions import IncorrectSitePath
from .types import _dict


class _Local(threading.local):
	"""As `werkzeug.local.Local`, for threads only: every line of a host reads it, so it must be quick."""

	def __call__(self, name: str) -> LocalProxy:
		return _Proxy(_reader(self, name))

	def __release_local__(self) -> None:
		self.__dict__.clear()


class _Proxy(LocalProxy):
	"""Stands for what is under a name of `local` now."""

	def __getattr__(self, name):
		return getattr(self._get_current_object(), name)


def _reader(local: _Local, name: str):
	read = attrgetter(name)

	def current():
		try:
			return read(local)
		except AttributeError:
			raise RuntimeError(f"frappe.{name} is not bound") from None

	return current


local = _Local()


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
