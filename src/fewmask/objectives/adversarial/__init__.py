"""What objectives share whose network learns against a discriminator."""
