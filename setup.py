import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent


def version() -> str:
	# Read as text: a build environment has neither frappe nor the app's dependencies to import.
	text = (HERE / "oropendola_payments" / "__init__.py").read_text(encoding="utf-8")
	return re.search(r'__version__ = "([^"]+)"', text).group(1)


def requirements() -> list[str]:
	lines = (HERE / "requirements.txt").read_text(encoding="utf-8").splitlines()
	return [line for line in (raw.split("#")[0].strip() for raw in lines) if line]


setup(
	name="oropendola_payments",
	version=version(),
	description="Sells access to AI services by subscription and accepts payments through seven gateways and by bank transfer",
	long_description=(HERE / "README.md").read_text(encoding="utf-8"),
	long_description_content_type="text/markdown",
	author="Oropendola",
	author_email="payments@oropendola.example",
	license="MIT",
	python_requires=">=3.10",
	packages=find_packages(include=["oropendola_payments", "oropendola_payments.*"]),
	include_package_data=True,
	zip_safe=False,
	install_requires=requirements(),
)
