"""``python -m sweeps.cluster``: cluster files for ``ray up`` and batch scripts for SLURM, from one description."""

from sweeps.runner.cluster.command_line import main

if __name__ == "__main__":
    main()
