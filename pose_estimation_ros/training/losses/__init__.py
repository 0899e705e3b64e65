"""Compute the losses that a recipe's ``losses`` names, for each kind of network."""
