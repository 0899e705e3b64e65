# All commands for users and developers; `make help` explains them. Each target installs what it needs into .venv, once, and
# writes nothing outside of this folder. VENV and PYTHON choose another environment and Python:
# make test PYTHON=python3.12 VENV=/tmp/venv312
# DISTRO=jazzy installs the wheels of that ROS distribution into .venv-jazzy: make test DISTRO=jazzy
PYTHON ?= python3
PYTHON36 ?= $(firstword $(wildcard $(HOME)/.pyenv/versions/3.6.*/bin/python3.6) python3.6)
DISTRO = kilted
SUFFIX = $(if $(filter kilted,$(DISTRO)),,-$(DISTRO))
VENV = $(CURDIR)/.venv$(SUFFIX)
VENV36 = $(CURDIR)/.venv36
RUNTIME_COMMANDS = $(addprefix cli/,common/arguments.py common/flags.py common/help.py common/output.py predict.py live.py doctor.py benchmark.py build_engine.py inspect_engine.py get.py import_model.py)
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

##@ Use

# `make help` prints the line behind ## of each target, in the groups that begin with ##@.
help: ## Show what each target does
	@awk -F ':.*## ' '/^##@ /{printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z][a-z0-9_ -]*:.*## /{n = split($$1, names, " "); for (i = 1; i <= n; i++) printf "  %-24s%s\n", names[i], $$2}' Makefile
.PHONY: help

setup: ## Install the package, the models and a real ROS 2 into .venv
	@$(SETUP) demo

demo: setup ## Run camera, pose node and web page on a clip of pedestrians; leaves out/demo.mp4
	@$(VENV)/bin/python -m pose_estimation_ros.nodes.demo --out out

clean: ## Remove environments, builds, caches and out/
	rm -rf .venv .venv-jazzy .venv36 build install log out .pytest_cache .mypy_cache .ruff_cache *.egg-info
	find . -name __pycache__ -not -path "./.git/*" -prune -exec rm -rf {} +
.PHONY: setup demo clean

##@ Develop

dev: ## Install what training and the tests need as well
	@$(SETUP) dev
	@$(VENV)/bin/python tools/environment/tensorrt_bindings.py

check: lint ## Run `make lint`, then all tests
	$(PYTEST) test

lint: dev ## Check style, types, spelling and layout: `make check` without the tests
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/codespell $(SPELLED)
	$(VENV)/bin/python -m tools.checks.strict_types
	$(VENV)/bin/python -m tools.checks.house
	$(VENV)/bin/vermin --no-tips --violations -t=3.6- $(RUNTIME)

# With DISTRO=jazzy only the tests that depend on ROS run, in a tenth of the time and without torch.
ifeq ($(DISTRO),kilted)
test: dev ## Run all tests; with DISTRO=jazzy those that depend on ROS, with that ROS
	$(PYTEST) test
else
test:
	@$(SETUP) nodes
	$(PYTEST) test/messages test/nodes test/robustness/test_faults.py test/test_cmake.py test/test_package.py
endif

test-openvino: dev ## Test the optional CPU engine, OpenVINO (59 MB, into a folder that `make test` does not use)
	test -d $(VENV)/openvino || $(VENV)/bin/pip install --no-deps --target $(VENV)/openvino -c constraints.txt openvino
	PYTHONPATH=$(VENV)/openvino $(VENV)/bin/python -m pytest test/inference/backends/test_openvino.py

test-py36: ## Test the runtime without ROS on Python 3.6, which the TX2's last JetPack has
	@test -d $(VENV36) || $(PYTHON36) -m venv $(VENV36)
	@test -e $(VENV36)/done || $(VENV36)/bin/pip install --quiet --upgrade -c constraints.txt pip
	@test -e $(VENV36)/done || $(VENV36)/bin/pip install --quiet -r test/requirements-py36.txt
	@touch $(VENV36)/done
	$(VENV36)/bin/python -m pytest $(addprefix test/,cli core imaging inference importing messages nodes)

check-trt: dev ## Compile all families with NVIDIA's tools, without a GPU (95 MB); MODELS="elpn_v1" selects
	PYTHONPATH=.:test/fakes $(VENV)/bin/python tools/checks/check_trt.py $(MODELS)

# It leaves build/, install/ and log/ (build/install-jazzy for Jazzy). Then it checks a build whose files are links into the
# source tree, as developers use it.
INSTALL = $(if $(SUFFIX),build/install$(SUFFIX),install)
COLCON = AMENT_PREFIX_PATH=$(VENV) CMAKE_PREFIX_PATH=$(VENV) PATH=$(VENV)/bin:$$PATH $(VENV)/bin/colcon
BASES = --build-base build/colcon$(SUFFIX) --install-base $(INSTALL)
build: ## Build a workspace with colcon and run its tests, as on a robot
	@$(SETUP) build
	$(COLCON) build $(BASES) --cmake-args -DPython3_EXECUTABLE=$(VENV)/bin/python
	$(COLCON) test $(BASES) --return-code-on-test-failure --event-handlers console_direct+
	$(VENV)/bin/python tools/checks/check_symlink_install.py

