"""Images to poses: core and OpenCV; each engine's library is imported inside its own file, when asked for."""
