"""Where runs are kept beside the disk: places named by URLs, behind five verbs, with patience for an outage."""