soak: setup ## Run camera, node and subscriber for MINUTES=5; fails if memory or open files of the node grow
	PYTHONPATH=. $(VENV)/bin/python test/robustness/soak.py --minutes $(or $(MINUTES),5)

faults: dev ## Subject the node to the faults that occur on robots (minutes); FAULTS="stalls SIGINT" selects
	PYTHONPATH=.:test/fakes:test/robustness $(VENV)/bin/python -m faults $(FAULTS)

fuzz: dev ## Feed decoders and readers with damaged inputs, SECONDS=60 each; TARGETS="yaml bag" selects
	test -d $(VENV)/fuzz || $(VENV)/bin/pip install --no-deps --target $(VENV)/fuzz -c constraints.txt atheris
	PYTHONPATH=.:test/fakes:test/robustness:$(VENV)/fuzz $(VENV)/bin/python -m fuzz --seconds $(or $(SECONDS),60) $(TARGETS)

zoo: dev ## Write the model cards and the tables of models from specs, recipes and measured speeds
	PYTHONPATH=. $(VENV)/bin/python tools/documentation/zoo_table.py

catalogue: dev ## Write the table of docs/how-to/get-a-model.md from models/catalogue.yaml
	PYTHONPATH=. $(VENV)/bin/python tools/documentation/catalogue_table.py

# ros-interface.md needs the messages, which `make dev` builds.
reference: dev ## Write the pages of docs/reference that are made from code
	for page in interface commands recipe spec; do PYTHONPATH=. $(VENV)/bin/python tools/documentation/$${page}_doc.py || exit; done

DOCS = $(VENV)-docs
docs: ## Build the site of the documentation into build/site; fails for a broken link
	test -x $(DOCS)/bin/mkdocs || { $(PYTHON) -m venv $(DOCS) && $(DOCS)/bin/pip install -q -c constraints.txt mkdocs-material "mkdocstrings[python]"; }
	NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/mkdocs build --quiet
	@echo "build/site/index.html"
.PHONY: dev check lint test test-openvino test-py36 check-trt build soak faults fuzz zoo catalogue reference docs

##@ Measure

bench: dev ## Time the core, imports, training steps and the pipeline; fails if a prediction starts slowly
	PYTHONPATH=. $(VENV)/bin/python benchmarks/speed/bench_core.py
	PYTHONPATH=.:test/fakes $(VENV)/bin/python benchmarks/speed/bench_import.py
	PYTHONPATH=. $(VENV)/bin/python benchmarks/speed/bench_training.py
	$(VENV)/bin/python -m pose_estimation_ros benchmark --batches 1 8
	PYTHONPATH=. $(VENV)/bin/python benchmarks/speed/bench_start.py

# MODELS="models/a.onnx" selects. The machine should do nothing else.
model-speed: dev ## Time each shipped model on one thread, in turns; writes cards and tables (on an idle machine)
	PYTHONPATH=. $(VENV)/bin/python benchmarks/speed/model_speed.py $(MODELS)
	PYTHONPATH=. $(VENV)/bin/python tools/documentation/zoo_table.py

bench-cpu: dev ## Time every family against HRNet-W32 on this CPU; FAMILIES="elpn_v1" selects
	PYTHONPATH=.:$(VENV)/openvino $(VENV)/bin/python benchmarks/speed/cpu_ratios.py $(FAMILIES)

# MODELS="rtmpose_m" adds models, PAGE=docs/measurements/speed-of-peers.md renews the page (on an idle machine). MoveNet's files are
# looked for in $POSE_DATA/reference_models.
bench-peers: dev ## Time the models beside MoveNet, MediaPipe and YOLO11n-pose in turns (downloads 0.4 GB)
	PYTHONPATH=. $(VENV)/bin/python benchmarks/peers/bench_peers.py $(MODELS) $(if $(PAGE),--out $(PAGE))

bench-node: dev ## Time the node without its networks, with fast cameras, 1 to 8 cameras, and crowds
	PYTHONPATH=. $(VENV)/bin/python benchmarks/speed/node_overhead.py
	PYTHONPATH=. $(VENV)/bin/python benchmarks/speed/node_overload.py
	PYTHONPATH=. $(VENV)/bin/python benchmarks/speed/node_cameras.py
	PYTHONPATH=. $(VENV)/bin/python benchmarks/speed/bench_people.py
	PYTHONPATH=. $(VENV)/bin/python benchmarks/speed/web_viewers.py

