"""The code of docs/webhooks-out.md verifies what is really sent."""

import json
import re
import shutil
import subprocess
import unittest
from importlib.util import find_spec

from oropendola_payments.tests.support.receiver import WebhookTestCase
from oropendola_payments.tests.support.source import ROOT

PAGE = ROOT / "docs" / "webhooks-out.md"
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)


@unittest.skipUnless(PAGE.exists(), "The documents are not installed with the app.")
class TestExamples(WebhookTestCase):
	def setUp(self):
		super().setUp()
		self.code = dict(BLOCK.findall(PAGE.read_text(encoding="utf-8")))
		self.secret = self.endpoint_secret()
		self.message = self.receiver.received[0]

	def endpoint_secret(self) -> str:
		endpoint = self.endpoint()
		self.announce("invoice.paid", note="₹ नमस्ते")
		self.send(endpoint)
		return endpoint["secret"]

	@unittest.skipUnless(find_spec("standardwebhooks"), "The library is not installed.")
	def test_the_python_example_verifies_a_message_and_refuses_a_changed_one(self):
		names: dict = {}
		exec(self.code["python"], names)
		verified, body = names["verified"], self.message.body
		self.assertEqual(verified(self.secret, self.message.headers, body)["type"], "invoice.paid")
		self.assertIsNone(verified(self.secret, self.message.headers, body + b" "))

	@unittest.skipUnless(shutil.which("node"), "Node is not installed.")
	def test_the_javascript_example_verifies_a_message_and_refuses_a_changed_one(self):
		given = [self.secret, self.message.headers, self.message.body.decode()]
		script = (
			f"{self.code['js']}\nconst [secret, headers, body] = {json.dumps(given)};\n"
			"const right = verified(secret, headers, Buffer.from(body));\n"
			"const wrong = verified(secret, headers, Buffer.from(body + ' '));\n"
			"console.log(JSON.stringify([right && right.data.note, wrong]));"
		)
		run = subprocess.run(["node", "-e", script], capture_output=True, text=True, check=True, timeout=60)
		self.assertEqual(json.loads(run.stdout), ["₹ नमस्ते", None])

	@unittest.skipUnless(shutil.which("php"), "PHP is not installed.")
	def test_the_php_example_verifies_a_message_and_refuses_a_changed_one(self):
		given = json.dumps(json.dumps([self.secret, self.message.headers, self.message.body.decode()]))
		script = (
			f"{self.code['php']}\n[$secret, $headers, $body] = json_decode({given}, true);\n"
			"echo json_encode([verified($secret, $headers, $body)['data']['note'], verified($secret, $headers, $body . ' ')]);"
		)
		run = subprocess.run(["php", "-r", script], capture_output=True, text=True, check=True, timeout=60)
		self.assertEqual(json.loads(run.stdout), ["₹ नमस्ते", None])
