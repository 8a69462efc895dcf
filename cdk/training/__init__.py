"""The training job and the flow that runs it."""
