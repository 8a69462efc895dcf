"""The network in torch: backbones, heads, weights, input."""
