"""Attempts on a Dask cluster. `worker` runs on the cluster's workers, everything else in the orchestrator's process."""
