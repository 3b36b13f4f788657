"""List the caller's tools, and call one: check its arguments, count it, run it. A tool that fails leaves nothing behind."""

import json
from typing import Any

import frappe
from frappe import _

from oropendola_payments.ai_billing.doctype.payment_event.payment_event import acting_as
from oropendola_payments.engine.core import counters
from oropendola_payments.exceptions import TooManyRequests, details_of, is_refusal, sentence_of, slug_of
from oropendola_payments.mcp.protocol.rpc import INVALID_PARAMS, RpcError
from oropendola_payments.mcp.tools import catalogue, schema
from oropendola_payments.mcp.tools.plain import plain
from oropendola_payments.mcp.tools.tool import Caller, Outcome, Page, Tool

SOURCE = "Agent"
WINDOW = 60


def listed(caller: Caller, params: dict) -> dict:
	"""Return the tools of this caller, in one page."""
	if params.get("cursor") is not None:
		raise RpcError(INVALID_PARAMS, "There is no further page.", status=200)
	return {"tools": [tool.described() for tool in catalogue.tools_for(caller)]}


def called(caller: Caller, params: dict, opens_pages: bool = False) -> dict:
	"""Return what a tool answers. A refusal is an answer too, marked as an error, so that the model can read it."""
	tool, given = catalogue.find(caller, params.get("name")), params.get("arguments", {})
	if not tool:
		raise RpcError(INVALID_PARAMS, "There is no such tool.", status=200)
	if not isinstance(given, dict):
		raise RpcError(INVALID_PARAMS, "The arguments must be an object.", status=200)
	try:
		outcome = _run(tool, caller, given)
	except Exception as error:
		return _failed(error)
	if outcome.page and opens_pages and "inputResponses" not in params and not tool.reads:
		return _asks_to_open(outcome.page)
	return _succeeded(outcome)


def _run(tool: Tool, caller: Caller, given: dict) -> Outcome:
	checked = schema.check(tool.arguments, given)
	_count(tool, caller)
	with acting_as(SOURCE):
		found = tool.run(caller, **checked)
	return found if isinstance(found, Outcome) else Outcome(found)


def _count(tool: Tool, caller: Caller) -> None:
	used, seconds = counters.count(f"mcp tool {tool.name}", caller.user, WINDOW)
	if used > tool.per_minute:
		error = TooManyRequests(_("Please wait {0} seconds before you use this tool again.").format(seconds))
		error.retry_after = seconds  # type: ignore[attr-defined]
		raise error


def _succeeded(outcome: Outcome) -> dict:
	content = plain(outcome.data)
	blocks: list[dict[str, Any]] = []
	if outcome.page:
		content["page"] = {"url": outcome.page.address, "message": outcome.page.message}
		blocks.append(_link(outcome.page))
	return {
		"content": [_text(json.dumps(content, ensure_ascii=False)), *blocks],
		"structuredContent": content,
	}


def _link(page: Page) -> dict:
	return {
		"type": "resource_link",
		"uri": page.address,
		"name": page.label,
		"description": page.message,
		"mimeType": "text/html",
	}


def _asks_to_open(page: Page) -> dict:
	"""Have the client open the page for its user, who answers there. The same call follows, and answers as a repeated one."""
	request = {"mode": "url", "message": page.message, "url": page.address}
	return {
		"resultType": "input_required",
		"inputRequests": {"page": {"method": "elicitation/create", "params": request}},
	}


def _failed(error: Exception) -> dict:
	"""Undo what the tool did and return its refusal. The details of a bug stay on the server."""
	frappe.db.rollback()
	frappe.clear_messages()
	if not is_refusal(error):
		frappe.log_error(title="Payments: an agent's tool failed", message=frappe.get_traceback())
		return _refused(_("This did not work. The site's team finds the details in the Error Log."), {})
	return _refused(sentence_of(error), {"error_code": slug_of(error), **details_of(error)})


def _refused(sentence: str, details: dict) -> dict:
	more = [_text(json.dumps(plain(details), ensure_ascii=False))] if details else []
	return {"content": [_text(sentence), *more], "isError": True}


def _text(text: str) -> dict:
	return {"type": "text", "text": text}
