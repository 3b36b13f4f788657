"""Puts mails into the table of Email Queue, as real Frappe does before it sends them."""

from email.message import EmailMessage
from email.utils import make_msgid
from itertools import chain

import frappe
from frappe.utils import split_emails, strip_html


def queue_mail(
	*,
	recipients,
	sender,
	subject,
	html,
	text,
	attachments,
	reply_to,
	cc,
	bcc,
	reference_doctype,
	reference_name,
	send_after,
	priority,
):
	"""The Email Queue document of this mail; None when nobody would get it."""
	everyone = {kind: _addresses(value) for kind, value in (("To", recipients), ("Cc", cc), ("Bcc", bcc))}
	if not any(everyone.values()):
		return None
	sender = sender or frappe.conf.auto_email_id or "notifications@example.com"
	message = _message(everyone, sender, subject, html, text, reply_to, attachments)
	queue = frappe.new_doc("Email Queue", sender=sender, message=message.as_string(), status="Not Sent")
	queue.update(
		{"priority": priority, "send_after": send_after, "message_id": message["Message-Id"].strip("<>")}
	)
	queue.update({"reference_doctype": reference_doctype, "reference_name": reference_name})
	for address in dict.fromkeys(chain(*everyone.values())):
		queue.append("recipients", {"recipient": address, "status": "Not Sent"})
	queue.insert(ignore_permissions=True)
	frappe.flags.sent_mail = message.as_bytes()
	return queue


def _addresses(value) -> list[str]:
	items = split_emails(value) if isinstance(value, str) else list(value or ())
	return [address for address in items if address and address not in frappe.STANDARD_USERS]


def _message(everyone, sender, subject, html, text, reply_to, attachments) -> EmailMessage:
	message = EmailMessage()
	message["Subject"], message["From"], message["Message-Id"] = (
		subject.replace("\n", " "),
		sender,
		make_msgid(),
	)
	for kind in ("To", "Cc"):
		if everyone[kind]:
			message[kind] = ", ".join(everyone[kind])
	if reply_to:
		message["Reply-To"] = ", ".join(_addresses(reply_to))
	message.set_content(text or strip_html(html))
	message.add_alternative(html, subtype="html")
	for attachment in attachments or ():
		_attach(message, attachment)
	return message


def _attach(message: EmailMessage, attachment: dict) -> None:
	if "fcontent" not in attachment:
		raise NotImplementedError(
			"benchless attaches only {'fname': ..., 'fcontent': ...} to mails; use a bench"
		)
	content = attachment["fcontent"]
	content = content.encode() if isinstance(content, str) else content
	message.add_attachment(
		content, maintype="application", subtype="octet-stream", filename=attachment["fname"]
	)
