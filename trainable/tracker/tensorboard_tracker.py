"""TensorBoard event files in ``tensorboard/`` of the run directory, written without torch or TensorFlow."""

import time
from typing import Any

from trainable.tracker.tracker import Row, RunDescription, Tracker


class TensorBoard(Tracker):
    def start(self, run: RunDescription, resume_step: int | None) -> None:
        try:  # here and not above: an extra, and a tenth of a second
            from tensorboard.compat.proto.event_pb2 import Event, SessionLog
            from tensorboard.compat.proto.summary_pb2 import Summary
            from tensorboard.summary.writer.event_file_writer import EventFileWriter
        except ModuleNotFoundError as error:
            raise RuntimeError(f"{error}; pip install 'transformer-sweeps[tensorboard]'") from error
        self._event: Any = Event
        self._summary: Any = Summary
        self._writer = EventFileWriter(str(run.run_dir / "tensorboard"))
        if resume_step is not None:  # TensorBoard forgets what the files before hold from this step on
            restart = SessionLog(status=SessionLog.START)
            self._writer.add_event(Event(wall_time=time.time(), step=resume_step + 1, session_log=restart))

    def log(self, row: Row, step: int) -> None:
        values = [self._summary.Value(tag=name, simple_value=value) for name, value in row.items() if value is not None and name != "step"]
        self._writer.add_event(self._event(wall_time=time.time(), step=step, summary=self._summary(value=values)))
        self._writer.flush()

    def finish(self, status: str) -> None:  # noqa: ARG002
        self._writer.close()
