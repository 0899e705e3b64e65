// A ROS 2 node that listens to pose_node and says where everybody's right wrist is. In your package's CMakeLists.txt:
//   find_package(rclcpp REQUIRED)
//   find_package(pose_estimation_ros REQUIRED)
//   add_executable(subscriber subscriber.cpp)
//   ament_target_dependencies(subscriber rclcpp pose_estimation_ros)
//   install(TARGETS subscriber DESTINATION lib/${PROJECT_NAME})
#include <algorithm>
#include <string>
#include "pose_estimation_ros/msg/person_array.hpp"
#include "pose_estimation_ros/msg/skeleton.hpp"
#include "rclcpp/rclcpp.hpp"

using pose_estimation_ros::msg::PersonArray;
using pose_estimation_ros::msg::Skeleton;

int main(int argc, char ** argv) {
  rclcpp::init(argc, argv);
  auto node = std::make_shared<rclcpp::Node>("pose_listener");
  size_t wrist = SIZE_MAX;  // index of the joint in Person::keypoints, as the skeleton of this name says
  std::string described;

  auto on_skeleton = [&](const Skeleton & skeleton) {
    described = skeleton.name;
    const auto & names = skeleton.keypoints;  // they depend on the model
    wrist = std::find(names.begin(), names.end(), "right_wrist") - names.begin();
    if (wrist == names.size()) {
      RCLCPP_ERROR(node->get_logger(), "skeleton %s has no right_wrist", skeleton.name.c_str());
    }
  };
  auto on_people = [&](const PersonArray & people) {
    if (people.skeleton != described) {return;}  // of another model, which is described in a moment
    for (const auto & person : people.persons) {
      if (wrist >= person.keypoints.size() || person.keypoints[wrist].score == 0) {continue;}  // 0: not found
      const auto & joint = person.keypoints[wrist];
      RCLCPP_INFO(node->get_logger(), "person %d: wrist at %.0f, %.0f px", person.track_id, joint.x, joint.y);
    }
  };
  // The skeleton is sent once, also to who comes later (transient local).
  auto skeletons = node->create_subscription<Skeleton>("pose/skeleton_info", rclcpp::QoS(1).transient_local(), on_skeleton);
  auto arrays = node->create_subscription<PersonArray>("pose/keypoints", rclcpp::QoS(5), on_people);
  rclcpp::spin(node);
  rclcpp::shutdown();
}
