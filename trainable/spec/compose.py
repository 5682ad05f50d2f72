"""From overrides to a `RunConfig`: Hydra's grammar and presets, every mistake reported at once."""

import math
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import yaml
from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from trainable.spec.config import GROUPS, RunConfig
from trainable.spec.mistakes import WrongRequest, did_you_mean, unknown
