"""What objectives share that train two networks which teach each other."""
