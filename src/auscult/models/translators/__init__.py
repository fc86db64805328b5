"""Speech translators: our own, published ones, and the interface of both."""
