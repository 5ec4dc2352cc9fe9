"""Python code read with `ast`, never run: what it imports, makes, repeats and sends to Stripe."""
