"""Error of the second moment's factored form, ||V - R C^T / mean(R)||_F / ||V||_F over all matrices (Shazeer and Stern 2018, section 3).

For an optimizer that keeps V: of V as it is. For one that keeps only R and C: of V after the next step, beta V + (1 - beta) g^2
with that step's own gradient, which is what one factoring loses there.
"""

from collections.abc import Mapping
from math import sqrt

from torch import nn

from trainable.optim.moments import Moments, factored_form
from trainable.probes import probe


class Probe(probe.Probe):
    def measure(self, view: probe.View) -> Mapping[str, float | None]:
        """The rank is that of the adapter where there is one, else 1."""
        pairs = [_squares(view, p, found) for p, found in view.moments().items() if p.dim() >= 2 and found.v is not None]
        error, whole = sum(error for error, _ in pairs), sum(whole for _, whole in pairs)
        return {
            "lowrank/reconstruction_error": sqrt(error / whole) if whole > 0 else None,
            "lowrank/rank": self.learner.config.adapter.rank or 1,
        }


def _squares(view: probe.View, parameter: nn.Parameter, moments: Moments) -> tuple[float, float]:
    """Squared norms of the error and of V."""
    assert moments.v is not None
    v = moments.v.next(view.next_gradient[parameter].float().square()) if moments.factored else moments.v.value
    return (v - factored_form(v)).square().sum().item(), v.square().sum().item()
