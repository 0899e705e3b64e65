"""Detectors of other programs: what they give, and how their frames are made."""
