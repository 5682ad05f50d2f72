"""Reports on experiment sets of torchtune that ran elsewhere."""
