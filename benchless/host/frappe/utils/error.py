import frappe


def log_error(title=None, message=None, reference_doctype=None, reference_name=None, *, defer_insert=False):
	"""A new Error Log: the title is one line, the message the text or by default the traceback."""
	text = None
	if message:
		text, title = (title, message) if "\n" in (title or "") else (message, title)
	title = title or "Error"
	text = frappe.as_unicode(text or frappe.get_traceback(with_context=True))
	if not getattr(frappe.local, "db", None):
		print(f"Failed to log error in db: {title}")
		return None
	entry = frappe.get_doc(doctype="Error Log", error=text, method=title)
	entry.update({"reference_doctype": reference_doctype, "reference_name": reference_name})
	return _insert_later(entry) if defer_insert else entry.insert(ignore_permissions=True)


def _insert_later(entry) -> None:
	"""Store the entry even though the transaction it tells about fails."""

	def insert():
		entry.insert(ignore_permissions=True)
		frappe.db.commit()

	frappe.db.after_commit.add(insert)
	frappe.db.after_rollback.add(insert)


def log_error_snapshot(exception: Exception):
	"""Log an error that a request did not handle, unless it only tells the caller off."""
	expected = (
		frappe.AuthenticationError,
		frappe.CSRFTokenError,
		frappe.SecurityException,
		frappe.InReadOnlyMode,
	)
	if not isinstance(exception, expected):
		log_error(title=str(exception)[:140], defer_insert=True)
