"""All tools, and those that a caller may use."""

from oropendola_payments.mcp.tools import cashfree, payments, plans, proposals, staff, subscriptions
from oropendola_payments.mcp.tools.tool import Caller, Tool

TOOLS: tuple[Tool, ...] = (
	*plans.TOOLS,
	*payments.TOOLS,
	*subscriptions.TOOLS,
	*cashfree.TOOLS,
	*staff.TOOLS,
	*proposals.TOOLS,
)


def tools_for(caller: Caller) -> list[Tool]:
	"""Return the caller's tools, always in the same order."""
	return [tool for tool in TOOLS if tool.is_for(caller)]


def find(caller: Caller, name: object) -> Tool | None:
	"""Return the tool, or None: one that the caller may not use does not exist for him."""
	return next((tool for tool in TOOLS if tool.name == name and tool.is_for(caller)), None)
