# What is done to this repository, by name. `.ci/run` is the same as a whole, from a clean clone.

# Lists the recipes.
list:
    @just --list

# Format, lints, tests and documentation: what a pull request must pass.
check: && test doc
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --locked -- -D warnings

# All tests; with arguments, those of one crate or name: `just test -p eventer-core journal`.
test *args="--workspace":
    cargo test {{ args }}

# The real program while everything dies around it, by a seed that is printed; `just fault-run 600 7` repeats seed 7.
fault-run seconds="600" seed="":
    EVENTER_FAULT_SECONDS={{ seconds }} {{ if seed == "" { "" } else { "EVENTER_FAULT_SEED=" + seed } }} \
        cargo test -p eventer-bin --no-default-features --features file,log,webhook --test fault_run -- \
        --exact nothing_is_lost_by_any_seed --ignored --nocapture

# The documentation, without a warning.
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# Writes the tables in docs from what the sinks and the expressions declare.
docs:
    cargo test -p eventer-core --lib -- --ignored write_the_tables
    cargo test -p eventer-bin --all-features --test docs -- --ignored write_the_tables

# Every feature on its own (needs cargo-hack).
hack:
    cargo hack check --workspace --each-feature --no-dev-deps

# Benchmarks of the parts, then of the whole process against the fake API server.
bench events="1000000":
    cargo bench --workspace
    bench/whole-process.sh {{ events }}
    bench/disk.sh {{ events }}

# Licences, banned crates and advisories (needs cargo-deny).
deny:
    cargo deny check

# Spelling (needs typos).
typos:
    typos

# The image, under the name that deploy/ uses.
image tag="ghcr.io/eventer-rs/eventer:0.1.0":
    docker build -f deploy/Dockerfile -t {{ tag }} .

# A new sink from eventer-sinks/scaffold, which speaks HTTP and passes the conformance kit: `just new-sink loki Loki`.
new-sink kind type:
    #!/usr/bin/env bash
    set -euo pipefail
    folder=eventer-sinks/src/{{ kind }}
    mkdir "$folder"
    for file in eventer-sinks/scaffold/*.rs; do
        sed 's/newsink/{{ kind }}/g; s/NewSink/{{ type }}/g' "$file" >"$folder/${file##*/}"
    done
    cat <<'HINT'
    Written. What is left to do by hand:
      eventer-sinks/Cargo.toml       {{ kind }} = ["http-client"], and in `default`
      eventer-sinks/src/registry.rs  the module, and
                                     registry.register_sink::<{{ kind }}::{{ type }}Config>();
      eventer-bin/Cargo.toml         {{ kind }} = ["eventer-sinks/{{ kind }}"], and in `default`
      docs/sinks/{{ kind }}.md       its page; `just docs` writes the table of its options
      cargo test -p eventer-sinks {{ kind }}
    HINT
