"""The nets that come with the package, so that every example runs offline."""

from __future__ import annotations

from pathlib import Path

from eigentail.errors import UsageError, did_you_mean


def example(name: str = "digits_noise/noise_000") -> Path:
    """The path of a small net that this project trained and that the package carries.

    Args:
        name: the file under the package's zoo, without its suffix.

    Returns:
        A safetensors file. The default is a 64-192-192-10 MLP trained on scikit-learn's digits without label noise.

    Raises:
        UsageError: there is no such net.

    Example:
        >>> example().suffix
        '.safetensors'
    """
    folder = Path(__file__).parent / "zoo"
    path = folder / f"{name}.safetensors"
    if not path.is_file():
        known = [str(file.relative_to(folder).with_suffix("")) for file in folder.rglob("*.safetensors")]
        raise UsageError(f"no example {name!r}", hint=did_you_mean(name, known))
    return path
