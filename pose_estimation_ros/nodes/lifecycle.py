"""A node with ROS 2's life cycle where rclpy has it (Humble and newer), and the same node without where it has not."""

from typing import Any, Callable, Optional

from rclpy.task import Future

from pose_estimation_ros.core.errors import PoseError
from pose_estimation_ros.nodes.guard import guard_of

try:
    from rclpy.lifecycle import LifecycleNode, TransitionCallbackReturn
except ImportError:  # Foxy, Galactic
    from rclpy.node import Node as LifecycleNode  # type: ignore[assignment]

    TransitionCallbackReturn = None  # type: ignore[misc,assignment]

CAUSED_BY_USERS = (PoseError, OSError)


class ManagedNode(LifecycleNode):
    """Subclasses say what the four steps do: configure, activate, deactivate, cleanup; each may raise CAUSED_BY_USERS.

    A step that fails is told in one line and leaves the state as it was; an error that nobody expected takes the node
    back to "unconfigured", from where it can be configured anew. ``finished`` is done after shutdown, which ends the
    process. rclpy calls the on_... methods and tells nobody what they raise, hence ``_failure``.
    """

    def __init__(self, name: str, **node_options: Any) -> None:
        super().__init__(name, **node_options)
        self.finished: Future = Future()
        self._failure: Optional[BaseException] = None
        self._starting = False

    def start(self) -> None:
        """Configures and activates, as a manager of life cycles would. Raises what these raise."""
        self._starting = True
        try:
            for step in ("configure", "activate"):
                if TransitionCallbackReturn is None:
                    getattr(self, step)()
                elif getattr(self, "trigger_" + step)() != TransitionCallbackReturn.SUCCESS:
                    raise self._failure or RuntimeError("%s failed" % step)
        finally:
            self._starting = False

    def configure(self) -> None:
        """Gets everything ready: files, networks, publishers."""

    def activate(self) -> None:
        """Begins to work: subscribes."""

    def deactivate(self) -> None:
        """The inverse of activate; also called where activate failed half way, and more than once."""

    def cleanup(self) -> None:
        """The inverse of configure; also called where configure failed half way, and more than once."""

    def on_configure(self, _state: Any) -> Any:
        return self._transition(self.configure, self.cleanup)

    def on_activate(self, _state: Any) -> Any:
        return self._transition(self.activate, self.deactivate)

    def on_deactivate(self, _state: Any) -> Any:
        return self._transition(self.deactivate)

    def on_cleanup(self, _state: Any) -> Any:
        return self._transition(self.cleanup)

    def on_shutdown(self, _state: Any) -> Any:
        self.finished.set_result(None)
        return self._transition(self._stop)

    def on_error(self, _state: Any) -> Any:
        return self._transition(self._stop)

    def _stop(self) -> None:
        self.deactivate()
        self.cleanup()

    def _transition(self, step: Callable[[], None], undo: Callable[[], None] = lambda: None) -> Any:
        try:
            try:
                step()
            except CAUSED_BY_USERS as error:
                undo()
                return self._failed(step, error, TransitionCallbackReturn.FAILURE)
        except Exception as error:
            if not self._starting:
                guard_of(self).note(error)
            return self._failed(step, error, TransitionCallbackReturn.ERROR)
        return TransitionCallbackReturn.SUCCESS

    def _failed(self, step: Callable[[], None], error: Exception, answer: Any) -> Any:
        """Told here where a service asked; who called start() gets the error itself."""
        self._failure = error
        if not self._starting:
            self.get_logger().error(
                "%s: %s" % (step.__name__, error if isinstance(error, CAUSED_BY_USERS) else repr(error))
            )
        return answer

    def destroy_node(self) -> None:
        self._stop()
        super().destroy_node()
