"""The command line: it explains itself, keeps its environment fresh and says what is wrong."""

import json
import socket
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest.mock import patch

from benchless import ROOT, bootstrap


def run(*arguments: str) -> subprocess.CompletedProcess:
	command = [sys.executable, "-m", "benchless", *arguments]
	return subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=60)


class TestHelp(unittest.TestCase):
	def test_no_command_explains_all_of_them(self):
		answer = run()
		self.assertEqual(answer.returncode, 0)
		for command in ("demo", "test", "serve", "execute", "migrate", "console"):
			self.assertIn(f"    {command} ", answer.stdout)

	def test_unknown_command_is_refused_with_the_known_ones(self):
		answer = run("fly")
		self.assertEqual(answer.returncode, 2)
		self.assertIn("demo", answer.stderr)

	def test_help_needs_no_package_at_all(self):
		command = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); "]
		command[-1] += "from benchless.cli import main; main(['--help'])"
		self.assertEqual(subprocess.run(command, check=False, capture_output=True, timeout=60).returncode, 0)


class TestEnvironment(unittest.TestCase):
	def setUp(self):
		folder = tempfile.TemporaryDirectory()
		self.addCleanup(folder.cleanup)
		self.requirements = Path(folder.name, "requirements.txt")
		self.requirements.write_text("one\n")
		self.constraints = Path(folder.name, "constraints.txt")
		self.constraints.write_text("one==1.0\n")
		for name, value in {
			"REQUIREMENTS": (self.requirements,),
			"CONSTRAINTS": self.constraints,
			"STAMP": Path(folder.name, "stamp"),
			"INTERPRETER": Path(sys.executable),
			"ENVIRONMENT": Path(folder.name, "venv"),
		}.items():
			replaced = patch.object(bootstrap, name, value)
			replaced.start()
			self.addCleanup(replaced.stop)

	def test_environment_is_stale_after_a_change_of_the_requirements(self):
		bootstrap.STAMP.write_text(bootstrap.fingerprint())
		self.assertTrue(bootstrap.is_current())
		self.requirements.write_text("one\ntwo\n")
		self.assertFalse(bootstrap.is_current())

	def test_environment_is_stale_after_a_change_of_the_exact_versions(self):
		bootstrap.STAMP.write_text(bootstrap.fingerprint())
		self.constraints.write_text("one==1.1\n")
		self.assertFalse(bootstrap.is_current())

	def test_environment_without_a_stamp_is_stale_because_its_making_was_cut_short(self):
		self.assertFalse(bootstrap.is_current())

	def test_python_without_venv_module_gets_a_sentence_that_helps(self):
		refusal = self.assertRaisesRegex(bootstrap.BootstrapError, r"apt install python3\.\d+-venv")
		with patch.dict(sys.modules, {"ensurepip": None}), refusal:
			bootstrap.create_environment()

	def test_failed_installation_leaves_no_stamp_and_shows_the_last_words_of_pip(self):
		bootstrap.STAMP.write_text("old")
		self.requirements.write_text("./there-is-no-such-folder\n")
		refusal = self.assertRaisesRegex(bootstrap.BootstrapError, "there-is-no-such-folder")
		with patch.object(bootstrap, "is_inside", return_value=True), refusal:
			bootstrap.build()
		self.assertFalse(bootstrap.STAMP.exists())


class TestSiteCommands(unittest.TestCase):
	def test_command_on_a_missing_site_says_how_to_make_one(self):
		answer = run("execute", "frappe.utils.now", "--site", "/nonexistent/site")
		self.assertEqual(answer.returncode, 1)
		self.assertIn("serve --site /nonexistent/site", answer.stderr)

	def test_execute_prints_the_answer_as_json(self):
		import frappe

		answer = run(
			"execute",
			"frappe.utils.add_days",
			"--args",
			'["2030-01-31", 1]',
			"--site",
			frappe.local.site_path,
		)
		self.assertEqual((answer.stderr, json.loads(answer.stdout)), ("", "2030-02-01"))

	def test_demo_on_a_busy_port_names_the_port_and_the_way_out(self):
		with socket.create_server(("127.0.0.1", 0)) as listener:
			port = listener.getsockname()[1]
			answer = run("demo", "--port", str(port))
		self.assertEqual(answer.returncode, 1)
		self.assertRegex(answer.stderr, f"Port {port} is in use.*--port")
