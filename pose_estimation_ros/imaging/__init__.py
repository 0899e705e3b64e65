"""Read, decode, crop and draw images with OpenCV, without any network."""
