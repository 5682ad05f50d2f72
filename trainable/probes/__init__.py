"""Measurements during training that leave it as it is: curvature, sharpness, quantisation error, ranks."""
