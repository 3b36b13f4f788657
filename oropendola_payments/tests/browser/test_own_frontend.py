"""Our page in a frame of a frontend on another origin: the payment is made inside, and the frontend is told how it ended."""

import hashlib
import hmac
import json
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import frappe

from oropendola_payments.engine.checkout import initiate as checkout
from oropendola_payments.engine.frontends import secret
from oropendola_payments.engine.frontends.addresses import return_to
from oropendola_payments.tests.browser.case import BrowserTestCase
from oropendola_payments.tests.flows.test_own_frontends import set_frontends

PAGE = """<!doctype html><title>Shop</title><iframe src="{}" width="900" height="900"></iframe><pre id="told"></pre>
<script>addEventListener("message", (event) => {{
	const known = event.origin === "{}" && event.data?.type === "oropendola_payment";
	if (known) document.getElementById("told").textContent = JSON.stringify(event.data);
}});</script>"""


class Shop(ThreadingHTTPServer):
	"""A page on an origin of its own, with a frame."""

	def __init__(self):
		super().__init__(("127.0.0.1", 0), partial(_Answer, self))
		self.html = ""
		self.origin = f"http://127.0.0.1:{self.server_port}"
		self.thread = Thread(target=self.serve_forever, args=(0.01,))
		self.thread.start()

	def close(self):
		self.shutdown()
		self.server_close()
		self.thread.join()


class _Answer(BaseHTTPRequestHandler):
	def __init__(self, shop: Shop, *arguments):
		self.shop = shop
		super().__init__(*arguments)

	def do_GET(self):
		self.send_response(200)
		self.send_header("Content-Type", "text/html; charset=utf-8")
		self.end_headers()
		self.wfile.write(self.shop.html.encode())

	def log_message(self, *arguments):
		pass


class TestFrame(BrowserTestCase):
	def setUp(self):
		super().setUp()
		self.shop = Shop()
		self.addCleanup(self.shop.close)
		self.secret = secret.rotate()
		frappe.db.commit()
		self.invoice = self.invoice_for(self.customer())

	def frame(self, may_frame: int):
		"""The shop's page with the payment in a frame, and that frame."""
		address = f"{self.shop.origin}/done"
		row = {
			"origin": self.shop.origin,
			"success_url": address,
			"failure_url": address,
			"pending_url": address,
		}
		set_frontends({**row, "allow_frames": may_frame})
		self.addCleanup(set_frontends)
		started = checkout.initiate(
			self.invoice.user, self.invoice.name, "payu", return_to=return_to(address)
		)
		self.shop.html = PAGE.format(started["payment_url"], self.host.url)
		page = self.open(self.visitor(), self.shop.origin)
		return page, page.frame_locator("iframe"), started["attempt"]

	def test_the_frontend_is_told_in_a_message_that_it_can_verify(self):
		page, inside, attempt = self.frame(may_frame=1)
		inside.locator("button[value=success]").first.click()
		inside.locator("input[name=otp]").fill("123456")
		inside.locator("button[value=success]").click()
		page.wait_for_function("document.getElementById('told').textContent")
		told = json.loads(page.locator("#told").inner_text())
		self.assertEqual((told["attempt"], told["status"]), (attempt, "paid"))
		text = f"{attempt}|paid|{told['time']}".encode()
		self.assertIn(hmac.new(self.secret.encode(), text, hashlib.sha256).hexdigest(), told["signature"])
		self.assertEqual(page.url, f"{self.shop.origin}/")
		self.assertEqual(self.status(self.invoice), "Paid")

	def test_another_origin_cannot_put_the_payment_into_a_frame(self):
		self.frame(may_frame=0)
		self.assertEqual(["frame-ancestors" in error for error in self.console_errors], [True])
