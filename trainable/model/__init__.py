"""Transformers of this project, GPT-2 and models of the transformers library, and their sizes in closed form."""
