"""What a drawn photo is made of: colours, patterns, decals, a product's identity, the scene around it."""
