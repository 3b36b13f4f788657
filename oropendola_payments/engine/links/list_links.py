"""The links of an invoice, without their addresses, which nobody can find out again."""

import frappe

FIELDS = ["name", "note", "channel", "step", "creation", "expires_at", "revoked", "made_by", "opens", "last_used_on", "paid_with"]  # fmt: skip
MOST = 50


def links_of(invoice: str) -> list[dict]:
	"""Return the newest links of an invoice."""
	rows = frappe.get_all(
		"AI Payment Link", {"invoice": invoice}, FIELDS, order_by="creation desc", limit_page_length=MOST
	)
	return [_summary(row) for row in rows]


def _summary(row: frappe._dict) -> dict:
	return {
		"link": row.name,
		"note": row.note or None,
		"channel": row.channel,
		"step": row.step or None,
		"created_at": frappe.utils.get_datetime(row.creation),
		"expires_at": row.expires_at,
		"state": _state(row),
		"made_by": row.made_by or None,
		"payments_started": row.opens,
		"last_used_on": row.last_used_on,
		"paid_with": row.paid_with or None,
	}


def _state(row: frappe._dict) -> str:
	if row.paid_with:
		return "Paid"
	if row.revoked:
		return "Revoked"
	return "Active" if row.expires_at > frappe.utils.now_datetime() else "Expired"
