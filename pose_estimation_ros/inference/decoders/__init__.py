"""Turn the outputs of pose networks into keypoints or people in pixels of the input, by one file per decoder."""
