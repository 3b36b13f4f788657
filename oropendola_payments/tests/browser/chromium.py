"""Chromium, driven by Playwright. The tests are skipped with a reason when one of them is missing."""

import shutil
from unittest import SkipTest

# The first has no windows and needs less than half of the processor time.
NAMES = (
	"chromium-headless-shell",
	"chromium",
	"chromium-browser",
	"google-chrome",
	"google-chrome-stable",
)
# Containers run as root and have a small /dev/shm.
ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
WAIT_MS = 40_000  # generous, for busy machines


class Chromium:
	"""A headless browser; each test opens its own contexts in it."""

	def __init__(self):
		path = next(filter(None, map(shutil.which, NAMES)), None)
		if not path:
			raise SkipTest(
				f"No browser is installed (looked for {', '.join(NAMES)}). On Debian: apt install {NAMES[0]}"
			)
		try:
			from playwright.sync_api import sync_playwright
		except ImportError:
			raise SkipTest("Playwright for Python is not installed: pip install playwright") from None
		self._playwright = sync_playwright().start()
		self.browser = self._playwright.chromium.launch(executable_path=path, args=ARGUMENTS)

	def close(self):
		self.browser.close()
		self._playwright.stop()

	def context(self, **options):
		context = self.browser.new_context(**options)
		context.set_default_timeout(WAIT_MS)
		return context
