"""Where files can be kept beside this machine, as a URL: what is wrong with one is said before anything is kept."""

import re
from urllib.parse import urlsplit

from trainable.spec.mistakes import unknown

# What Arrow's file systems reach.
SCHEMES = ("file", "s3", "gs", "gcs")


def place_mistakes(url: str, option: str) -> list[str]:
    """One sentence for each reason why nothing could be kept at `url`; a text without a scheme is a folder."""
    parts = urlsplit(url)
    if parts.username or parts.password or re.search(r"(?i)(access_key|secret|token|password)=", parts.query):
        return [f"{option} must not hold credentials: they belong in the environment, as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"]
    if parts.scheme and parts.scheme not in SCHEMES:
        return [unknown("kind of place", parts.scheme, SCHEMES)]
    if parts.scheme not in ("", "file") and not parts.netloc:
        return [f"{option} '{url}' names no bucket, such as {parts.scheme}://bucket/folder"]
    return []


def is_url(text: str) -> bool:
    """Whether this is no folder's path."""
    return "://" in text
