"""Provide a node with the ROS 2 life cycle where rclpy has it (from Humble on), and the same node without elsewhere."""

from typing import Any, Callable, Optional

from rclpy.task import Future

from pose_estimation_ros.core.errors import PoseError
from pose_estimation_ros.nodes.guard import guard_of
from pose_estimation_ros.nodes.parameters import ParameterNode

try:
    from rclpy.lifecycle import LifecycleNode, TransitionCallbackReturn
except ImportError:  # Foxy, Galactic
    from rclpy.node import Node as LifecycleNode  # type: ignore[assignment]

    TransitionCallbackReturn = None  # type: ignore[misc,assignment]

CAUSED_BY_USERS = (PoseError, OSError)


class ManagedNode(ParameterNode, LifecycleNode):
    """Run the four steps of the life cycle, which subclasses define: configure, activate, deactivate and cleanup.

    A step that raises one of CAUSED_BY_USERS is logged in one line and leaves the state as it was. Any other exception
    takes the node back to "unconfigured", from where it can be configured again. ``finished`` is done after shutdown,
    which ends the process. rclpy calls the methods on_... and discards the exceptions they raise; start() therefore
    keeps them.
    """

    def __init__(self, name: str, **node_options: Any) -> None:
        """Create an unconfigured node.

        Args:
            name: Name of the node.
            node_options: Keyword arguments of rclpy's Node.
        """
        super().__init__(name, **node_options)
        self.finished: "Future[None]" = Future()
        self._failure: Optional[BaseException] = None
        self._starting = False

    def start(self) -> None:
        """Configure and activate, as a lifecycle manager would do. Raise what these steps raise."""
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
        """Prepare everything: files, networks, publishers."""

    def activate(self) -> None:
        """Subscribe and begin to work."""

    def deactivate(self) -> None:
        """Undo activate(); also called if activate() failed half way, and more than once."""

    def cleanup(self) -> None:
        """Undo configure(); also called if configure() failed half way, and more than once."""

    def on_configure(self, _state: object) -> "TransitionCallbackReturn":
        """Answer the transition "configure"."""
        return self._transition(self.configure, self.cleanup)

    def on_activate(self, _state: object) -> "TransitionCallbackReturn":
        """Answer the transition "activate"."""
        return self._transition(self.activate, self.deactivate)

    def on_deactivate(self, _state: object) -> "TransitionCallbackReturn":
        """Answer the transition "deactivate"."""
        return self._transition(self.deactivate)

    def on_cleanup(self, _state: object) -> "TransitionCallbackReturn":
        """Answer the transition "cleanup"."""
        return self._transition(self.cleanup)

    def on_shutdown(self, _state: object) -> "TransitionCallbackReturn":
        """Answer the transition "shutdown"."""
        self.finished.set_result(None)
        return self._transition(self._stop)

    def on_error(self, _state: object) -> "TransitionCallbackReturn":
        """Undo everything after a transition failed unexpectedly."""
        return self._transition(self._stop)

    def _stop(self) -> None:
        self.deactivate()
        self.cleanup()

    def _transition(
        self, step: Callable[[], None], undo: Callable[[], None] = lambda: None
    ) -> "TransitionCallbackReturn":
        try:
            try:
                step()
            except CAUSED_BY_USERS as error:
                undo()
                self._note_failure(step, error)
                return TransitionCallbackReturn.FAILURE
        except Exception as error:
            if not self._starting:
                guard_of(self).note(error)
            self._note_failure(step, error)
            return TransitionCallbackReturn.ERROR
        return TransitionCallbackReturn.SUCCESS

    def _note_failure(self, step: Callable[[], None], error: Exception) -> None:
        """Keep the error for start(), which raises it; log it if a service asked for the step."""
        self._failure = error
        if not self._starting:
            reason = error if isinstance(error, CAUSED_BY_USERS) else repr(error)
            self.get_logger().error("%s failed: %s" % (step.__name__.strip("_"), reason))

    def destroy_node(self) -> None:
        """Stop the work and destroy the node."""
        self._stop()
        super().destroy_node()
