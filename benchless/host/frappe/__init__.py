"""A small stand-in for the part of Frappe v15 that this app uses. See benchless/README.md."""

# ruff: noqa: F401  (these names are here for others)

import secrets
import traceback
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ._absent import _absent
from ._apps import (
	get_app_path,
	get_attr,
	get_doc_hooks,
	get_file_items,
	get_hooks,
	get_installed_apps,
	get_module,
	get_module_list,
	scrub,
	unscrub,
)
from ._messages import (
	_,
	as_json,
	bold,
	clear_last_message,
	clear_messages,
	errprint,
	log_error,
	msgprint,
	parse_json,
	respond_as_web_page,
	throw,
)
from ._site import connect, destroy, get_site_config, get_site_path, init, local, set_user
from ._whitelist import (
	allowed_http_methods_for_whitelisted_func,
	call,
	get_newargs,
	guest_methods,
	is_whitelisted,
	only_for,
	whitelist,
	whitelisted,
	xss_safe_methods,
)
from .exceptions import *  # noqa: F403
from .types import _dict

__version__ = "15.55.1"
STANDARD_USERS = ("Guest", "Administrator")

if TYPE_CHECKING:  # what stands behind the proxies
	from werkzeug.wrappers import Request

	from .database.database import Database

	db: Database
	conf: _dict
	form_dict: _dict
	flags: _dict
	request: Request
	response: _dict
	session: _dict
	lang: str

db, conf, form_dict, flags = local("db"), local("conf"), local("form_dict"), local("flags")
request, response, session, lang = local("request"), local("response"), local("session"), local("lang")
controllers = {}

from .email._outbox import sendmail  # noqa: E402
from .model._new import new_doc  # noqa: E402
from .model.delete_doc import delete_doc  # noqa: E402
from .model.document import get_doc  # noqa: E402
from .model.meta import get_meta  # noqa: E402
from .utils.background_jobs import enqueue  # noqa: E402
from .utils.data import cint, cstr  # noqa: E402
from .utils.jinja import get_template, render_template  # noqa: E402
from .utils.redis_wrapper import setup_cache  # noqa: E402

cache = setup_cache()

from . import permissions, sessions, translate  # noqa: E402
from .permissions import _has_permission as has_permission  # noqa: E402
from .query_builder._builder import qb  # noqa: E402


def get_traceback(with_context: bool = False) -> str:
	"""The current exception as text. Unlike Frappe, never with the values of variables."""
	return traceback.format_exc()


def generate_hash(txt: str | None = None, length: int = 56) -> str:
	"""Random hexadecimal digits."""
	return secrets.token_hex((length + 1) // 2)[:length]


def get_roles(username=None) -> list[str]:
	if not local.session or not local.session.user:
		return ["Guest"]
	return permissions.get_roles(username or local.session.user)


def get_request_header(key, default=None):
	return request.headers.get(key, default)


def is_table(doctype: str) -> bool:
	return bool(get_meta(doctype).istable)


def clear_cache(user: str | None = None, doctype: str | None = None):
	"""Forget what is cached: of one user, of one DocType, or everything of the site."""
	from frappe.model.meta import _forget_meta

	if doctype:
		_forget_meta(doctype)
		clear_document_cache(doctype)
	elif user:
		cache.hdel("roles", user)
	else:
		doomed = set(cache.get_keys(""))
		for prefix in get_hooks("persistent_cache_keys"):
			doomed.difference_update(cache.get_keys(prefix))
		cache.delete_value(list(doomed), make_keys=False)
		_forget_meta()
		local.cache, local.new_doc_templates = {}, {}
	local.role_permissions = {}


def get_cached_doc(*args, **kwargs):
	"""As get_doc, but perhaps as it was read earlier; the cache is dropped with every change of the document."""
	key = _document_key(args[0], args[1] if len(args) > 1 else args[0])
	doc = cache.get_value(key)
	if doc is None:
		doc = get_doc(*args, **kwargs)
		cache.set_value(key, doc)
	return doc


def _document_key(doctype: str, name: str) -> str:
	return f"document_cache::{doctype}::{name}"


def clear_document_cache(doctype: str, name: str | None = None) -> None:
	def clear():
		if name is not None:
			cache.delete_value(_document_key(doctype, name))
		else:
			cache.delete_keys(_document_key(doctype, ""))

	clear()
	# Another thread may have cached the old state before our transaction ends.
	db.after_commit.add(clear)
	db.after_rollback.add(clear)


def get_cached_value(
	doctype: str, name: str, fieldname: str | Iterable[str] = "name", as_dict: bool = False
) -> Any:
	try:
		doc = get_cached_doc(doctype, name)
	except DoesNotExistError:  # noqa: F405
		clear_last_message()
		return None
	if isinstance(fieldname, str):
		return doc.get(fieldname)
	values = {field: doc.get(field) for field in fieldname}
	return _dict(values) if as_dict else list(values.values())


def get_last_doc(doctype, filters=None, order_by="creation desc", *, for_update=False):
	names = get_all(doctype, filters=filters, limit_page_length=1, order_by=order_by, pluck="name")
	if not names:
		raise DoesNotExistError  # noqa: F405
	return get_doc(doctype, names[0], for_update=for_update)


def get_list(doctype, *args, **kwargs):
	"""Rows that the current user may read."""
	from frappe.model.db_query import DatabaseQuery

	return DatabaseQuery(doctype).execute(*args, **kwargs)


def get_all(doctype, *args, **kwargs):
	"""Rows without a permission check."""
	kwargs["ignore_permissions"] = True
	kwargs.setdefault("limit_page_length", 0)
	return get_list(doctype, *args, **kwargs)


def get_system_settings(key):
	return get_cached_doc("System Settings").get(key)


def get_website_settings(key):
	return get_cached_doc("Website Settings").get(key)


@whitelist(allow_guest=True)
def ping():
	return "pong"


_absent("frappe")
