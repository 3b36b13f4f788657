"""A tool, who may see it, and what it answers."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

CUSTOMER, STAFF, MANAGER = "customer", "staff", "manager"


@dataclass(frozen=True)
class Caller:
	"""Who calls. With an API key only, what is read is that of its owner, and nothing can be changed."""

	user: str
	may_transact: bool = False
	is_staff: bool = False
	is_manager: bool = False
	has_only_key: bool = False


@dataclass(frozen=True)
class Page:
	"""A page of ours where the user goes on, because what comes next is not for the agent."""

	address: str
	label: str
	message: str


@dataclass(frozen=True)
class Outcome:
	data: dict[str, Any]
	page: Page | None = None


@dataclass(frozen=True)
class Tool:
	"""`run` gets the caller and the checked arguments. `reads` means that it changes nothing of the user's."""

	name: str
	title: str
	description: str
	run: Callable[..., Outcome | dict]
	arguments: dict[str, Any]
	answer: dict[str, Any]
	reads: bool = True
	destroys: bool = False
	repeatable: bool = True
	reaches_outside: bool = False
	moves_money: bool = False
	audience: str = CUSTOMER
	with_key: bool = False
	per_minute: int = field(default=60)

	def is_for(self, caller: Caller) -> bool:
		"""Return whether this caller sees the tool and may call it."""
		if caller.has_only_key:
			return self.with_key
		if self.moves_money and not caller.may_transact:
			return False
		return {CUSTOMER: True, STAFF: caller.is_staff, MANAGER: caller.is_manager}[self.audience]

	def described(self) -> dict[str, Any]:
		"""Return the tool as clients list it."""
		return {
			"name": self.name,
			"title": self.title,
			"description": self.description,
			"inputSchema": self.arguments,
			"outputSchema": self.answer,
			"annotations": {
				"title": self.title,
				"readOnlyHint": self.reads,
				"destructiveHint": self.destroys,
				"idempotentHint": self.repeatable,
				"openWorldHint": self.reaches_outside,
			},
		}
