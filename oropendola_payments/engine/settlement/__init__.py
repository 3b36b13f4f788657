"""The one door of money: what a gateway says becomes captures, invoice states and service, in one transaction."""
