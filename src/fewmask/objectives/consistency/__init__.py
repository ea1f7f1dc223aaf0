"""What objectives share that ask a network for the same answer on changed images."""
