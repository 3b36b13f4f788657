"""The commands of `python3 -m benchless`. Standard library only, up to the call of `enter_environment`."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchless import ROOT, bootstrap, use_host

DEMO_SITE = ROOT / ".benchless" / "demo"
SITE = {"type": Path, "default": DEMO_SITE, "metavar": "DIR", "help": "site folder (the demo's)"}

# Plugins that packages of the suite bring. It does not use them, and loading them takes a second.
UNUSED_PLUGINS = ["-p", "no:schemathesis", "-p", "no:anyio"]
# The whole suite keeps every processor busy, also while a test waits for a browser or an answer. A few tests start faster in one
# process, where a debugger works too.
WHOLE_SUITE = ["-n", str((os.cpu_count() or 1) + 1), "--dist", "worksteal"]

ABOUT = """\
benchless runs this app without a bench: no MariaDB, no Redis, no Node, only Python.
The first start makes the folder .venv and installs what is needed into it.
"""

EXAMPLES = """\
examples:
  python3 -m benchless demo                     the app with sample data, on http://localhost:8000
  python3 -m benchless demo --port 9000 --fresh another port, and start from nothing
  python3 -m benchless test                     the whole test suite
  python3 -m benchless test -k refund -x        only the tests with "refund" in their name, up to the first failure
  python3 -m benchless execute frappe.utils.now one function, with its answer as JSON
  python3 -m benchless openapi                  after a change of an endpoint or of docs/api.md
"""


def main(arguments: list[str]) -> int:
	"""Run one command and return its exit code."""
	if arguments[:1] == ["test"]:
		# pytest has its own options, so argparse must not look at them.
		options = argparse.Namespace(command=run_tests, pytest_arguments=arguments[1:])
	else:
		options = make_parser().parse_args(arguments or ["--help"])
	try:
		bootstrap.enter_environment(arguments)
		use_host()
		return options.command(options) or 0
	except bootstrap.BootstrapError as error:
		print(error, file=sys.stderr)
		return 1
	except KeyboardInterrupt:
		return 130


def make_parser() -> argparse.ArgumentParser:
	parser = argparse.ArgumentParser(
		prog="python3 -m benchless",
		description=ABOUT,
		epilog=EXAMPLES,
		formatter_class=argparse.RawDescriptionHelpFormatter,
	)
	commands = parser.add_subparsers(metavar="command", required=True)
	add = add_command(commands, demo, "start the app with sample data and simulated gateways")
	add("--port", type=int, default=8000, help="port of the web server (8000)")
	add("--fresh", action="store_true", help="delete the demo's data first")
	commands.add_parser("test", help="run the test suite; all further arguments go to pytest", add_help=False)
	add = add_command(commands, serve, "serve a site; it is created if it does not exist")
	add("--site", type=Path, required=True, metavar="DIR", help="site folder")
	add("--port", type=int, required=True, help="port of the web server; 0 chooses a free one")
	add("--admin-password", metavar="X", help="password of Administrator")
	add = add_command(commands, execute, "call one function on a site and print its answer")
	add("method", metavar="DOTTED.PATH", help="for example frappe.utils.now")
	add("--args", type=json.loads, default=[], metavar="JSON", help="for example '[\"a\", 1]'")
	add("--kwargs", type=json.loads, default={}, metavar="JSON", help="for example '{\"a\": 1}'")
	add("--site", **SITE)
	add_command(commands, migrate, "bring a site up to date with the app's DocTypes and patches")(
		"--site", **SITE
	)
	add_command(commands, openapi, "bring the committed OpenAPI files up to date with the endpoints")
	add_command(commands, console, "a Python prompt that is connected to a site")("--site", **SITE)
	return parser


def add_command(commands, function: Callable, text: str) -> Callable:
	"""The function that adds an option to the new command."""
	parser = commands.add_parser(function.__name__, help=text, description=text[0].upper() + text[1:] + ".")
	parser.set_defaults(command=function)
	return parser.add_argument


def demo(options: argparse.Namespace) -> int:
	from benchless.demo import run

	return run(DEMO_SITE, options.port, options.fresh)


def serve(options: argparse.Namespace) -> int:
	from benchless import server

	return server.run(options.site, options.port, options.admin_password)


def run_tests(options: argparse.Namespace) -> int:
	import pytest

	os.chdir(ROOT)
	always = [
		"-c",
		str(ROOT / "pyproject.toml"),
		"--rootdir",
		str(ROOT),
		"-p",
		"benchless.pytest_site",
		"--assert=plain",  # the tests use unittest's methods; rewriting `assert` doubles the time to collect them
		*UNUSED_PLUGINS,
	]
	return int(pytest.main([*always, *(options.pytest_arguments or WHOLE_SUITE)]))


def execute(options: argparse.Namespace) -> None:
	import frappe

	with opened(options.site):
		answer = frappe.get_attr(options.method)(*options.args, **options.kwargs)
		frappe.db.commit()
		if answer is not None:
			print(frappe.as_json(answer))


def migrate(options: argparse.Namespace) -> None:
	from benchless import site

	with opened(options.site):
		site.migrate()
	print(f"{options.site} is up to date.")


def openapi(options: argparse.Namespace) -> None:
	from oropendola_payments.openapi import files

	changed = files.write()
	print(f"Changed: {', '.join(changed)}" if changed else "Nothing to change.")


def console(options: argparse.Namespace) -> None:
	import code

	import frappe

	with opened(options.site):
		hint = "frappe.db.commit() saves your changes; Ctrl-D exits."
		banner = f"Connected to {options.site} as Administrator. {hint}"
		code.interact(banner=banner, local={"frappe": frappe}, exitmsg="")


@contextmanager
def opened(folder: Path) -> Iterator[None]:
	"""Connect to a site as Administrator, and run the queued jobs at the end."""
	from frappe.utils.background_jobs import start_worker

	from benchless import site

	if not (folder / "site_config.json").exists():
		makers = f"`python3 -m benchless demo` or `serve --site {folder}`"
		sys.exit(f"There is no site in {folder}. Create one with {makers}.")
	with site.connect(folder):
		yield
	start_worker(burst=True)
