// Passes velocity commands on to a robot, and stops it while a person may be nearer than 1 m. Run pose_node with depth and
// target_frame:=base_link, and this beside it. It shows how to use the messages, it is no safety device. In CMakeLists.txt:
//   find_package(geometry_msgs REQUIRED)  # and pose_estimation_ros, rclcpp
//   add_executable(stop_for_people stop_for_people.cpp)
//   ament_target_dependencies(stop_for_people rclcpp geometry_msgs pose_estimation_ros)
#include <chrono>
#include <cmath>
#include "geometry_msgs/msg/twist.hpp"
#include "pose_estimation_ros/msg/person.hpp"
#include "pose_estimation_ros/msg/person_array3_d.hpp"
#include "rclcpp/rclcpp.hpp"

using geometry_msgs::msg::Twist;
using pose_estimation_ros::msg::Person;
using pose_estimation_ros::msg::Person3D;
using pose_estimation_ros::msg::PersonArray3D;

constexpr double NEAR_M = 1.0, SIGMAS = 2.0;
constexpr double OLD_S = 0.5, EARLY_S = 0.1;  // ages of an image that say nothing of the present: too old, or from the future

// The distance on the floor, less the uncertainty of the position; NaN where that is not known.
double nearest_m(const Person3D & person) {
  const double x = person.position.x, y = person.position.y, distance = std::hypot(x, y);
  const auto & c = person.position_covariance;
  return distance - SIGMAS * std::sqrt(x * x * c[0] + 2 * x * y * c[1] + y * y * c[4]) / distance;
}

int main(int argc, char ** argv) {
  rclcpp::init(argc, argv);
  auto node = std::make_shared<rclcpp::Node>("stop_for_people");
  auto commands = node->create_publisher<Twist>("cmd_vel", 1);
  double stamp_s = 0.0;
  bool is_free = false;

  auto on_people = [&](const PersonArray3D & people) {
    is_free = people.header.frame_id == "base_link";
    for (const auto & person : people.persons) {
      is_free = is_free && (person.state == Person::STATE_TENTATIVE || nearest_m(person) > NEAR_M);
    }
    stamp_s = people.header.stamp.sec + 1e-9 * people.header.stamp.nanosec;
  };
  auto may_drive = [&]() {  // no camera, no drive
    const double age_s = node->now().seconds() - stamp_s;
    return is_free && -EARLY_S < age_s && age_s < OLD_S;
  };
  auto on_command = [&](const Twist & command) {commands->publish(may_drive() ? command : Twist());};
  auto stop_if_needed = [&]() {if (!may_drive()) {commands->publish(Twist());}};

  auto arrays = node->create_subscription<PersonArray3D>("pose/keypoints_3d", 5, on_people);
  auto wanted = node->create_subscription<Twist>("cmd_vel_in", 1, on_command);
  auto timer = node->create_wall_timer(std::chrono::milliseconds(100), stop_if_needed);
  rclcpp::spin(node);
  rclcpp::shutdown();
}
