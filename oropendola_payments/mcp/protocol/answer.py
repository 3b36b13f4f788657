"""From the bytes of a request to the bytes of its answer."""

from collections.abc import Mapping

from oropendola_payments.mcp.protocol import legacy, modern, rpc
from oropendola_payments.mcp.protocol.rpc import Answer, RpcError
from oropendola_payments.mcp.tools.tool import Caller


def answer(caller: Caller, headers: Mapping[str, str], raw: bytes) -> Answer:
	"""Answer one message. `headers` are found without regard to upper and lower case."""
	message = None
	try:
		message = rpc.read(raw)
		if "id" not in message:
			return Answer(202)  # a notification, and there is none that would change anything here
		generation = legacy if legacy.is_legacy(headers, message) else modern
		return rpc.result(message, generation.handle(caller, headers, message))
	except RpcError as error:
		return rpc.failure(error, message)
