"""Tables and figures: from the metrics of the runs to what a person reads."""
