"""A folder with everything that the benchmark may empty and kill: a MariaDB, two Redis, and a site of its own.

It uses the programs and packages of a bench and changes nothing of it.
"""

import getpass
import json
import os
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path

from benchmarks.cluster.machines.process import Process, free_port, listens, wait_for

REPOSITORY = Path(__file__).resolve().parents[3]
SITE = "cluster.localhost"
ROOT = "cluster"
INSTALLED, DATA = "mariadb-installed", "mariadb"
DATABASE_OPTIONS = (
	"--bind-address=127.0.0.1",
	"--skip-name-resolve",
	"--character-set-server=utf8mb4",
	"--collation-server=utf8mb4_unicode_ci",
	"--innodb-buffer-pool-size=1G",
	"--max-connections=300",
)
# For the installation only: a crash may lose data.
FAST = ("--innodb-flush-log-at-trx-commit=0", "--skip-innodb-doublewrite")
USER = f"""
	DELETE FROM mysql.global_priv WHERE User = '';
	FLUSH PRIVILEGES;
	CREATE USER IF NOT EXISTS '{ROOT}'@'%' IDENTIFIED BY '{ROOT}';
	GRANT ALL ON *.* TO '{ROOT}'@'%' WITH GRANT OPTION;
"""


class Home:
	def __init__(self, bench: Path, folder: Path):
		self.bench, self.folder = bench.resolve(), folder.resolve()
		self.sites, self.logs = self.folder / "sites", self.folder / "logs"
		self.python = str(self.bench / "env" / "bin" / "python")
		self.ports = {name: free_port() for name in ("database", "cache", "queue")}
		self.processes: dict[str, Process] = {}

	def prepare(self) -> None:
		"""Start the database and both Redis, with a site on which nothing has happened."""
		for part in ("logs", "redis", *(f"node-{n}/config" for n in (1, 2))):
			(self.folder / part).mkdir(parents=True, exist_ok=True)
		self._lay_out_sites()
		for name in ("cache", "queue"):
			self._start_redis(name)
		self._bring_site_up_to_date()
		shutil.rmtree(self.folder / DATA, ignore_errors=True)
		shutil.copytree(self.folder / INSTALLED, self.folder / DATA)
		self._start_database(DATA)

	def _bring_site_up_to_date(self) -> None:
		"""Create or migrate the site that every run starts from, unless it was made with the same code."""
		mark, code = self.folder / "installed", _fingerprint()
		if mark.exists() and mark.read_text() == code:
			return
		self._start_database(INSTALLED, *FAST)
		if mark.exists():
			self.frappe("migrate", "--skip-search-index")
		else:
			self._create_site()
		self.processes["database"].stop()
		mark.write_text(code)

	def _lay_out_sites(self) -> None:
		self.sites.mkdir(exist_ok=True)
		shutil.copy(self.bench / "sites" / "apps.txt", self.sites)
		if not (self.sites / "assets").exists():
			(self.sites / "assets").symlink_to(self.bench / "sites" / "assets")
		(self.sites / "common_site_config.json").write_text(json.dumps(self._config(), indent=1))

	def configure(self, **values: object) -> None:
		path = self.sites / "common_site_config.json"
		path.write_text(json.dumps({**json.loads(path.read_text()), **values}, indent=1))

	def _config(self) -> dict:
		return {
			"db_host": "127.0.0.1",
			"db_port": self.ports["database"],
			"redis_cache": f"redis://127.0.0.1:{self.ports['cache']}",
			"redis_queue": f"redis://127.0.0.1:{self.ports['queue']}",
			"redis_socketio": f"redis://127.0.0.1:{self.ports['cache']}",
			"root_login": ROOT,
			"root_password": ROOT,
			# Both nodes have to name their queues alike; by default the name comes from the path of the bench.
			"bench_id": "cluster",
			"allow_payment_simulator": 1,
			"max_queued_jobs": 100_000,
			"scheduler_tick_interval": 10,
			# Mails are queued and not sent.
			"mail_server": "127.0.0.1",
			"auto_email_id": "shop@example.com",
			"mute_emails": 1,
		}

	def _start_database(self, folder: str, *options: str) -> None:
		data = self.folder / folder
		if not data.exists():
			data.mkdir()
			command = ["mariadb-install-db", "--no-defaults", f"--datadir={data}", self._user()]
			subprocess.run(command, check=True, capture_output=True)
		script = self.folder / "user.sql"
		script.write_text(USER)
		command = [
			*("mariadbd", "--no-defaults", f"--datadir={data}", f"--port={self.ports['database']}"),
			*(f"--socket={self.folder / 'mariadb.sock'}", f"--init-file={script}", self._user()),
			*(*DATABASE_OPTIONS, *options),
		]
		self._start("database", command)

	@staticmethod
	def _user() -> str:
		return f"--user={getpass.getuser()}"

	def _start_redis(self, name: str) -> None:
		command = [
			*("redis-server", "--port", str(self.ports[name]), "--bind", "127.0.0.1"),
			*("--save", "", "--appendonly", "no", "--dir", str(self.folder / "redis")),
		]
		self._start(name, command)

	def _start(self, name: str, command: list[str]) -> None:
		process = Process(name, command, self.folder, self.logs / f"{name}.log")
		self.processes[name] = process.start()
		wait_for(name, lambda: listens(self.ports[name]))

	def restart(self, name: str) -> None:
		"""Kill the database or a Redis, and start it again."""
		self.processes[name].kill()
		self.processes[name].start()
		wait_for(name, lambda: listens(self.ports[name]))

	def _create_site(self) -> None:
		self.frappe(
			*("new-site", SITE, "--force", "--db-root-username", ROOT, "--db-root-password", ROOT),
			*("--admin-password", "admin", "--mariadb-user-host-login-scope", "%"),
			*("--install-app", "oropendola_payments"),
			on_site=False,
		)

	def environment(self, node: int = 1) -> dict[str, str]:
		"""With this repository's app instead of the bench's."""
		return {
			"PYTHONPATH": str(REPOSITORY),
			"FRAPPE_BENCH_ROOT": str(self.folder / f"node-{node}"),
			"PATH": f"{self.bench / 'env' / 'bin'}:{os.environ['PATH']}",
		}

	def frappe(self, *arguments: str, on_site: bool = True) -> None:
		command = self.frappe_command(*(("--site", SITE) if on_site else ()), *arguments)
		environment = {**os.environ, **self.environment()}
		done = subprocess.run(
			command, cwd=self.sites, env=environment, capture_output=True, text=True, check=False
		)
		if done.returncode:
			raise SystemExit(f"{' '.join(arguments)} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")

	def frappe_command(self, *arguments: str) -> list[str]:
		return [self.python, "-m", "frappe.utils.bench_helper", "frappe", *arguments]

	def close(self) -> None:
		for process in self.processes.values():
			process.stop()


def _fingerprint() -> str:
	"""Of all that a migration reads: the DocTypes, hooks and patches."""
	app = REPOSITORY / "oropendola_payments"
	files = [*sorted(app.glob("**/doctype/**/*.json")), app / "hooks.py", app / "patches.txt"]
	return sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
