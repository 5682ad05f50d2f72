"""Text to token files and batches: sources, tokenizer, split, preparation with checksums."""
