"""Creates the project's own Python environment in `.venv`. Standard library only: it runs before anything is installed."""

import hashlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchless import ROOT

ENVIRONMENT = ROOT / ".venv"
REQUIREMENTS = (ROOT / "requirements.txt", ROOT / "benchless" / "requirements.txt")
CONSTRAINTS = ROOT / "benchless" / "constraints.txt"
STAMP = ENVIRONMENT / "benchless-stamp"
INTERPRETER = ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


class BootstrapError(Exception):
	"""The environment could not be created; the message says what to do."""


def enter_environment(arguments: list[str]) -> None:
	"""Return inside an up-to-date `.venv`, or run benchless again inside it and never return."""
	if not is_current():
		with only_one_at_a_time():
			if not is_current():
				build()
	if not is_inside():
		run_again(arguments)


def is_current() -> bool:
	return INTERPRETER.exists() and STAMP.exists() and STAMP.read_text() == fingerprint()


def is_inside() -> bool:
	return Path(sys.prefix).resolve() == ENVIRONMENT.resolve()


def has_right_python() -> bool:
	"""Whether the environment only lacks packages. Others may be running in it, so it is not recreated then."""
	config = ENVIRONMENT / "pyvenv.cfg"
	has_pip = any(ENVIRONMENT.glob("[Ll]ib/**/site-packages/pip"))
	return has_pip and config.exists() and f"version = {python_version()}." in config.read_text()


def fingerprint() -> str:
	"""A text that changes when the environment must be rebuilt."""
	digest = hashlib.sha256(python_version().encode())
	for path in (*REQUIREMENTS, CONSTRAINTS):
		digest.update(path.read_bytes() if path.exists() else b"")
	return digest.hexdigest()


def python_version() -> str:
	return f"{sys.version_info.major}.{sys.version_info.minor}"


def build() -> None:
	started = time.monotonic()
	if not is_inside() and not has_right_python():
		create_environment()
	STAMP.unlink(missing_ok=True)
	say("Installing the requirements (once, or after they changed):")
	for path in filter(Path.exists, REQUIREMENTS):
		install(path)
	STAMP.write_text(fingerprint())
	say(f"Ready after {time.monotonic() - started:.0f} seconds.")


def create_environment() -> None:
	try:
		import ensurepip  # noqa: F401  Debian ships Python without it
		import venv
	except ImportError:
		raise BootstrapError(
			"This Python cannot create virtual environments. Install its venv module "
			f"(on Debian or Ubuntu: apt install python{python_version()}-venv) and start again."
		) from None
	say(f"Creating a Python {python_version()} environment in {ENVIRONMENT} ...")
	try:
		venv.EnvBuilder(with_pip=True, clear=True, symlinks=os.name != "nt").create(ENVIRONMENT)
	except (OSError, subprocess.CalledProcessError) as error:
		raise BootstrapError(
			f"The environment in {ENVIRONMENT} could not be created: {error}. "
			"Check that the folder is writable and that there is enough disk space."
		) from None


def install(requirements: Path) -> None:
	command = [str(INTERPRETER), "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
	command += ["--progress-bar", "off", "-r", str(requirements), "-c", str(CONSTRAINTS)]
	pip = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT)
	lines = []
	for line in pip.stdout:
		lines.append(line)
		show_progress(line)
	if pip.wait():
		raise BootstrapError(
			f"pip could not install {requirements.name}. Its last output:\n{''.join(lines[-8:])}"
			"Check the internet connection and start again."
		)


def show_progress(line: str) -> None:
	if line.startswith("Collecting "):
		say("  " + re.split(r"[\s<>=!~;\[]", line.removeprefix("Collecting "))[0])
	elif line.startswith("Installing collected"):
		say("  unpacking ...")


def run_again(arguments: list[str]) -> None:
	command = [str(INTERPRETER), "-m", "benchless", *arguments]
	path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
	environment = {**os.environ, "PYTHONPATH": path}
	if os.name == "nt":
		sys.exit(subprocess.call(command, env=environment))
	sys.stdout.flush()
	os.execve(command[0], command, environment)


@contextmanager
def only_one_at_a_time() -> Iterator[None]:
	"""Lock `.venv` for changes; a second start waits here and then finds it ready."""
	try:
		import fcntl
	except ImportError:  # Windows has no such lock; two simultaneous first starts are not protected there
		yield
		return
	lock = ROOT / ".benchless" / "venv.lock"
	lock.parent.mkdir(exist_ok=True)
	with lock.open("w") as handle:
		fcntl.flock(handle, fcntl.LOCK_EX)
		yield


def say(text: str) -> None:
	print(text, file=sys.stderr, flush=True)
