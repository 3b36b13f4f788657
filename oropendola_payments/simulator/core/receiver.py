"""A customer's server in small: it accepts webhooks of the app and shows the last ones."""

import threading
from collections import deque

from werkzeug.wrappers import Request, Response

from oropendola_payments.simulator.core import pages

KEPT = 50
PATH = "/__webhooks"


class Receiver:
	def __init__(self) -> None:
		self._received: deque = deque(maxlen=KEPT)
		self._lock = threading.Lock()

	def routes(self) -> list[tuple]:
		return [("POST", PATH, self.receive), ("GET", PATH, self.show)]

	def receive(self, request: Request) -> Response:
		names = ("webhook-id", "webhook-timestamp")
		row = (*(request.headers.get(name, "") for name in names), request.get_data(as_text=True))
		with self._lock:
			self._received.appendleft(row)
		return Response(status=204)

	def show(self, request: Request) -> Response:
		with self._lock:
			rows = list(self._received)
		table = pages.table(("webhook-id", "webhook-timestamp", "Body"), rows)
		html = pages.layout("your server", "Webhooks that arrived, the newest first", table)
		return Response(html, content_type="text/html; charset=utf-8")
