"""Whether checkpoints are whole, without torch: their files, hashes and safetensors headers."""
