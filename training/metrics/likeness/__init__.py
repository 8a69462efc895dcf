"""How surely the same photo is recognised: altered copies, and the threshold that tells them from other photos."""
