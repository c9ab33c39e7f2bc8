"""One module a family; see `tests.truth`."""

import importlib
import pkgutil
from collections.abc import Callable, Iterator

from tests.truth.setting import Setting

Settings = Callable[[], Iterator[Setting]]


def families() -> dict[str, Settings]:
    """Name -> its settings, by name."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))
    return {name: importlib.import_module(f"{__name__}.{name}").settings for name in names}
