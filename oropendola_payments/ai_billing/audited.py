"""What an invoice knows about its audit trail: a change of its row and the events that tell it are written together."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import cint

from oropendola_payments.ai_billing import outbox
from oropendola_payments.ai_billing.doctype.payment_event import payment_event
from oropendola_payments.ai_billing.records import StatefulRecord
from oropendola_payments.exceptions import ConcurrentChange


class Audited(StatefulRecord):
	if TYPE_CHECKING:
		event_count: int
		last_event_hash: str | None
		subscription: str | None
		user: str

	def record(
		self,
		event: str,
		reference: Document | None = None,
		from_status: str | None = None,
		to_status: str | None = None,
		**details: Any,
	) -> None:
		"""Queue an event for the audit trail. It is written with the next status change or `write`, or at commit."""
		entry = payment_event.entry(event, reference or self, from_status, to_status, **details)
		if not self._queued_events():
			payment_event.flush_at_commit(self)
		self._queued_events().append(entry)

	def flush_events(self) -> None:
		if self._queued_events():
			self.write()

	def write(self, **values: Any) -> None:
		if not self._write_with_events(values, {}):
			self._raise_concurrent_change()

	@contextmanager
	def joined_writes(self) -> Iterator[None]:
		"""Write all changes inside with one statement at the end. Until then the row is as before: read this object, not the row."""
		if "joined" in self.flags:
			yield
			return
		self.flags.joined = ({}, {})
		try:
			yield
		finally:
			values, only_if = self.flags.pop("joined")
		if (values or self._queued_events()) and not self._write_with_events(values, only_if):
			self._raise_concurrent_change()

	def _update_row(self, values: dict, only_if: dict | None = None) -> bool:
		if "joined" not in self.flags:
			return super()._update_row(values, only_if)
		all_values, first_conditions = self.flags.joined
		all_values.update(values)
		first_conditions.update({**(only_if or {}), **first_conditions})
		self.update(values)
		return True

	def _swap(self, old: str, new: str, values: dict) -> None:
		reason = values.get("failure_reason")
		self.record(f"invoice_{frappe.scrub(new)}", self, old, new, **({"reason": reason} if reason else {}))
		if not self._write_with_events({"status": new, **values}, {"status": old}):
			self._raise_concurrent_change()

	def _write_with_events(self, values: dict, only_if: dict) -> bool:
		queued = self._queued_events()
		if not queued or "joined" in self.flags:
			return self._update_row(values, only_if)
		count_before = cint(self.event_count)
		rows, tail = payment_event.link_to_invoice(self, queued)
		if not self._update_row({**values, **tail}, {**only_if, "event_count": count_before}):
			return False
		payment_event.insert(rows)
		outbox.announce_audited(rows, self.user, self.subscription)
		queued.clear()
		return True

	def _queued_events(self) -> list[dict]:
		if "queued_events" not in self.flags:
			self.flags.queued_events = []
		return self.flags.queued_events

	def _raise_concurrent_change(self) -> None:
		message = _("Invoice {0} has just been changed by someone else. Please reload it.")
		frappe.throw(message.format(self.name), ConcurrentChange)
