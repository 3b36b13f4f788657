"""Settlement: turn what a gateway reports into captures, invoice states and service, in one transaction."""
