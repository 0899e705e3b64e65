# All commands for users and developers. Each target installs what it needs into .venv, once, and writes nothing outside of
# this folder. VENV and PYTHON choose another environment and Python: make test PYTHON=python3.12 VENV=/tmp/venv312
# DISTRO=jazzy installs the wheels of that ROS distribution into .venv-jazzy: make test DISTRO=jazzy
PYTHON ?= python3
PYTHON36 ?= $(firstword $(wildcard $(HOME)/.pyenv/versions/3.6.*/bin/python3.6) python3.6)
DISTRO = kilted
SUFFIX = $(if $(filter kilted,$(DISTRO)),,-$(DISTRO))
VENV = $(CURDIR)/.venv$(SUFFIX)
VENV36 = $(CURDIR)/.venv36
RUNTIME_COMMANDS = $(addprefix cli/,common/arguments.py common/flags.py common/output.py predict.py live.py benchmark.py build_engine.py inspect_engine.py get.py import_model.py)
RUNTIME = $(addprefix pose_estimation_ros/,__init__.py __main__.py core imaging inference importing messages nodes $(RUNTIME_COMMANDS)) launch
SPELLED = pose_estimation_ros launch config docs tools benchmarks examples Makefile setup.py $(wildcard *.md *.rst)
# The tests run in as many processes as there are cores, at most 4. Unlike all else they keep the bytecode of the modules, since
# they start many programs.
PYTEST = PYTHONDONTWRITEBYTECODE= $(VENV)/bin/python -m pytest -n auto --maxprocesses 4 --dist worksteal
SETUP = DISTRO=$(DISTRO) $(PYTHON) tools/environment/setup_venv.py
export VENV
export ROS_AUTOMATIC_DISCOVERY_RANGE = LOCALHOST
export PYTHONDONTWRITEBYTECODE = 1
export OMP_WAIT_POLICY = passive

.PHONY: setup demo test test-openvino check bench bench-cpu compare check-trt overfit build soak test-py36 clean help

help:
	@echo "make setup | demo | test | check | lint | bench | bench-cpu | compare | build | soak | test-py36 | clean (DISTRO=jazzy: with that ROS)"
	@echo "make check-trt | test-openvino | overfit | accuracy | bench-tracking | bench-depth | bench-position | bench-scores | bench-boxes | calibrate | bench-node | faults | fuzz | train-elpn_v1 | train-lite0_fpn | train-higher_lite0_fpn | train-person_detector | zoo"

setup:
	@$(SETUP) demo

dev:
	@$(SETUP) dev
	@$(VENV)/bin/python tools/environment/tensorrt_bindings.py
.PHONY: dev

demo: setup
	@$(VENV)/bin/python -m pose_estimation_ros.nodes.demo --out out

# Runs all tests; with DISTRO=jazzy only those that depend on ROS (a tenth of the time, and without torch).
ifeq ($(DISTRO),kilted)
test: dev
	$(PYTEST) test
else
test:
	@$(SETUP) nodes
	$(PYTEST) test/messages test/nodes test/robustness/test_faults.py test/test_cmake.py test/test_package.py
endif

# Tests the optional CPU engine, OpenVINO (a download of 59 MB), in a folder that `make test` does not use.
test-openvino: dev
	test -d $(VENV)/openvino || $(VENV)/bin/pip install --no-deps --target $(VENV)/openvino -c constraints.txt openvino
	PYTHONPATH=$(VENV)/openvino $(VENV)/bin/python -m pytest test/inference/backends/test_openvino.py

check: lint
	$(PYTEST) test

# The checks of `make check` without the tests.
lint: dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/codespell $(SPELLED)
	$(VENV)/bin/python -m tools.checks.strict_types
	$(VENV)/bin/python -m tools.checks.house
	$(VENV)/bin/vermin --no-tips --violations -t=3.6- $(RUNTIME)
.PHONY: lint

bench: dev
	PYTHONPATH=. $(VENV)/bin/python benchmarks/speed/bench_core.py
	PYTHONPATH=.:test/fakes $(VENV)/bin/python benchmarks/speed/bench_import.py
	PYTHONPATH=. $(VENV)/bin/python benchmarks/speed/bench_training.py
	$(VENV)/bin/python -m pose_estimation_ros benchmark --batches 1 8

# Times every family against HRNet-W32 on this CPU, on OpenVINO too after `make test-openvino`; FAMILIES="elpn_v1" selects.
bench-cpu: dev
	PYTHONPATH=.:$(VENV)/openvino $(VENV)/bin/python benchmarks/speed/cpu_ratios.py $(FAMILIES)

