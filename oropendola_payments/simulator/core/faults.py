"""Injected faults: which call of which provider goes wrong next, how, and how often.

The server applies HTTP_FAULTS around any handler, and the outbox applies WEBHOOK_FAULTS (call `webhook`). A provider
applies CONTENT_FAULTS itself, with `reported_*` and `record_charge` of its base class.
"""

import threading
from dataclasses import dataclass, field

HTTP_FAULTS = frozenset(
	{"delay", "timeout_before", "timeout_after", "error_500_before", "error_500_after", "garbage"}
)
WEBHOOK_FAULTS = frozenset({"duplicate_webhook", "drop_webhook", "late_webhook"})
CONTENT_FAULTS = frozenset({"wrong_amount", "wrong_currency", "wrong_signature", "decline"})
KINDS = HTTP_FAULTS | WEBHOOK_FAULTS | CONTENT_FAULTS
ANY_CALL = "*"


@dataclass
class Fault:
	code: str
	call: str
	kind: str
	times: int | None = 1  # None: until the faults are cleared
	args: dict = field(default_factory=dict)


class Faults:
	def __init__(self):
		self._lock = threading.Lock()
		self._waiting: list[Fault] = []

	def add(self, code: str, call: str, kind: str, times: int | None = 1, **args) -> Fault:
		"""Make the next `times` calls fail. `call` is the name of a handler in the provider's `routes`, or `*` for any.

		Arguments: delay(seconds), late_webhook(seconds), error_500_*(status), wrong_amount(amount_minor),
		wrong_currency(currency).
		"""
		if kind not in KINDS:
			raise ValueError(f"There is no fault {kind!r}. Known: {', '.join(sorted(KINDS))}.")
		fault = Fault(code, call, kind, times, args)
		with self._lock:
			self._waiting.append(fault)
		return fault

	def take(self, code: str, call: str, kinds) -> Fault | None:
		"""The fault to apply to this call now, counted as used once; None when there is none."""
		with self._lock:
			for fault in self._waiting:
				if fault.code == code and fault.call in (call, ANY_CALL) and fault.kind in kinds:
					return self._use(fault)
		return None

	def waiting(self) -> list[Fault]:
		with self._lock:
			return list(self._waiting)

	def clear(self) -> None:
		with self._lock:
			self._waiting.clear()

	def _use(self, fault: Fault) -> Fault:
		if fault.times is not None:
			fault.times -= 1
			if fault.times <= 0:
				self._waiting.remove(fault)
		return fault
