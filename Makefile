# The table of contents: `make help`.

SHELL := /bin/bash
.DEFAULT_GOAL := help
# dev/setup.sh leaves a link to uv there
export PATH := $(CURDIR)/.cache/bin:$(PATH)
export UV_PYTHON_DOWNLOADS := never
RUN := uv run --no-sync python -m

.PHONY: help setup demo test check generate terraform kind-test up down images bench bench-chaos bench-orders bench-stores crash soak load deploy destroy

help: ## say what there is
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20
	@echo
	@echo "With KUBECONFIG set, up, demo, kind-test and bench use that cluster; see dev/README.md."

setup:
	@dev/setup.sh

demo: up ## a store opens, orders flow, Aurora fails over, a pod dies: what did it cost?
	@$(RUN) dev.demo

test: setup ## everything: checks, unit, integration and chart tests, and kind-test
	@$(RUN) dev.gate test

check: setup ## lint, format, types, layers, generated files
	@$(RUN) dev.gate check

generate: setup ## write everything that is derived: custom resource definitions, catalogues, schemas
	@$(RUN) cloudcafe_operator.generate
	@$(RUN) cafe_kit.schemas
	@$(RUN) dev.terraform.actions

terraform: setup ## format, validate, test and lint all of terraform/, without a network
	@$(RUN) dev.gate terraform

kind-test: setup ## create the cluster, load the images, install the chart, run tests/cluster
	@$(RUN) dev.gate kind-test

up: setup ## the cluster with the chart installed
	@$(RUN) dev.release up

down: setup ## remove the cluster and all that is in it
	@$(RUN) dev.release down

images: setup ## build all container images
	@$(RUN) dev.images build

bench: bench-chaos bench-stores up ## measure the figures of docs/status.md
	@$(RUN) dev.bench

bench-chaos: setup ## the chaos engine among 6,000 pods, and with 200 runs at once
	@$(RUN) tests.bench.chaos

bench-orders: setup ## accepted orders a second, against what PostgreSQL itself can do
	@$(RUN) services.order.bench

STORES ?= 1000
bench-stores: setup ## stores at scale: our operator, a kopf operator, the bare writes (STORES=…)
	@$(RUN) tests.bench --stores $(STORES)

crash: setup ## kill the operator before and after every write, and compare the world
	@$(RUN) tests.crash

ORDERS ?= 1000000
soak: setup ## 200 customers order while everything fails; then the books must balance (ORDERS=…)
	@$(RUN) tests.crash.orders.soak --orders $(ORDERS)

SCENARIO ?= morning-rush
PROFILE ?= smoke
load: up ## customers by the hundred, then the books must balance (SCENARIO=…, PROFILE=smoke|full)
	@$(RUN) dev.load $(SCENARIO) --profile $(PROFILE)

ENV ?= dev
BUCKET ?= $(error BUCKET=… is the state's bucket, an output of terraform/bootstrap)
REGION ?= eu-west-1
DEPLOY = $(RUN) dev.deploy
deploy: setup ## an environment on AWS, from plan to a bought coffee (ENV=dev BUCKET=… REGION=…)
	@$(DEPLOY) up $(ENV) --bucket $(BUCKET) --region $(REGION)

destroy: setup ## take it away again, and list what is left (ENV=dev BUCKET=… REGION=…)
	@$(DEPLOY) down $(ENV) --bucket $(BUCKET) --region $(REGION)
