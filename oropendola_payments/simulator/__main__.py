import sys

from oropendola_payments.simulator.command import main

sys.exit(main())
