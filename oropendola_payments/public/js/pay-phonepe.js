// PhonePe in a frame. Its word that the customer concluded is not yet money.
(window.paymentDrivers ??= {}).phonepe = ({ config, finished, closed }) => {
	window.PhonePeCheckout.transact({
		...config,
		callback: (answer) => (answer === "USER_CANCEL" ? closed() : finished()),
	});
};
