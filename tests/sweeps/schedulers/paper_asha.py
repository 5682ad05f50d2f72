"""ASHA as the paper states it, written down plainly, to compare with."""

from collections import defaultdict

from sweeps.runner.schedulers.rule import Action

CONTINUE, STOP, PAUSE = Action.CONTINUE, Action.STOP, Action.PAUSE


class Reference:
    """Algorithm 2 of Li et al. 2020 with its rungs as plain lists, filled as trials arrive."""

    def __init__(self, levels, eta, promote):
        self.levels, self.eta, self.promote = levels, eta, promote
        self.recorded = defaultdict(list)
        self.promoted = defaultdict(set)
        self.log = []

    def top(self, level):
        k = int(len(self.recorded[level]) / self.eta)
        if not self.promote:
            k = max(k, 1)
        return sorted(self.recorded[level])[:k]

    def arrive(self, trial, step, loss):
        if step not in self.levels:
            return CONTINUE
        self.recorded[step].append((loss, trial))
        action = CONTINUE if (loss, trial) in self.top(step) else PAUSE if self.promote else STOP
        if action == CONTINUE:
            self.promoted[step].add(trial)
        self.log.append((trial, step, action))
        return action

    def get_job(self):
        for level in reversed(self.levels):
            for _, trial in self.top(level):
                if trial not in self.promoted[level]:
                    self.promoted[level].add(trial)
                    return trial
        return None
