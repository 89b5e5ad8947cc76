"""Documents as people write them, checked to the line and column, and their conversion to the model."""