# Compares speed and accuracy of the shipped models with Google's MoveNets, with flip test (minutes); MODELS="a.onnx" selects.
compare: dev
	PYTHONPATH=. $(VENV)/bin/python benchmarks/accuracy/compare.py $(or $(MODELS),models/*.onnx) --data ../shared/data/coco_val --flip

# Measures the shipped models again as their specs say (many minutes), keeps the figures in the specs, and writes the tables;
# MODELS="models/a.onnx" and ONLY="coco_val97_end_to_end" select.
accuracy: dev
	PYTHONPATH=. $(VENV)/bin/python benchmarks/accuracy/shipped.py $(MODELS) $(if $(ONLY),--only $(ONLY))
	PYTHONPATH=. $(VENV)/bin/python tools/documentation/zoo_table.py
.PHONY: accuracy

# Compiles every model family with NVIDIA's parser and builder, without a GPU (a download of 95 MB); MODELS="elpn_v1" selects.
check-trt: dev
	PYTHONPATH=.:test/fakes $(VENV)/bin/python tools/checks/check_trt.py $(MODELS)

# Measures identities, jitter and lag on scenes with exact ground truth and on the demo's clip, beside known trackers (a
# download of 38 MB into a folder that `make test` does not use; without it the package's tracker stands alone), and what the
# scores of the default model are worth where the images are at hand; GRID=--grid tries other settings.
TRACKERS = trackers supervision scipy pydeprecate rich requests urllib3 certifi idna charset-normalizer defusedxml
TRACKING = PYTHONPATH=.:$(VENV)/tracking $(VENV)/bin/python benchmarks/tracking
bench-tracking: dev
	@test -d $(VENV)/tracking || $(VENV)/bin/pip install --quiet --no-deps --target $(VENV)/tracking -c constraints.txt $(TRACKERS) \
	  || { rm -rf $(VENV)/tracking; echo "known trackers cannot be installed, going on without them"; }
	$(TRACKING)/tracking.py $(GRID)
	$(TRACKING)/clip.py
	$(TRACKING)/known_trackers.py
	$(TRACKING)/smoothing.py
	test ! -d ../shared/data/coco_val || PYTHONPATH=. $(VENV)/bin/python benchmarks/accuracy/calibration.py models/lite0_fpn_coco.onnx

bench-depth: dev
	PYTHONPATH=. $(VENV)/bin/python benchmarks/tracking/depth.py
	PYTHONPATH=. $(VENV)/bin/python benchmarks/tracking/people_in_space.py

# Measures the positions that are guessed without a depth camera, on rendered people.
bench-position: dev
	PYTHONPATH=. $(VENV)/bin/python benchmarks/tracking/position_without_depth.py

# Measures what the scores of the shipped models are worth from end to end, and people found where nobody is.
bench-scores: dev
	PYTHONPATH=. $(VENV)/bin/python benchmarks/accuracy/calibration.py $(MODELS)

# Measures from end to end which score of the detector's boxes is worth a look of the pose model.
bench-boxes: dev
	PYTHONPATH=. $(VENV)/bin/python benchmarks/accuracy/box_thresholds.py $(or $(MODEL),lite0_fpn_coco) $(or $(DETECTORS),person_detector)
.PHONY: bench-tracking bench-depth bench-position bench-scores bench-boxes

# Overfits every family on 64 persons of ../shared/data/coco_train (hours on a small CPU); FAMILIES="elpn_v1" selects.
overfit: dev
	PYTHONPATH=. $(VENV)/bin/python benchmarks/accuracy/overfit.py $(FAMILIES)

# Trains the shipped models again from their recipes (hours on a CPU). SET="epochs=1 epoch_samples=64 out_dir=/tmp/try" is a
# short trial. The same command resumes a training that was stopped with Ctrl-C.
TRAINING = MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=100000000000 MALLOC_TOP_PAD_=268435456
train-elpn_v1 train-lite0_fpn train-higher_lite0_fpn train-person_detector: train-%: dev
	$(TRAINING) PYTHONPATH=. $(VENV)/bin/python tools/training/train_shipped.py $* $(SET)
.PHONY: train-elpn_v1 train-lite0_fpn train-higher_lite0_fpn train-person_detector

# Fits the maps from scores to probabilities of all shipped pose models, and writes them into their specs.
CALIBRATION = runs/labels/calibration
calibrate: dev
	PYTHONPATH=. $(VENV)/bin/python tools/training/calibration_data.py
	for model in $(filter-out models/person_detector%,$(wildcard models/*.onnx)); do \
	  $(VENV)/bin/python -m pose_estimation_ros calibrate $$model --data $(CALIBRATION) --background $(CALIBRATION)/background || exit; \
	done
.PHONY: calibrate

# Writes the tables of models/README.md and of the model cards from the specs.
zoo: dev
	PYTHONPATH=. $(VENV)/bin/python tools/documentation/zoo_table.py
.PHONY: zoo

# Builds the documentation's site into build/site; fails for a broken link or a page that is not in the navigation.
DOCS = $(VENV)-docs
docs:
	test -x $(DOCS)/bin/mkdocs || { $(PYTHON) -m venv $(DOCS) && $(DOCS)/bin/pip install -q -c constraints.txt mkdocs-material "mkdocstrings[python]"; }
	NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/mkdocs build --quiet
	@echo "build/site/index.html"
.PHONY: docs

# Writes the table of docs/how-to/get-a-model.md from models/catalogue.yaml.
catalogue: dev
	PYTHONPATH=. $(VENV)/bin/python tools/documentation/catalogue_table.py
.PHONY: catalogue

# Builds a workspace and runs its tests, as on a robot, and leaves build/, install/ and log/ (build/install-jazzy for Jazzy).
# Then it checks a build whose files are links into the source tree, as developers use it.
INSTALL = $(if $(SUFFIX),build/install$(SUFFIX),install)
COLCON = AMENT_PREFIX_PATH=$(VENV) CMAKE_PREFIX_PATH=$(VENV) PATH=$(VENV)/bin:$$PATH $(VENV)/bin/colcon
BASES = --build-base build/colcon$(SUFFIX) --install-base $(INSTALL)
build:
	@$(SETUP) build
	$(COLCON) build $(BASES) --cmake-args -DPython3_EXECUTABLE=$(VENV)/bin/python
	$(COLCON) test $(BASES) --return-code-on-test-failure --event-handlers console_direct+
	$(VENV)/bin/python tools/checks/check_symlink_install.py

# Runs a camera at 30 Hz, the pose node and a subscriber for MINUTES; fails if the node's memory or open files grow.
soak: setup
	PYTHONPATH=. $(VENV)/bin/python test/robustness/soak.py --minutes $(or $(MINUTES),5)

# Subjects the real node to the faults that occur on robots and prints a table (minutes); FAULTS="stalls SIGINT" selects.
faults: dev
	PYTHONPATH=.:test/fakes:test/robustness $(VENV)/bin/python -m faults $(FAULTS)

# Measures the node's time apart from its networks, and the age of results when the camera is faster than the node.
bench-node: dev
	PYTHONPATH=. $(VENV)/bin/python benchmarks/speed/node_overhead.py
	PYTHONPATH=. $(VENV)/bin/python benchmarks/speed/node_overload.py
	PYTHONPATH=. $(VENV)/bin/python benchmarks/speed/web_viewers.py
.PHONY: faults bench-node

# Feeds every decoder and reader with damaged and hostile inputs for SECONDS each; TARGETS="yaml bag" selects.
fuzz: dev
	test -d $(VENV)/fuzz || $(VENV)/bin/pip install --no-deps --target $(VENV)/fuzz -c constraints.txt atheris
	PYTHONPATH=.:test/fakes:test/robustness:$(VENV)/fuzz $(VENV)/bin/python -m fuzz --seconds $(or $(SECONDS),60) $(TARGETS)
.PHONY: fuzz

# Tests the runtime without ROS on Python 3.6, which the TX2's last JetPack has.
test-py36:
	@test -d $(VENV36) || $(PYTHON36) -m venv $(VENV36)
	@test -e $(VENV36)/done || $(VENV36)/bin/pip install --quiet --upgrade -c constraints.txt pip
	@test -e $(VENV36)/done || $(VENV36)/bin/pip install --quiet -r test/requirements-py36.txt
	@touch $(VENV36)/done
	$(VENV36)/bin/python -m pytest $(addprefix test/,cli core imaging inference importing messages nodes)

clean:
	rm -rf .venv .venv-jazzy .venv36 build install log out .pytest_cache .mypy_cache .ruff_cache *.egg-info
	find . -name __pycache__ -not -path "./.git/*" -prune -exec rm -rf {} +
