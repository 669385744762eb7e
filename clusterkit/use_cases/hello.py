"""Prove that the machines are one MPI cluster, with every rank in its place."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from clusterkit.command import Step
from clusterkit.events import Event, RankAnswer, Sink
from clusterkit.facts import NodeFacts
from clusterkit.jobs import Interrupt, JobEnd
from clusterkit.model.cluster import Cluster
from clusterkit.model.job import RankProgram
from clusterkit.model.options import HelloOptions
from clusterkit.placement import Placement, Rank, place
from clusterkit.results import HelloRank, HelloResult
from clusterkit.tasks.payload import payload_folder
from clusterkit.use_cases.launch import job_steps, known_facts, launch, raise_unless_done
from clusterkit.use_cases.session import Session, open_world
