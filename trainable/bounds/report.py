"""A certificate as a person reads it on a terminal. Pure."""

from collections.abc import Mapping
from typing import Any

from trainable.bounds.bound import guessing_bits
from trainable.bounds.certificate import Certificate

_BITS_PER_KB = 8000
_DRAWN = {"document": "documents", "sequence": "sequences", "token": "sequences"}
# What tells hypotheses apart; the other settings of an adapter are in the JSON file.
_ADAPTER_SETTINGS = ("rank", "intrinsic_dim", "projector", "allocation", "allocation_ratio")


def lines(certificate: Certificate, about: Mapping[str, Any]) -> list[str]:
    """One line for each number, the verdict last; `about` as in `bounds_metrics.json`."""
    size, message = certificate.message.prefix_free_bits, certificate.message
    units = f"{certificate.units:,} {_plural(about['level_of_independence'])}"
    drawn = f"{certificate.samples:,} {_DRAWN[about['level_of_independence']]} drawn" if certificate.samples else "all scored"
    rounding = f"{about['levels']} levels ({about['quantisation']})"
    gates = ", ".join(f"{group} {gamma:.2f}" for group, gamma in about["gates"].items())
    shown = {
        "hypothesis": f"{_adapter(about['adapter'])}: {sum(message.counts):,} numbers at {rounding}",
        "gates": f"{gates} (share of a group's coordinates that goes to B)" if gates else "",
        "compressed size": f"{size:,.1f} bits ({size / _BITS_PER_KB:.3f} KB)",
        "divergence": f"{certificate.kl_nats:,.1f} nats, with {certificate.misc_extra_bits} bits for choices made",
        "training data": f"{units}, {drawn} (seed {about['seed']})",
        "empirical risk": f"{certificate.empirical_bits:.4f} bits/token at alpha {certificate.alpha:g}",
        "bound": f"{certificate.bound_bits:.4f} bits/token, with probability {1 - certificate.epsilon:g}",
        **_error(certificate, 1),
    }
    return [*(f"{name:<17} {text}" for name, text in shown.items() if text), verdict(certificate, str(about["level_of_independence"]))]


def verdict(certificate: Certificate, level_of_independence: str) -> str:
    """Whether the bound says anything, and how much data it would take if not."""
    guess = f"the {guessing_bits(certificate.vocab_size):.3f} bits/token of a uniform guess"
    if not certificate.is_vacuous:
        return f"not vacuous: the bound is below {guess}"
    needed = certificate.units_needed()
    return f"VACUOUS: the bound is not below {guess}; " + (
        "no amount of data would change that for this hypothesis"
        if needed is None
        else f"this hypothesis would need about {needed:,} {_plural(level_of_independence)}"
    )


def _error(certificate: Certificate, k: int) -> dict[str, str]:
    if k not in certificate.risk.errors:
        return {}
    return {f"top-{k} error": f"{certificate.risk.errors[k]:.4f}, bound {certificate.error_bound(k):.4f}"}


def _adapter(settings: Mapping[str, Any]) -> str:
    further = ", ".join(f"{key} {settings[key]}" for key in _ADAPTER_SETTINGS if key in settings)
    return f"{settings['name']} ({further})" if further else str(settings["name"])


def _plural(level_of_independence: str) -> str:
    return f"{level_of_independence}s"
