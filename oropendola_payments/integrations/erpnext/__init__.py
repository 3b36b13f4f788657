"""ERPNext: book what was paid and refunded, each sum once and to the last unit. Loaded only where ERPNext is installed."""
