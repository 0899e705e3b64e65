"""Find where people are in space: joints, places, motion, heights and rotations, as numbers."""
