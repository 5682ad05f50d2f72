"""Adam with moments in blocks of 4 or 8 bits: maps, codebooks, factored second moments."""
