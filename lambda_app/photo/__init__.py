"""From the bytes of a photo to the input of the model; training and serving share this code."""
