"""The console scripts of this package, such as ``sweeps-train`` beside ``python -m trainable.train``; each loads only what it runs."""

from trainable.spec.command import run_command


def train() -> int:
    from trainable.train import main

    return run_command(main)


def prepare() -> int:
    from trainable.data.prepare import main

    return main()


def evaluate() -> int:
    from trainable.evaluate import main

    return run_command(main)


def bounds() -> int:
    from trainable.bounds.__main__ import main

    return run_command(main)


def export() -> int:
    from trainable.export import main

    return run_command(main)


def landscape() -> int:
    from trainable.landscape import main

    return run_command(main)


def memory() -> int:
    from trainable.profile_memory import main

    return run_command(main)
