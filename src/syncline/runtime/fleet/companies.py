"""The companies that are served: the folders of one folder, each a project of its own."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from syncline.project import Project, ProjectError, load
from syncline.project.configfile import FILE
from syncline.store.address import SqliteFile, parse

_COST = 2**14
"""Of a guess at what a fingerprint was made from: it stands in the store, and secrets have a part in it."""


class Companies:
    """Each works by its files as they were when they were first read here, until somebody has them read again."""

    def __init__(self, folder: Path, environment: Mapping[str, str] = os.environ) -> None:
        self.environment = environment
        self._folder = folder
        self._projects: dict[str, Project] = {}

    def names(self) -> list[str]:
        """The folders that have a project's file."""
        return sorted(path.parent.name for path in self._folder.glob(f"*/{FILE}"))

    def __contains__(self, name: str) -> bool:
        return (self._folder / name / FILE).is_file()

    def project(self, name: str) -> Project:
        """Raises `ProjectError`, also for one that no worker can serve."""
        if name not in self._projects:
            project = load(self._folder / name)
            self._check(project, name)
            self._projects[name] = project
        return self._projects[name]

    def replace(self, name: str, project: Project) -> None:
        """By one that was read again. Raises `ProjectError`."""
        self._check(project, name)
        self._projects[name] = project

    def fingerprint(self, project: Project) -> str:
        """Another one where it is to sign in otherwise."""
        systems = [
            f"{system.name} {system.url} {secret} {self.environment.get(variable, '')}"
            for system in project.systems.values()
            for secret, variable in sorted(system.secrets.items())
        ]
        told = "\n".join(systems).encode()
        return hashlib.scrypt(told, salt=project.store.encode(), n=_COST, r=8, p=1, dklen=16).hex()

    def _check(self, project: Project, name: str) -> None:
        mistakes = []
        if isinstance(parse(project.store), SqliteFile):
            mend = "Move it: syncline store move postgresql://user@host/database?schema=name"
            mistakes.append(project.document.error(("store",), "is a file, and workers need it in PostgreSQL.", mend))
        if project.webhooks is not None and project.webhooks.url.rpartition("/")[2] != name:
            message = f"must end with /{name}, the folder's name: by it workers know whose call it is."
            mistakes.append(
                project.document.error(("webhooks", "url"), message, f"Write {project.webhooks.url}/{name}")
            )
        if mistakes:
            raise ProjectError(mistakes)
        project.check_secrets(self.environment)
