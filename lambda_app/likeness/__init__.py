"""Whether two photos are the same one, however it was cropped, compressed or mirrored since."""
