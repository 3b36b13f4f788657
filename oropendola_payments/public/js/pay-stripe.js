// Stripe's embedded page, inside ours. It goes to its return address by itself when it is done.
(window.paymentDrivers ??= {}).stripe = async ({ config, place }) => {
	const stripe = window.Stripe(config.publishable_key);
	const checkout = await stripe.createEmbeddedCheckoutPage({
		fetchClientSecret: async () => config.client_secret,
	});
	checkout.mount(`#${place.id}`);
	document.getElementById("moving").hidden = true;
};
