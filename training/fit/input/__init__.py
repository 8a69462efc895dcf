"""What a training step is fed with: batches, photos on the device, augmentation, labels."""
