import sys

if sys.version_info < (3, 10):
	sys.exit(
		"benchless needs Python 3.10 or newer, and this is Python %d.%d. "
		"Start it with a newer one, for example: python3.11 -m benchless demo" % sys.version_info[:2]
	)

from benchless.cli import main

sys.exit(main(sys.argv[1:]))
