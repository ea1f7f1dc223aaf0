"""What is requested: settings of datasets, methods and experiments, read from YAML and checked."""
