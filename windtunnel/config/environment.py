"""The environment as the files of a job see it: it keeps what they read, so that whatever is told can hide it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from windtunnel.config.scalars import secret_values


class ReadEnvironment(Mapping[str, str]):
    """An environment that keeps what was read of it, and of files with secrets.

    Owned by the call that loads a job. `public` are the variables whose values may be shown, as soon as the file
    that names them is read.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._read: dict[str, str] = {}
        self.public: Collection[str] = ()

    @property
    def secrets(self) -> frozenset[str]:
        """The secret values among what was read."""
        return secret_values([self._read], public=self.public)

    def keep(self, read: Mapping[str, str]) -> None:
        """Keep what was read elsewhere: the content of a file by `file:` and its path."""
        self._read.update(read)

    def __getitem__(self, name: str) -> str:
        value = self._read[name] = self._environment[name]
        return value

    def __contains__(self, name: object) -> bool:
        return name in self._environment

    def __iter__(self) -> Iterator[str]:
        return iter(self._environment)

    def __len__(self) -> int:
        return len(self._environment)