# Identities, jitter and lag are those of scenes with exact ground truth and of the demo's clip. The known trackers are a download of
# 38 MB into a folder that `make test` does not use; without them the package's tracker stands alone. What the scores of the
# default model are worth is measured where the images are at hand.
TRACKERS = trackers supervision scipy pydeprecate rich requests urllib3 certifi idna charset-normalizer defusedxml
TRACKING = PYTHONPATH=.:$(VENV)/tracking $(VENV)/bin/python benchmarks/tracking
bench-tracking: dev ## Measure identities, jitter and lag beside known trackers (38 MB); GRID=--grid tries settings
	@test -d $(VENV)/tracking || $(VENV)/bin/pip install --quiet --no-deps --target $(VENV)/tracking -c constraints.txt $(TRACKERS) \
	  || { rm -rf $(VENV)/tracking; echo "known trackers cannot be installed, going on without them"; }
	$(TRACKING)/tracking.py $(GRID)
	$(TRACKING)/clip.py
	$(TRACKING)/known_trackers.py
	$(TRACKING)/smoothing.py
	test ! -d ../shared/data/coco_val || PYTHONPATH=. $(VENV)/bin/python benchmarks/accuracy/calibration.py models/lite0_fpn_coco.onnx

bench-depth: dev ## Measure joints in space from depth images
	PYTHONPATH=. $(VENV)/bin/python benchmarks/tracking/depth.py
	PYTHONPATH=. $(VENV)/bin/python benchmarks/tracking/people_in_space.py

bench-position: dev ## Measure the positions that are estimated without a depth camera, on rendered people
	PYTHONPATH=. $(VENV)/bin/python benchmarks/tracking/position_without_depth.py

bench-scores: dev ## Measure what the scores of the shipped models are worth, and people found where nobody is
	PYTHONPATH=. $(VENV)/bin/python benchmarks/accuracy/calibration.py $(MODELS)

bench-boxes: dev ## Measure end to end from which score on a detected box is worth a run of the pose model
	PYTHONPATH=. $(VENV)/bin/python benchmarks/accuracy/box_thresholds.py $(or $(MODEL),lite0_fpn_coco) $(or $(DETECTORS),person_detector)

compare: dev ## Compare the models with MoveNets of Google, with flip test (minutes); MODELS="a.onnx" selects
	PYTHONPATH=. $(VENV)/bin/python benchmarks/accuracy/compare.py $(or $(MODELS),models/*.onnx) --data ../shared/data/coco_val --flip

# MODELS="models/a.onnx" and ONLY="coco_val97_end_to_end" select.
accuracy: dev ## Measure the shipped models as their specs say (many minutes); writes specs and tables
	PYTHONPATH=. $(VENV)/bin/python benchmarks/accuracy/shipped.py $(MODELS) $(if $(ONLY),--only $(ONLY))
	PYTHONPATH=. $(VENV)/bin/python tools/documentation/zoo_table.py
.PHONY: bench model-speed bench-cpu bench-peers bench-node bench-tracking bench-depth bench-position bench-scores bench-boxes compare accuracy

##@ Train

# SET="epochs=1 epoch_samples=64 out_dir=/tmp/try" is a short trial. The same command resumes a training that was stopped with
# Ctrl-C.
TRAINING = MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=100000000000 MALLOC_TOP_PAD_=268435456
train-elpn_v1 train-lite0_fpn train-higher_lite0_fpn train-person_detector: train-%: dev ## Train this shipped model again (hours on a CPU); SET="epochs=1" changes the recipe
	$(TRAINING) PYTHONPATH=. $(VENV)/bin/python tools/training/train_shipped.py $* $(SET)

overfit: dev ## Overfit every family on 64 persons of COCO (hours on a small CPU); FAMILIES="elpn_v1" selects
	PYTHONPATH=. $(VENV)/bin/python benchmarks/accuracy/overfit.py $(FAMILIES)

CALIBRATION = runs/labels/calibration
calibrate: dev ## Fit the maps from scores to probabilities of all shipped pose models, into their specs
	PYTHONPATH=. $(VENV)/bin/python tools/training/calibration_data.py
	for model in $(filter-out models/person_detector%,$(wildcard models/*.onnx)); do \
	  $(VENV)/bin/python -m pose_estimation_ros calibrate $$model --data $(CALIBRATION) --background $(CALIBRATION)/background || exit; \
	done
.PHONY: train-elpn_v1 train-lite0_fpn train-higher_lite0_fpn train-person_detector overfit calibrate
