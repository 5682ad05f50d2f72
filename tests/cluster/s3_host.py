"""A host of the lab on which an S3 server really runs (moto's), and the key that every other host has in its environment."""

import os
import sys
import time

from tests.cluster.boot import USER_ID
from tests.cluster.lab import Lab

S3 = "s3"
_BUCKET, _PORT = "sweeps", 5000
_KEY = "export AWS_ACCESS_KEY_ID=lab AWS_SECRET_ACCESS_KEY=lab AWS_EC2_METADATA_DISABLED=true\n"
_MAKE = f"import urllib.request as u; u.urlopen(u.Request('http://127.0.0.1:{_PORT}/{_BUCKET}', method='PUT'))"


def give_keys(lab: Lab) -> None:
    """Before Ray starts, whose workers inherit it."""
    for host in lab.hosts.values():
        path = host.home / ".bashrc"
        path.write_text(path.read_text() + _KEY)
        os.chown(path, USER_ID, USER_ID)


def start_s3(lab: Lab) -> str:
    """The URL of an empty folder at the server; what it holds lies in its memory, so that cutting its cable is all that may befall it."""
    lab.start(S3, f"{sys.prefix}/bin/python -m moto.server -H 0.0.0.0 -p {_PORT}", lab.folder / "s3.log")
    deadline = time.monotonic() + 60
    while lab.run(S3, f'{sys.prefix}/bin/python -c "{_MAKE}"', check=False).returncode:
        if time.monotonic() > deadline:
            raise RuntimeError(f"no S3 server: {(lab.folder / 's3.log').read_text()[-2000:]}")
        time.sleep(0.5)
    return f"s3://{_BUCKET}/lab?endpoint_override={lab.hosts[S3].address}:{_PORT}&scheme=http&region=us-east-1"
