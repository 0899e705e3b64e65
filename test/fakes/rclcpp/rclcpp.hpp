// Stands in for rclcpp's header where the examples in C++ are checked: the parts they use, with rclcpp's own signatures.
// The functions are in over_rcl.hpp, for examples that are run and not only compiled.
#pragma once
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace rclcpp {

struct Logger {};

struct QoS {
  QoS(size_t depth) : depth(depth) {}
  QoS & transient_local() {is_latched = true; return *this;}
  size_t depth;
  bool is_latched = false;
};

struct Duration {
  int64_t nanoseconds;
  double seconds() const {return 1e-9 * static_cast<double>(nanoseconds);}
};

struct Time {
  explicit Time(int64_t nanoseconds = 0) : nanoseconds(nanoseconds) {}
  template<typename StampT, typename = decltype(StampT::nanosec)>
  Time(const StampT & stamp) : nanoseconds(stamp.sec * INT64_C(1000000000) + stamp.nanosec) {
    if (stamp.sec < 0) {throw std::runtime_error("cannot store a negative time point in rclcpp::Time");}
  }
  Duration operator-(const Time & other) const {return {nanoseconds - other.nanoseconds};}
  double seconds() const {return 1e-9 * static_cast<double>(nanoseconds);}
  int64_t nanoseconds;
};

struct Pollable {
  using SharedPtr = std::shared_ptr<Pollable>;
  virtual ~Pollable() = default;
  virtual void poll() = 0;
};

template<typename MessageT>
struct Subscription : Pollable {using SharedPtr = std::shared_ptr<Subscription<MessageT>>;};

template<typename MessageT>
struct Publisher {
  using SharedPtr = std::shared_ptr<Publisher<MessageT>>;
  virtual ~Publisher() = default;
  virtual void publish(const MessageT & message) = 0;
};

struct TimerBase : Pollable {using SharedPtr = std::shared_ptr<TimerBase>;};

struct Node {
  using SharedPtr = std::shared_ptr<Node>;
  explicit Node(const std::string & name);
  Logger get_logger() const {return {};}
  Time now() const;
  template<typename MessageT>
  typename Publisher<MessageT>::SharedPtr create_publisher(const std::string & topic, const QoS & qos);
  template<typename MessageT>
  typename Subscription<MessageT>::SharedPtr create_subscription(
    const std::string & topic, const QoS & qos, std::function<void(const MessageT &)> callback);
  TimerBase::SharedPtr create_wall_timer(std::chrono::milliseconds period, std::function<void()> callback);
  std::vector<Pollable::SharedPtr> parts;
};

void init(int argc, char const * const * argv);
void spin(Node::SharedPtr node);
bool shutdown();

}  // namespace rclcpp

#define RCLCPP_INFO(logger, ...) ((void)(logger), std::printf(__VA_ARGS__))
#define RCLCPP_ERROR(logger, ...) ((void)(logger), std::printf(__VA_ARGS__))
