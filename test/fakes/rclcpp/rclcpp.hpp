// Stands in for rclcpp's header where the examples in C++ are checked: the parts they use, with rclcpp's own signatures.
#pragma once
#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace rclcpp {

struct Logger {};

struct QoS {
  explicit QoS(size_t depth);
  QoS & transient_local();
};

template<typename MessageT>
struct Subscription {using SharedPtr = std::shared_ptr<Subscription<MessageT>>;};

struct Node {
  using SharedPtr = std::shared_ptr<Node>;
  explicit Node(const std::string & name);
  Logger get_logger() const;
  template<typename MessageT>
  typename Subscription<MessageT>::SharedPtr create_subscription(
    const std::string & topic, const QoS & qos, std::function<void(const MessageT &)> callback);
};

void init(int argc, char const * const * argv);
void spin(Node::SharedPtr node);
bool shutdown();

}  // namespace rclcpp

#define RCLCPP_INFO(logger, ...) ((void)(logger), std::printf(__VA_ARGS__))
#define RCLCPP_ERROR(logger, ...) ((void)(logger), std::printf(__VA_ARGS__))
