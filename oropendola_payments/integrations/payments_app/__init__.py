"""The app Payments: our gateways as its Payment Gateways, so that documents of other apps can be paid by a payment link."""
