"""A model's weights as a projection of a few trained numbers: projectors, and how a budget is shared."""
