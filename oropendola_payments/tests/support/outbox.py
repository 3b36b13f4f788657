"""The mails that the site queued for one address, parsed like in a mail program."""

from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_string, policy

import frappe


@dataclass(frozen=True)
class Mail:
	subject: str
	html: str
	attachments: dict[str, bytes]


@contextmanager
def mails_stay_queued():
	"""Mails are queued and not sent. A bench wants an e-mail account for that, so there is a made-up one."""
	with _mail_config(mail_server="127.0.0.1", auto_email_id="shop@example.com", mute_emails=1):
		yield


@contextmanager
def without_mail():
	"""The site has no outgoing account."""
	muted, frappe.flags.mute_emails = frappe.flags.mute_emails, False
	accounts = (
		frappe.get_all("Email Account", {"default_outgoing": 1}, pluck="name")
		if frappe.db.exists("DocType", "Email Account")
		else []
	)
	for name in accounts:
		frappe.db.set_value("Email Account", name, "default_outgoing", 0)
	try:
		with _mail_config(mail_server=None, mute_emails=0):
			yield
	finally:
		frappe.flags.mute_emails = muted
		for name in accounts:
			frappe.db.set_value("Email Account", name, "default_outgoing", 1)


@contextmanager
def _mail_config(**account):
	before = {key: frappe.conf.get(key) for key in account}
	frappe.conf.update(account)
	_forget_account()
	try:
		yield
	finally:
		frappe.conf.update(before)
		_forget_account()


def _forget_account():
	if hasattr(frappe.local, "outgoing_email_account"):
		del frappe.local.outgoing_email_account


def mails_to(address: str) -> list[Mail]:
	queues = frappe.get_all("Email Queue Recipient", {"recipient": address}, pluck="parent")
	rows = (
		frappe.get_all("Email Queue", {"name": ("in", queues)}, pluck="message", order_by="creation")
		if queues
		else []
	)
	return [_read(row) for row in rows]


def _read(text: str) -> Mail:
	message = message_from_string(text, policy=policy.default)
	html = message.get_body(("html", "plain"))
	files = {
		part.get_filename(): part.get_content() for part in message.iter_attachments() if part.get_filename()
	}
	return Mail(message["Subject"], html.get_content() if html else "", files)


class replaced:
	"""Replaces a function of the framework for a while, such as the PDF engine."""

	def __init__(self, owner, name: str, function):
		self.owner, self.name, self.function = owner, name, function

	def __enter__(self):
		self.before = getattr(self.owner, self.name, None)
		setattr(self.owner, self.name, self.function)

	def __exit__(self, *error):
		if self.before is None:
			delattr(self.owner, self.name)
		else:
			setattr(self.owner, self.name, self.before)


class broken(replaced):
	"""Makes a function of the framework raise for a while, as when a server is down."""

	def __init__(self, owner, name: str):
		super().__init__(owner, name, self.fail)

	def fail(self, *args, **kwargs):
		raise ConnectionError("The server is down.")
