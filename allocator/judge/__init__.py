"""The rules, one function each, as the verifier checks them; no model and no solver in sight."""
