"""Offline training: models, data, losses, loop, export. Needs torch; may use core, inference and evaluation."""
