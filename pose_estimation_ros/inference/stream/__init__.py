"""Find boxes for the pose network from image to image: ask the detector, and give people turns."""
