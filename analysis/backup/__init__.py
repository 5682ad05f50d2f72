"""Results copied to a folder, a bucket or a remote, incrementally, and brought back."""
