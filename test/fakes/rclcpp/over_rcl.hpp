// Runs what rclcpp.hpp declares, over ROS's C library, as rclcpp does: an example that includes this talks to real nodes.
#pragma once
#include <csignal>
#include <stdexcept>
#include <thread>
#include "rcl/error_handling.h"
#include "rcl/rcl.h"
#include "rosidl_typesupport_cpp/message_type_support.hpp"
#include "rclcpp.hpp"

namespace rclcpp {

inline rcl_context_t context = rcl_get_zero_initialized_context();
inline rcl_node_t handle = rcl_get_zero_initialized_node();
inline volatile std::sig_atomic_t is_running = 1;

inline void check(rcl_ret_t code) {
  if (code != RCL_RET_OK) {throw std::runtime_error(rcl_get_error_string().str);}
}

inline rmw_qos_profile_t profile(const QoS & qos) {
  rmw_qos_profile_t result = rmw_qos_profile_default;
  result.depth = qos.depth;
  if (qos.is_latched) {result.durability = RMW_QOS_POLICY_DURABILITY_TRANSIENT_LOCAL;}
  return result;
}

inline void init(int argc, char const * const * argv) {
  rcl_init_options_t options = rcl_get_zero_initialized_init_options();
  check(rcl_init_options_init(&options, rcl_get_default_allocator()));
  check(rcl_init(argc, argv, &options, &context));
  for (int number : {SIGINT, SIGTERM}) {std::signal(number, [](int) {is_running = 0;});}
}

inline bool shutdown() {return rcl_shutdown(&context) == RCL_RET_OK;}

inline Node::Node(const std::string & name) {
  const rcl_node_options_t options = rcl_node_get_default_options();
  check(rcl_node_init(&handle, name.c_str(), "", &context, &options));
}

inline Time Node::now() const {
  return Time(std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count());
}

template<typename MessageT>
struct RclPublisher : Publisher<MessageT> {
  void publish(const MessageT & message) override {check(rcl_publish(&publisher, &message, nullptr));}
  rcl_publisher_t publisher = rcl_get_zero_initialized_publisher();
};

template<typename MessageT>
typename Publisher<MessageT>::SharedPtr Node::create_publisher(const std::string & topic, const QoS & qos) {
  auto made = std::make_shared<RclPublisher<MessageT>>();
  rcl_publisher_options_t options = rcl_publisher_get_default_options();
  options.qos = profile(qos);
  const auto kind = rosidl_typesupport_cpp::get_message_type_support_handle<MessageT>();
  check(rcl_publisher_init(&made->publisher, &handle, kind, topic.c_str(), &options));
  return made;
}

template<typename MessageT>
struct RclSubscription : Subscription<MessageT> {
  void poll() override {
    MessageT message;
    while (rcl_take(&subscription, &message, nullptr, nullptr) == RCL_RET_OK) {callback(message);}
    rcl_reset_error();
  }
  rcl_subscription_t subscription = rcl_get_zero_initialized_subscription();
  std::function<void(const MessageT &)> callback;
};

template<typename MessageT>
typename Subscription<MessageT>::SharedPtr Node::create_subscription(
  const std::string & topic, const QoS & qos, std::function<void(const MessageT &)> callback)
{
  auto made = std::make_shared<RclSubscription<MessageT>>();
  made->callback = callback;
  rcl_subscription_options_t options = rcl_subscription_get_default_options();
  options.qos = profile(qos);
  const auto kind = rosidl_typesupport_cpp::get_message_type_support_handle<MessageT>();
  check(rcl_subscription_init(&made->subscription, &handle, kind, topic.c_str(), &options));
  parts.push_back(made);
  return made;
}

struct SteadyTimer : TimerBase {
  void poll() override {
    if (std::chrono::steady_clock::now() < next) {return;}
    next += period;
    callback();
  }
  std::chrono::milliseconds period{0};
  std::chrono::steady_clock::time_point next = std::chrono::steady_clock::now();
  std::function<void()> callback;
};

inline TimerBase::SharedPtr Node::create_wall_timer(std::chrono::milliseconds period, std::function<void()> callback) {
  auto made = std::make_shared<SteadyTimer>();
  made->period = period;
  made->callback = callback;
  parts.push_back(made);
  return made;
}

inline void spin(Node::SharedPtr node) {
  while (is_running) {
    for (auto & part : node->parts) {part->poll();}
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

}  // namespace rclcpp
