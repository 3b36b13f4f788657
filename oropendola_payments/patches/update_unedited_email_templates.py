"""Email Templates that nobody edited since release 0.1.0 get the new texts. What an administrator wrote stays."""

import hashlib

import frappe

from oropendola_payments.engine.notifications import templates

# SHA-256 of subject, a zero character and body, as release 0.1.0 brought them.
BEFORE = {
	"payment_received": "d1fdc806bbac541db2f271ba6bb0012fa5400480aeedea05910bd17ca5512ff1",
	"payment_failed": "77a58cf85744543bada14059c2667c3db87c61ca6d24434cc4adb66d8973ec19",
	"payment_abandoned": "fb06a48c4731b818ba5d496613ca5749dd288c123391c06c51278c523b90684c",
	"renewal_due": "796bb065d19a751aa02bfb81a3a93e18c18b68b72f8944e5f23c6e089afb2fb6",
	"subscription_ended": "c0de84696885509a7e91b342e7a5b1bb93b82f71055c6e3621f917634d0739bd",
	"refund_sent": "08d61c7eb9844a4ddd4a7fdedab53867df25e2d980859e060beb32e36785593c",
	"api_key_changed": "2988a042f8dd148b7a47c53c048b60a50c652dd1b8cd52b0d1b06d2b6121c167",
	"alert": "c87375bf214a5ef3c929554f84ca7be854e1d48a203653cd978fd99a4acf5fd2",
}


def execute() -> None:
	for key, before in BEFORE.items():
		replace_unedited(key, before)


def replace_unedited(key: str, before: str) -> None:
	"""Give the template today's text if it still has the one of this fingerprint."""
	name = templates.TEXTS[key][0]
	fields = ["subject", "response_html", "use_html"]
	stored = frappe.db.get_value("Email Template", name, fields, as_dict=True)
	if stored and stored.use_html and fingerprint(stored.subject, stored.response_html) == before:
		subject, body = templates.ours(key)
		frappe.db.set_value("Email Template", name, {"subject": subject, "response_html": body})
		frappe.clear_document_cache("Email Template", name)


def fingerprint(subject: str | None, body: str | None) -> str:
	return hashlib.sha256(f"{subject or ''}\0{body or ''}".encode()).hexdigest()
