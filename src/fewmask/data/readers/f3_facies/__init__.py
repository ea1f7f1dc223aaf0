"""The reader of the F3 facies."""
