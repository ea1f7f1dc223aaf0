"""The reader of MTAN's NYUv2."""
