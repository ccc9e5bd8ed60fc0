"""Stands in for what vLLM's scheduler imports and does not need: torch, configuration, logging.

Only the scheduler, the KV-cache manager with its block pool, the queues, requests and the records
they exchange are vLLM's own code, read from an unpacked wheel. Every other module of vLLM, and
torch, is an empty one whose names are stand-ins.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import logging
import sys
from pathlib import Path
from types import ModuleType
from unittest.mock import MagicMock

_ABSENT = ("vllm", "torch", "transformers", "zmq", "cloudpickle", "psutil", "PIL", "cv2", "triton")
_OWN_CODE = {
    "vllm.v1",
    "vllm.v1.core",
    "vllm.v1.core.sched",
    "vllm.v1.engine",
    "vllm.v1.kv_cache_interface",
    "vllm.v1.kv_cache_layout",
    "vllm.v1.kv_cache_spec_registry",
    "vllm.v1.kv_hints",
    "vllm.v1.metrics.stats",
    "vllm.v1.outputs",
    "vllm.v1.request",
    "vllm.v1.spec_decode.metrics",
    "vllm.utils",
    "vllm.utils.hashing",
    "vllm.utils.math_utils",
}
_BARE_PACKAGES = {"vllm.v1", "vllm.utils"}  # their own __init__ would import the rest


class _StandInClass(type):
    """A class whose attributes exist as soon as they are asked for."""

    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        value = MagicMock(name=name)
        setattr(cls, name, value)
        return value


class _StandInModule(ModuleType):
    """A module whose names exist as soon as they are asked for: classes, or anything else."""

    def __getattr__(self, name):
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        if name[0].isupper():
            body = {
                "__class_getitem__": classmethod(lambda cls, _item: cls),
                "__init__": lambda _self, *_args, **_kwargs: None,
            }
            value = _StandInClass(name, (), body)
        else:
            value = MagicMock(name=f"{self.__name__}.{name}")
        setattr(self, name, value)
        return value


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds vLLM's own code in a folder, and stand-ins for everything else."""

    def __init__(self, tree: Path) -> None:
        self._tree = tree

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] not in _ABSENT:
            return None
        if name in _OWN_CODE or name.startswith("vllm.v1.core."):
            place = self._tree.joinpath(*name.split("."))
            if name in _BARE_PACKAGES:
                spec = importlib.machinery.ModuleSpec(name, self, is_package=True)
                spec.submodule_search_locations = [str(place)]
                return spec
            if place.is_dir():
                return importlib.util.spec_from_file_location(
                    name, place / "__init__.py", submodule_search_locations=[str(place)]
                )
            return importlib.util.spec_from_file_location(name, place.with_suffix(".py"))
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        module = _StandInModule(spec.name)
        module.__path__ = []
        return module

    def exec_module(self, module):
        """Leave a stand-in empty."""


class _ReadOnlyList:
    """What vLLM wraps token lists in; the real one stands in a module that needs torch."""

    def __init__(self, items):
        self._items = items

    def __getitem__(self, place):
        return self._items[place]

    def __len__(self):
        return len(self._items)

    def __iter__(self):
        return iter(self._items)

    def copy(self):
        return self._items.copy()


def install(tree: Path) -> None:
    """Make ``import vllm...`` find the scheduler in ``tree``, an unpacked wheel."""
    sys.meta_path.insert(0, _Finder(tree))
    logging.disable(logging.WARNING)
    logger = importlib.import_module("vllm.logger")
    logger.init_logger = lambda _name: MagicMock()
    utils = importlib.import_module("vllm.utils")
    utils.length_from_prompt_token_ids_or_embeds = lambda ids, embeds: len(
        embeds if ids is None else ids
    )
    helpers = importlib.import_module("vllm.v1.utils")
    helpers.ConstantList = _ReadOnlyList
    helpers.record_function_or_nullcontext = lambda _name: contextlib.nullcontext()
    torch_utils = importlib.import_module("vllm.utils.torch_utils")
    torch_utils.get_dtype_size = lambda _dtype: 2
