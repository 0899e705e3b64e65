"""Turn images into poses with core and OpenCV; the library of a backend is imported when a model needs it."""
