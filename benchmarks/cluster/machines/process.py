"""A process of ours that can be killed and started again, with everything that it forked."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


class Process:
	def __init__(self, name: str, command: list[str], folder: Path, log: Path, **environment: str):
		self.name, self.command, self.folder, self.log = name, command, folder, log
		self.environment = {**os.environ, **environment}
		self.handle: subprocess.Popen | None = None
		self.wanted = False

	def start(self) -> "Process":
		self.wanted = True
		with self.log.open("ab") as log:
			self.handle = subprocess.Popen(
				self.command,
				cwd=self.folder,
				env=self.environment,
				stdin=subprocess.DEVNULL,
				stdout=log,
				stderr=log,
				start_new_session=True,
			)
		return self

	def is_running(self) -> bool:
		return self.handle is not None and self.handle.poll() is None

	def children(self) -> list[int]:
		"""The processes that it forked and that still run: gunicorn's workers, or the job of an RQ worker."""
		if not self.is_running():
			return []
		with suppress(OSError):
			return [int(n) for n in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]
		return []

	@property
	def pid(self) -> int:
		assert self.handle
		return self.handle.pid

	def kill(self) -> None:
		"""As if its machine lost power: the process and what it forked."""
		# An RQ worker's job leads a session of its own, so killing the group is not enough.
		for pid in [*self.children(), self.pid]:
			kill(pid)
		if self.handle:
			self.handle.wait()

	def stop(self) -> None:
		self.wanted = False
		if self.is_running():
			for pid in [*self.children(), self.pid]:
				with suppress(ProcessLookupError):
					os.kill(pid, signal.SIGTERM)
			with suppress(subprocess.TimeoutExpired):
				self.handle.wait(60)
		if self.is_running():
			self.kill()


def kill(pid: int) -> None:
	with suppress(ProcessLookupError):
		os.kill(pid, signal.SIGKILL)


def free_port() -> int:
	with socket.socket() as taken:
		taken.bind(("127.0.0.1", 0))
		return taken.getsockname()[1]


def wait_for(what: str, is_there: Callable[[], object], seconds: float = 60) -> None:
	end = time.monotonic() + seconds
	while not is_there():
		if time.monotonic() > end:
			raise SystemExit(f"{what}: waited {seconds:.0f} seconds in vain")
		time.sleep(0.1)


def listens(port: int) -> bool:
	with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
		return True
	return False
