"""The tests of RQ's suite that our worker does not pass on purpose: each with the reason, and by it in groups."""

from __future__ import annotations

from typing import Final

BY_REASON: Final = {
    "no job is ever in the intermediate queue: one script moves it from the queue to its lease": (
        "test_intermediate_queue.py::TestIntermediateQueue::test_cleanup_intermediate_queue",
        "test_intermediate_queue.py::TestIntermediateQueue::test_cleanup_intermediate_queue_in_maintenance",
        "test_intermediate_queue.py::TestIntermediateQueue::test_no_cleanup_while_in_started_queue",
        "test_queue.py::TestQueue::test_intermediate_queue",
    ),
    "a lease is 20 s, renewed every 5 s, where RQ's is 90 s: the job of a killed worker runs again sooner": (
        "test_executions.py::TestRegistry::test_execution_added_to_started_job_registry",
    ),
    "no call blocks in the server, so that a reply may take 11 s at most: RQ notices a lost server after 7 minutes": (
        "test_worker.py::TestWorker::test_worker_configures_socket_timeout",
        "test_worker.py::TestWorker::test_worker_ttl_param_resolves_timeout",
    ),
    "a second signal puts the running job back and work() returns; RQ fails the job and raises SystemExit": (
        "test_worker.py::WorkerShutdownTestCase::test_working_worker_cold_shutdown",
    ),
    "a worker that was never registered has no name to give up: the record may be that of another one, which lives": (
        "test_worker.py::TestWorker::test_worker_sets_death",
    ),
    "a stop is noted in _stop_requested also while the worker is idle: RQ raises StopRequested instead": (
        "test_worker.py::WorkerShutdownTestCase::test_idle_worker_warm_shutdown",
    ),
    "a scheduled job that cannot be enqueued does not end the worker": (
        "test_scheduler.py::TestWorker::test_work_burst_scheduler_cleans_up_on_error",
    ),
    "the scheduler is looked after every 30 s with the signs of life, not every 10 minutes with maintenance": (
        "test_scheduler.py::TestWorker::test_run_maintenance_tasks",
    ),
    "job_class is a subclass of the one that was given: it asks the policy before it imports or unpickles": (
        "test_worker.py::TestWorker::test_custom_job_and_queue",
        "test_worker.py::TestWorker::test_custom_job_class",
        "test_worker.py::TestWorker::test_custom_job_class_is_not_global",
    ),
    "queues and jobs under keys of another prefix are refused at the start: the scripts know RQ's own": (
        "test_cli.py::TestRQCli::test_cli_enqueue_with_job_class",
        "test_cli.py::WorkerPoolCLITestCase::test_queue_class_argument",
        "test_worker_pool.py::TestWorkerPool::test_queue_class_propagated_to_workers",
    ),
    "asks after pubsub_thread: commands are heard where the loop waits, as forking beside a thread is not safe": (
        "test_commands.py::TestCommands::test_pubsub_thread_exits_other_error",
        "test_commands.py::TestCommands::test_pubsub_thread_survives_connection_error",
    ),
    "log_job_description is False where it is not given: a description holds what the job was given, which may be secret": (
        "test_worker.py::TestWorker::test_log_job_description_on_dequeue_true",
        "test_worker.py::TestWorker::test_log_job_description_on_success_true",
    ),
    "a job that this worker cannot run, as it lacks the function, is left for others; RQ fails it at once": (
        "test_worker.py::TestWorker::test_work_is_unreadable",
    ),
    "what an attempt raised is logged at WARNING, without the arguments that RQ adds: ERROR is for a job that failed for good": (
        "test_worker.py::TestWorker::test_deserializing_failure_is_handled",
    ),
    "counts calls of heartbeat(): one script gives the sign of life of the worker and its job": (
        "test_worker.py::TestWorker::test_heartbeat_survives_lost_connection",
        "test_worker.py::TestWorker::test_heartbeat_survives_redis_timeout",
    ),
    "counts calls of execute_job(), which forks for each job: our horses run one job after the other": (
        "test_worker.py::TestWorker::test_job_dependency_race_condition",
    ),
}

DIFFERENCES: Final = {test: reason for reason, tests in BY_REASON.items() for test in tests}
"""Reasons by test."""
