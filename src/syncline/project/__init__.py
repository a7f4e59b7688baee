"""A project: a folder with a configuration, an agreement and declared systems, and all that a turn needs of it."""

from syncline.project.project import Project as Project
from syncline.project.project import ProjectError as ProjectError
from syncline.project.project import System as System
from syncline.project.project import load as load
