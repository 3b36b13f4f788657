"""Secrets of documents (encrypted) and passwords of users (hashed), in the table __Auth."""

from cryptography.fernet import Fernet, InvalidToken
from werkzeug.security import check_password_hash, generate_password_hash

import frappe
from frappe import _
from frappe._absent import _absent

# An eighth of the usual work: tests and the demo log in made-up people.
_HASH = "scrypt:4096:8:1"


def get_decrypted_password(doctype, name, fieldname="password", raise_exception=True):
	"""The secret, or None; an error when there is none and `raise_exception` is set."""
	stored = _stored(doctype, name, fieldname, encrypted=1)
	if stored:
		return decrypt(stored[0][1], key=f"{doctype}.{name}.{fieldname}")
	if raise_exception:
		message = _("Password not found for {0} {1} {2}").format(doctype, name, fieldname)
		frappe.throw(message, frappe.AuthenticationError)


def _stored(doctype, name, fieldname, encrypted) -> tuple:
	query = """select name, password from `__Auth`
		where doctype = %s and name = %s and fieldname = %s and encrypted = %s"""
	return frappe.db.sql(query, (doctype, name, fieldname, encrypted))


def _store(doctype, name, fieldname, text, encrypted):
	query = (
		"replace into `__Auth` (doctype, name, fieldname, password, encrypted) values (%s, %s, %s, %s, %s)"
	)
	frappe.db.sql(query, (doctype, name, fieldname, text, encrypted))


def set_encrypted_password(doctype, name, pwd, fieldname="password"):
	_store(doctype, name, fieldname, encrypt(pwd), 1)


def remove_encrypted_password(doctype, name, fieldname="password"):
	frappe.db.delete("__Auth", {"doctype": doctype, "name": name, "fieldname": fieldname})


def delete_all_passwords_for(doctype, name):
	frappe.db.delete("__Auth", {"doctype": doctype, "name": name})


def check_password(user, pwd, doctype="User", fieldname="password"):
	"""The name of the user with this password; AuthenticationError otherwise."""
	stored = _stored(doctype, user, fieldname, encrypted=0)
	if not stored or not check_password_hash(stored[0][1], pwd):
		raise frappe.AuthenticationError(_("Incorrect User or Password"))
	return stored[0][0]


def update_password(user, pwd, doctype="User", fieldname="password", logout_all_sessions=False):
	_store(doctype, user, fieldname, generate_password_hash(pwd, _HASH), 0)
	if logout_all_sessions:
		from frappe.sessions import clear_sessions

		clear_sessions(user=user, keep_current=True, force=True)


def encrypt(txt, encryption_key=None) -> str:
	return _cipher(encryption_key).encrypt(txt.encode()).decode()


def decrypt(txt, encryption_key=None, key: str | None = None) -> str:
	try:
		return _cipher(encryption_key).decrypt(txt.encode()).decode()
	except InvalidToken:
		message = _("Encryption key is invalid! Please check site_config.json")
		frappe.throw(f"{_('Failed to decrypt key {0}').format(key)}. {message}" if key else message)


def _cipher(encryption_key) -> Fernet:
	try:
		return Fernet((encryption_key or get_encryption_key()).encode())
	except ValueError:
		frappe.throw(_("Encryption key is in invalid format!"))


def get_encryption_key() -> str:
	"""The site's key; made on first use and kept in site_config.json."""
	if "encryption_key" not in frappe.local.conf:
		from frappe.installer import update_site_config

		frappe.local.conf.encryption_key = Fernet.generate_key().decode()
		update_site_config("encryption_key", frappe.local.conf.encryption_key)
	return frappe.local.conf.encryption_key


_absent("frappe.utils.password")
