"""The stage that trains the network: input, loss, optimiser, validation, checkpoints."""
