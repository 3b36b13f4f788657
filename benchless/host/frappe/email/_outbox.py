"""Stores emails in the table of Email Queue, as real Frappe does before it sends them."""

from email.message import EmailMessage
from email.utils import make_msgid
from itertools import chain

import frappe
from frappe.utils import split_emails, strip_html


def sendmail(
	recipients=None,
	sender="",
	subject="No Subject",
	message="No Message",
	*,
	delayed=True,
	now=None,
	reference_doctype=None,
	reference_name=None,
	attachments=None,
	content=None,
	reply_to=None,
	cc=None,
	bcc=None,
	template=None,
	args=None,
):
	"""Add the email to the table of Email Queue; nothing leaves this machine."""
	html = frappe.get_template(f"templates/emails/{template}.html").render(args or {}) if template else None
	everyone = {kind: _addresses(value) for kind, value in (("To", recipients), ("Cc", cc), ("Bcc", bcc))}
	if not any(everyone.values()):
		return None
	sender = sender or frappe.conf.auto_email_id or "notifications@example.com"
	mail = _mail(everyone, sender, subject, html or content or message, reply_to, attachments or ())
	queue = frappe.new_doc("Email Queue", sender=sender, message=mail.as_string(), status="Not Sent")
	queue.update({"reference_doctype": reference_doctype, "reference_name": reference_name})
	queue.message_id = mail["Message-Id"].strip("<>")
	for address in dict.fromkeys(chain(*everyone.values())):
		queue.append("recipients", {"recipient": address, "status": "Not Sent"})
	return queue.insert(ignore_permissions=True)


def _addresses(value) -> list[str]:
	items = split_emails(value) if isinstance(value, str) else list(value or ())
	return [address for address in items if address and address not in frappe.STANDARD_USERS]


def _mail(everyone, sender, subject, html, reply_to, attachments) -> EmailMessage:
	mail = EmailMessage()
	mail["Subject"], mail["From"], mail["Message-Id"] = subject.replace("\n", " "), sender, make_msgid()
	for name, addresses in {**everyone, "Bcc": (), "Reply-To": _addresses(reply_to)}.items():
		if addresses:
			mail[name] = ", ".join(addresses)
	mail.set_content(strip_html(html))
	mail.add_alternative(html, subtype="html")
	for attachment in attachments:
		_attach(mail, attachment)
	return mail


def _attach(mail: EmailMessage, attachment: dict) -> None:
	if "fcontent" not in attachment:
		raise NotImplementedError("benchless attaches only {'fname': ..., 'fcontent': ...}; use a bench")
	content = attachment["fcontent"]
	content = content.encode() if isinstance(content, str) else content
	kind = {"maintype": "application", "subtype": "octet-stream"}
	mail.add_attachment(content, **kind, filename=attachment["fname"])
