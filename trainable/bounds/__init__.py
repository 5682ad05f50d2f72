"""PAC-Bayes bounds of a run: quantisation, arithmetic coding, empirical risk, certificate."""
