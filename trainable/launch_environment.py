"""What torchrun tells each of its processes by environment variables, checked: half of it is the mark of another launcher."""

from collections.abc import Mapping

_NUMBERS = ("RANK", "WORLD_SIZE", "LOCAL_RANK")
_MEETING_PLACE = ("MASTER_ADDR", "MASTER_PORT")


def launch_mistakes(environment: Mapping[str, str]) -> list[str]:
    """One sentence for each variable that is wrong or missing; none without RANK, which a single process has not."""
    if "RANK" not in environment:
        return []
    wrong = [f"{name}={environment[name]} must be a number" for name in _NUMBERS if not environment.get(name, "0").isdigit()]
    if wrong:
        return wrong
    rank, ranks = int(environment["RANK"]), int(environment.get("WORLD_SIZE", "1"))
    if rank >= max(1, ranks):
        return [f"RANK={rank} must be below WORLD_SIZE={environment.get('WORLD_SIZE', '(not set)')}; torchrun sets both"]
    missing = [name for name in _MEETING_PLACE if not environment.get(name)] if ranks > 1 else []
    return [f"WORLD_SIZE={ranks} processes cannot meet without {' and '.join(missing)}; torchrun sets them"] if missing else []
