import sys

if sys.version_info < (3, 10):  # noqa: UP036  older ones must get a sentence, not a syntax error
	sys.exit(
		f"benchless needs Python 3.10 or newer, and this is Python {sys.version_info[0]}.{sys.version_info[1]}. "
		"Start it with a newer one, for example: python3.11 -m benchless demo"
	)

from benchless.cli import main

sys.exit(main(sys.argv[1:]))
