"""The protocol's checklists for runs, sweeps and papers, answered from what lies on disk."""
