"""``jobs show`` of a server: the job, and the server as `status` sees it."""

from __future__ import annotations

from clusterkit.jobs import list_jobs
from clusterkit.model.jobs_options import JobsOptions
from clusterkit.results.jobs import JobShown
from clusterkit.use_cases.jobs import job_nodes, show
from clusterkit.use_cases.servers import servers_now
from clusterkit.use_cases.session import Session, open_world


def show_with_server(session: Session, options: JobsOptions) -> JobShown:
    """One job; of a server also where it is, and whether it answers.

    Raises:
        UsageError: If there is no such job, or no job at all.
    """
    shown = show(session, options)
    if shown.verb != "serve":
        return shown
    with open_world(session) as world:
        rows = list_jobs(job_nodes(session), world.transport)
        servers = servers_now(session, world, [row for row in rows if row.id == shown.id])
    return shown.model_copy(update={"server": next(iter(servers), None)})
