"""Carries a sweep's statement out: plan, ledger, Ray Tune, live view, verdict."""
