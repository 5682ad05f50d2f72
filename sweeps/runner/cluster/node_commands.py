"""What every node does when it joins: mount the shared folder, install from the pins, start Ray with its token."""

from sweeps.runner.cluster.description import PRICE_LABEL, PROJECT, TOKEN, Cluster

_PYTHON = "3.12.12"
_PORT = 6379
# A sweep passes no objects through Ray's store; by default it would take 30 % of the memory.
_OBJECT_STORE_BYTES = 200_000_000
# The head asks every node for a sign of life each 2 s and gives it up after three that did not come: some 10 s instead of 30.
_HEALTH = "RAY_health_check_period_ms=2000 RAY_health_check_timeout_ms=2000 RAY_health_check_failure_threshold=3"


def initialization_commands(cluster: Cluster) -> list[str]:
    """Before anything else on every node; a command that fails ends ``ray up`` with its words."""
    if cluster.shared is None:
        return []
    if cluster.shared_source is None:
        return [f"test -w {cluster.shared} || (echo '{cluster.shared} is not a folder this user may write'; false)"]
    options = "nfsvers=4.1,rsize=1048576,wsize=1048576,hard,timeo=600,retrans=2,noresvport"
    mount = f"sudo mount -t nfs4 -o {options} {cluster.shared_source} {cluster.shared} && sudo chmod 1777 {cluster.shared}"
    return [
        "command -v mount.nfs4 > /dev/null || (sudo apt-get update -qq && sudo apt-get install -y -qq nfs-common)",
        f"mountpoint -q {cluster.shared} || (sudo mkdir -p {cluster.shared} && {mount})",
    ]


def setup_commands(cluster: Cluster) -> list[str]:
    """On every node at each ``ray up``; run again they change nothing."""
    environment = cluster.environment or "~/venv"
    exports = f"export PATH={environment.replace('~', '$HOME')}/bin:$PATH PYTHONPATH={PROJECT.replace('~', '$HOME')} RAY_AUTH_MODE=token"
    return [
        f"chmod 600 {TOKEN}",
        *([] if cluster.environment else _install()),
        f"echo '{exports}' > ~/.sweeps_env",
        "grep -q sweeps_env ~/.bashrc || echo '. ~/.sweeps_env' >> ~/.bashrc",
    ]


def _install() -> list[str]:
    return [
        "command -v ~/.local/bin/uv > /dev/null || curl -LsSf https://astral.sh/uv/install.sh | sh",
        f"test -x ~/venv/bin/python || ~/.local/bin/uv venv --python {_PYTHON} ~/venv",
        f"cd {PROJECT} && VIRTUAL_ENV=~/venv ~/.local/bin/uv pip install -q -c requirements-frozen.txt -e '.[cluster]'",
    ]


def head_start_commands(cluster: Cluster, *, more: str = "", environment: str = "") -> list[str]:
    """`more` are further options of ``ray start``, `environment` further variables of the head."""
    listening = f"--port={_PORT} --dashboard-host=127.0.0.1 --autoscaling-config=~/ray_bootstrap_config.yaml"
    variables = " ".join(part for part in (_HEALTH, environment) if part)
    return ["ray stop", f"ulimit -n 65536; {variables} ray start --head {listening} {_common(cluster)}{more}"]


def worker_start_commands(cluster: Cluster, *, more: str = "", cloud: str | None = None) -> list[str]:
    """On a `cloud` also what listens for its notice that a spot machine will be taken."""
    # A raylet whose head is gone for this long ends itself: by default it would go on for a minute.
    patience = "RAY_gcs_rpc_server_reconnect_timeout_s=20"
    start = f"ulimit -n 65536; {patience} ray start --address=$RAY_HEAD_IP:{_PORT} {_common(cluster)}{more}"
    heed = f"cd {PROJECT} && (setsid nohup python -m sweeps.cluster heed {cloud} > /tmp/heed.log 2>&1 < /dev/null &)"
    return ["ray stop", start, *([heed] if cloud else [])]


def price_option(price_usd: float | None) -> str:
    """For nodes whose labels the autoscaler does not set."""
    return "" if price_usd is None else f" --labels={PRICE_LABEL}={price_usd:g}"


def _common(cluster: Cluster) -> str:
    cpus = "" if cluster.cpus_per_node is None else f" --num-cpus={cluster.cpus_per_node}"
    return f"--object-store-memory={_OBJECT_STORE_BYTES} --disable-usage-stats{cpus}"
