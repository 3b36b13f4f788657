"""What the tests of the simulator share: a simulated PayU with its signed form, and a site that receives webhooks."""

import json
import threading
import urllib.request
from hashlib import sha512
from http.server import BaseHTTPRequestHandler, HTTPServer
from unittest import TestCase

from oropendola_payments.simulator import Simulator

SALT = "simulator-payu-salt-0001"


def pay_form(reference: str = "A1", **changes) -> dict:
	fields = {
		"key": "SimPyU",
		"txnid": reference,
		"amount": "1499.50",
		"productinfo": "Annual Plan",
		"firstname": "Asha",
		"email": "asha@example.com",
		"phone": "9999900000",
		"surl": "https://shop.example.com/paid",
		"furl": "https://shop.example.com/failed",
		**changes,
	}
	names = ("key", "txnid", "amount", "productinfo", "firstname", "email")
	parts = [*(fields[name] for name in names), *[""] * 10, SALT]
	return {"hash": sha512("|".join(parts).encode()).hexdigest(), **fields}


class SimulatorCase(TestCase):
	def setUp(self):
		self.simulator = Simulator(codes=("payu",)).start()
		self.addCleanup(self.simulator.close)

	def open(self, reference: str = "A1", **changes):
		return self.simulator.open(f"{self.simulator.url}/payu/_payment", pay_form(reference, **changes))

	def pay(self, reference: str = "A1", **how):
		self.open(reference)
		return self.simulator.pay("payu", reference, **how)

	def call(self, path: str, body=None, content_type: str = "application/json"):
		data = None if body is None else json.dumps(body).encode()
		request = urllib.request.Request(self.simulator.url + path, data, {"Content-Type": content_type})
		with urllib.request.urlopen(request, timeout=10) as response:
			return response.read().decode()

	def payu_command(self, command: str = "verify_payment", var1: str = "A1", **more) -> dict:
		digest = sha512(f"SimPyU|{command}|{var1}|{SALT}".encode()).hexdigest()
		fields = {"key": "SimPyU", "command": command, "var1": var1, "hash": digest, **more}
		page = self.simulator.open(f"{self.simulator.url}/payu/merchant/postservice.php?form=2", fields)
		return json.loads(page.text)


class MerchantSite:
	"""A site that responds to webhooks with the given statuses and bodies, one after the other."""

	def __init__(self, statuses: list[int], responses: list[bytes] | None = None):
		self.bodies: list[bytes] = []
		self.received_all = threading.Event()
		site = self

		class Handler(BaseHTTPRequestHandler):
			def do_POST(self):
				site.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
				self.send_response(statuses[len(site.bodies) - 1])
				self.end_headers()
				self.wfile.write(responses[len(site.bodies) - 1] if responses else b"")
				if len(site.bodies) == len(statuses):
					site.received_all.set()

			def log_message(self, *args):
				pass

		self.server = HTTPServer(("127.0.0.1", 0), Handler)
		self.url = f"http://127.0.0.1:{self.server.server_port}/hook"

	def __enter__(self):
		threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
		return self

	def __exit__(self, *error):
		self.server.shutdown()
		self.server.server_close()
