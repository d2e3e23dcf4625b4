"""Sends people and scarce supplies to many places, with a proof of how good the plan is."""
