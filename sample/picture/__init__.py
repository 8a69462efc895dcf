"""The parts of a drawn photo: colours, patterns, decals, the identity of the product and the scene around it."""
