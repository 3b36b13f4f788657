"""What was sold, taken back and kept as credit of the customer: its credit notes and the keys of their postings."""

import frappe

# Of the first credit note, or of the amount where there are no tax documents; the key of a later note has its number.
CREDITED = "credited:"


def key_of_credit(invoice: str, place: int) -> str:
	return f"{CREDITED}{invoice}" if not place else f"{CREDITED}{invoice}:{place + 1}"


def notes_of_credit(invoice: str) -> list[frappe._dict]:
	"""Return name and total of our credit notes for what was kept as credit, in the order in which they were issued."""
	filters = {"invoice": invoice, "kind": "Credit Note", "source_key": ("like", "credit:%")}
	return frappe.get_all(
		"AI Tax Document", filters, ["name", "total_amount"], order_by="creation, number_in_series"
	)
