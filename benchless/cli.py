"""The commands of `python3 -m benchless`. Standard library only, up to the call of `enter_environment`."""

import argparse
import json
import sys
from pathlib import Path

from benchless import ROOT, bootstrap, use_host

DEMO_SITE = ROOT / ".benchless" / "demo"

ABOUT = """\
benchless runs this app without a bench: no MariaDB, no Redis, no Node, only Python.
The first start makes the folder .venv and installs what is needed into it.
"""

EXAMPLES = """\
examples:
  python3 -m benchless demo                     the app with made-up data, on http://127.0.0.1:8000
  python3 -m benchless demo --port 9000 --fresh another port, and start from nothing
  python3 -m benchless test                     the whole test suite
  python3 -m benchless test -k refund -x        only the tests with "refund" in their name, up to the first failure
  python3 -m benchless execute frappe.utils.now one function, with its answer as JSON
"""


def main(arguments: list[str]) -> int:
	"""Run one command and give its exit code."""
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
	add_demo(commands)
	commands.add_parser("test", help="run the test suite; everything after it goes to pytest", add_help=False)
	add_serve(commands)
	add_execute(commands)
	for name, function, text in (
		("migrate", migrate, "bring a site up to date with the app's DocTypes and patches"),
		("console", console, "a Python prompt that is connected to a site"),
	):
		add_site(add_command(commands, name, function, text))
	return parser


def add_command(commands, name: str, function, text: str) -> argparse.ArgumentParser:
	parser = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
	parser.set_defaults(command=function)
	return parser


def add_site(parser: argparse.ArgumentParser) -> None:
	parser.add_argument(
		"--site", type=Path, default=DEMO_SITE, metavar="DIR", help="site folder (the demo's)"
	)


def add_demo(commands) -> None:
	parser = add_command(commands, "demo", demo, "start the app with made-up data and simulated gateways")
	parser.add_argument("--port", type=int, default=8000, help="port of the web server (8000)")
	parser.add_argument("--fresh", action="store_true", help="throw the demo's data away first")


def add_serve(commands) -> None:
	parser = add_command(commands, "serve", serve, "serve a site; it is made when it does not exist")
	parser.add_argument("--site", type=Path, required=True, metavar="DIR", help="site folder")
	parser.add_argument("--port", type=int, required=True, help="port of the web server; 0 takes a free one")
	parser.add_argument("--admin-password", metavar="X", help="password of Administrator")


def add_execute(commands) -> None:
	parser = add_command(commands, "execute", execute, "call one function on a site and print its answer")
	parser.add_argument("method", metavar="DOTTED.PATH", help="for example frappe.utils.now")
	parser.add_argument(
		"--args", type=json.loads, default=[], metavar="JSON", help="for example '[\"a\", 1]'"
	)
	parser.add_argument(
		"--kwargs", type=json.loads, default={}, metavar="JSON", help="for example '{\"a\": 1}'"
	)
	add_site(parser)


def demo(options: argparse.Namespace) -> int:
	from benchless.demo import run

	return run(DEMO_SITE, options.port, options.fresh)


def serve(options: argparse.Namespace) -> int:
	from benchless import server

	return server.run(options.site, options.port, options.admin_password)


def run_tests(options: argparse.Namespace) -> int:
	from benchless.pytest_site import run

	return run(options.pytest_arguments)


def execute(options: argparse.Namespace) -> int:
	from benchless.commands import execute

	return execute(options.site, options.method, options.args, options.kwargs)


def migrate(options: argparse.Namespace) -> int:
	from benchless.commands import migrate

	return migrate(options.site)


def console(options: argparse.Namespace) -> int:
	from benchless.commands import console

	return console(options.site)
