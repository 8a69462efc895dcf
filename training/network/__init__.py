"""The network in torch: backbones, heads, weights and input."""
