"""A small stand-in for the part of Frappe v15 that this app uses. See benchless/README.md."""

# ruff: noqa: F401  (these names are here for others)

import logging
import secrets
from pathlib import Path

from ._absent import _absent
from ._apps import (
	append_hook,
	get_all_apps,
	get_app_path,
	get_attr,
	get_doc_hooks,
	get_file_items,
	get_file_json,
	get_hooks,
	get_installed_apps,
	get_module,
	get_module_list,
	get_pymodule_path,
	read_file,
)
from ._messages import (
	_,
	_lt,
	as_json,
	bold,
	clear_last_message,
	clear_messages,
	errprint,
	get_message_log,
	log,
	log_error,
	msgprint,
	parse_json,
	publish_progress,
	publish_realtime,
	redirect,
	respond_as_web_page,
	sendmail,
	throw,
)
from ._site import (
	connect,
	destroy,
	get_common_site_config,
	get_conf,
	get_site_config,
	get_site_path,
	init,
	init_site,
	local,
	set_user,
)
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
__title__ = "Frappe Framework"
STANDARD_USERS = ("Guest", "Administrator")

db, qb, conf = local("db"), local("qb"), local("conf")
form = form_dict = local("form_dict")
request, job, response = local("request"), local("job"), local("response")
session, user, flags, lang = local("session"), local("user"), local("flags"), local("lang")
error_log, debug_log, message_log = local("error_log"), local("debug_log"), local("message_log")
controllers = {}

from .model.document import _copy_doc as copy_doc  # noqa: E402
from .utils.background_jobs import enqueue, enqueue_doc  # noqa: E402
from .utils.caching import request_cache  # noqa: E402
from .utils.data import cint, cstr  # noqa: E402
from .utils.jinja import get_email_from_template, get_jenv, get_template, render_template  # noqa: E402
from .utils.redis_wrapper import setup_cache  # noqa: E402

cache = setup_cache()

from . import defaults, permissions, translate  # noqa: E402


def as_unicode(text, encoding: str = "utf-8") -> str:
	if isinstance(text, str):
		return text
	return "" if text is None else str(text, encoding) if isinstance(text, bytes) else str(text)


def safe_decode(param, encoding="utf-8", fallback_map: dict | None = None):
	return param.decode(encoding, "replace") if isinstance(param, bytes) else param


def set_user_lang(user: str, user_language: str | None = None) -> None:
	from frappe.translate import get_user_lang

	local.lang = get_user_lang(user) or user_language


def get_traceback(with_context: bool = False) -> str:
	from frappe.utils import get_traceback

	return get_traceback(with_context=with_context)


def scrub(txt: str) -> str:
	"""The name as an identifier: `Sales Order` becomes `sales_order`."""
	return cstr(txt).replace(" ", "_").replace("-", "_").lower()


def unscrub(txt: str) -> str:
	return txt.replace("_", " ").replace("-", " ").title()


def generate_hash(txt: str | None = None, length: int = 56) -> str:
	"""Random hexadecimal digits."""
	return secrets.token_hex((length + 1) // 2)[:length]


def get_roles(username=None) -> list[str]:
	from frappe.permissions import get_roles

	if not local.session or not local.session.user:
		return ["Guest"]
	return get_roles(username or local.session.user)


def get_request_header(key, default=None):
	return request.headers.get(key, default)


def has_permission(
	doctype=None, ptype="read", doc=None, user=None, throw=False, *, parent_doctype=None, debug=False
):
	"""Whether the user may do this with the DocType or the document; raises instead of False with `throw`."""
	doctype = doctype or (doc and doc.doctype)
	allowed = permissions.has_permission(
		doctype, ptype, doc=doc, user=user, raise_exception=throw, parent_doctype=parent_doctype, debug=debug
	)
	if throw and not allowed:
		name = f" {doc if isinstance(doc, str) else doc.name}" if doc else ""
		flags.error_message = _("No permission for {0}").format(_(doctype) + name)
		raise PermissionError
	return allowed


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
		cache.delete_keys("")
		_forget_meta()
		local.cache, local.new_doc_templates = {}, {}
	local.role_permissions = {}


def get_meta(doctype, cached=True):
	from frappe.model.meta import get_meta

	return get_meta(doctype, cached=cached)


def new_doc(
	doctype: str, *, parent_doc=None, parentfield: str | None = None, as_dict: bool = False, **kwargs
):
	"""A document with its defaults, not yet in the database."""
	from frappe.model.create_new import get_new_doc

	doc = get_new_doc(doctype, parent_doc, parentfield, as_dict=as_dict)
	return doc.update(kwargs)


def get_doc(*args, **kwargs):
	"""A document: read by DocType and name, or made from a dict or from keywords."""
	from frappe.model.document import get_doc

	return get_doc(*args, **kwargs)


def get_cached_doc(*args, **kwargs):
	"""As get_doc, but perhaps as it was read earlier; the cache is dropped with every change of the document."""
	name = args[1] if len(args) > 1 and args[1] is not None else args[0]
	if not isinstance(name, str):
		return get_doc(*args, **kwargs)
	key = get_document_cache_key(args[0], name)
	doc = cache.get_value(key)
	if doc is None:
		doc = get_doc(*args, **kwargs)
		cache.set_value(key, doc)
	return doc


def get_document_cache_key(doctype: str, name: str):
	return f"document_cache::{doctype}::{name}"


def clear_document_cache(doctype: str, name: str | None = None) -> None:
	def clear():
		if name is not None:
			cache.delete_value(get_document_cache_key(doctype, name))
		else:
			cache.delete_keys(get_document_cache_key(doctype, ""))

	clear()
	# Another thread may have cached the old state before our transaction ends.
	db.after_commit.add(clear)
	db.after_rollback.add(clear)
	if doctype == "System Settings" and hasattr(local, "system_settings"):
		del local.system_settings


def get_cached_value(doctype: str, name: str, fieldname: str = "name", as_dict: bool = False):
	try:
		doc = get_cached_doc(doctype, name)
	except DoesNotExistError:  # noqa: F405
		clear_last_message()
		return None
	if isinstance(fieldname, str):
		if as_dict:
			throw("Cannot make dict for single fieldname")
		return doc.get(fieldname)
	values = [doc.get(field) for field in fieldname]
	return _dict(zip(fieldname, values, strict=True)) if as_dict else values


def get_last_doc(doctype, filters=None, order_by="creation desc", *, for_update=False):
	names = get_all(doctype, filters=filters, limit_page_length=1, order_by=order_by, pluck="name")
	if not names:
		raise DoesNotExistError  # noqa: F405
	return get_doc(doctype, names[0], for_update=for_update)


def get_single(doctype):
	return get_doc(doctype, doctype)


def get_list(doctype, *args, **kwargs):
	"""Rows that the current user may read."""
	from frappe.model.db_query import DatabaseQuery

	return DatabaseQuery(doctype).execute(*args, **kwargs)


def get_all(doctype, *args, **kwargs):
	"""Rows, whoever asks."""
	kwargs["ignore_permissions"] = True
	kwargs.setdefault("limit_page_length", 0)
	return get_list(doctype, *args, **kwargs)


def get_value(*args, **kwargs):
	return db.get_value(*args, **kwargs)


def set_value(doctype, docname, fieldname, value=None):
	"""Load the document, set and save it, with all checks."""
	doc = get_doc(doctype, docname)
	doc.update(fieldname if isinstance(fieldname, dict) else {fieldname: value})
	return doc.save().as_dict()


def delete_doc(
	doctype: str | None = None,
	name: str | None = None,
	force: bool = False,
	ignore_doctypes: list[str] | None = None,
	for_reload: bool = False,
	ignore_permissions: bool = False,
	flags: None = None,
	ignore_on_trash: bool = False,
	ignore_missing: bool = True,
	delete_permanently: bool = False,
):
	from frappe.model.delete_doc import delete_doc

	return delete_doc(
		doctype,
		name,
		force,
		ignore_doctypes,
		for_reload,
		ignore_permissions,
		flags,
		ignore_on_trash,
		ignore_missing,
		delete_permanently,
	)


def delete_doc_if_exists(doctype, name, force=0):
	delete_doc(doctype, name, force=force, ignore_missing=True)


def reload_doc(
	module: str, dt: str | None = None, dn: str | None = None, force=False, reset_permissions=False
):
	"""Bring one DocType, or another record that lies in a file, up to date with its JSON."""
	from frappe.modules.import_file import import_file

	return import_file(module, dt, dn, force=force, reset_permissions=reset_permissions)


def reload_doctype(doctype, force=False, reset_permissions=False):
	reload_doc(scrub(get_meta(doctype).module), "doctype", scrub(doctype), force=force)


def format_value(*args, **kwargs):
	from frappe.utils.formatters import format_value

	return format_value(*args, **kwargs)


def get_system_settings(key):
	if not hasattr(local, "system_settings"):
		local.system_settings = get_cached_doc("System Settings")
	return local.system_settings.get(key)


def logger(module=None, with_more_info=False, allow_site=True, filter=None, max_size=100_000, file_count=20):
	"""A logger that writes to the `logs` folder of the site."""
	name = f"{module or 'frappe'}-{getattr(local, 'site_path', '')}"
	found = logging.getLogger(name)
	if not found.handlers and getattr(local, "site_path", None):
		folder = Path(get_site_path("logs"))
		folder.mkdir(exist_ok=True)
		handler = logging.FileHandler(folder / f"{module or 'frappe'}.log", delay=True)
		handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
		found.addHandler(handler)
		found.propagate = False
		found.setLevel(logging.INFO)
	return found


@whitelist(allow_guest=True)
def ping():
	return "pong"


__getattr__ = _absent("frappe")
