//! The arrows between our packages: who may use whom. ARCHITECTURE.md draws them; this keeps them true.

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};
use std::collections::{BTreeMap, BTreeSet};

/// Each package and exactly those of ours that it depends on. They point down only.
const ARROWS: &[(&str, &[&str])] = &[
    ("sim", &[]),
    ("protocol", &[]),
    ("api", &[]),
    ("registry", &["protocol"]),
    ("ownership", &["protocol", "registry"]),
    ("gamed", &["ownership", "protocol", "registry", "sim"]),
    ("operator", &["api", "ownership", "protocol", "registry"]),
    ("e2e", &["protocol"]),
    ("simulation", &["ownership", "protocol", "registry"]),
    ("model", &[]),
];

/// What pure packages must not name as a dependency: all that does I/O or reads a clock.
const IMPURE: &[&str] = &["tokio", "redis", "hyper", "warp", "kube", "rand"];
const PURE: &[&str] = &["sim", "protocol", "ownership"];

fn workspace() -> Metadata {
    MetadataCommand::new()
        .manifest_path("../Cargo.toml")
        .no_deps()
        .other_options(vec!["--offline".to_owned()])
        .exec()
        .expect("cargo metadata reads the workspace")
}

fn ours_among_dependencies(package: &Package, kinds: &[DependencyKind]) -> BTreeSet<String> {
    let ours: BTreeSet<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    (package.dependencies.iter())
        .filter(|dependency| kinds.contains(&dependency.kind) && ours.contains(dependency.name.as_str()))
        .map(|dependency| dependency.name.clone())
        .collect()
}

#[test]
fn packages_use_each_other_exactly_as_the_arrows_say() {
    let found: BTreeMap<String, BTreeSet<String>> = (workspace().workspace_packages().iter())
        .map(|package| {
            let kinds = [DependencyKind::Normal, DependencyKind::Build];
            (package.name.to_string(), ours_among_dependencies(package, &kinds))
        })
        .collect();
    let wanted: BTreeMap<String, BTreeSet<String>> = (ARROWS.iter())
        .map(|(name, uses)| (name.to_string(), uses.iter().map(|used| used.to_string()).collect()))
        .collect();
    assert_eq!(found, wanted, "left: what the manifests say; right: the arrows in e2e/tests/layers.rs");
}

#[test]
fn tests_use_no_more_of_ours_than_the_code_does() {
    for package in workspace().workspace_packages() {
        let (_, allowed) = (ARROWS.iter())
            .find(|(name, _)| *name == package.name.as_str())
            .unwrap_or_else(|| panic!("{} is in no arrow", package.name));
        for used in ours_among_dependencies(package, &[DependencyKind::Development]) {
            let own = used == package.name.as_str();
            assert!(own || allowed.contains(&used.as_str()), "the tests of {} use {used}", package.name);
        }
    }
}

#[test]
fn pure_packages_name_nothing_that_does_io() {
    for package in workspace().workspace_packages() {
        if PURE.contains(&package.name.as_str()) {
            for dependency in package.dependencies.iter().filter(|one| one.kind == DependencyKind::Normal) {
                let name = dependency.name.as_str();
                assert!(!IMPURE.contains(&name), "{} is pure, but uses {name}", package.name);
            }
        }
    }
}

#[test]
fn the_ownership_rules_see_the_types_of_the_registry_only() {
    let workspace = workspace();
    let ownership = workspace.workspace_packages().into_iter().find(|one| one.name.as_str() == "ownership");
    let registry = (ownership.expect("there is a package named ownership").dependencies.iter())
        .find(|dependency| dependency.name == "registry" && dependency.kind == DependencyKind::Normal)
        .expect("ownership uses registry");
    assert!(!registry.uses_default_features, "ownership takes registry with default-features = false");
    assert_eq!(registry.features, Vec::<String>::new(), "ownership takes no feature of registry");
}

#[test]
fn the_simulation_is_no_std() {
    let source =
        std::fs::read_to_string("../crates/sim/src/lib.rs").expect("crates/sim/src/lib.rs can be read");
    assert!(source.lines().any(|line| line.trim() == "#![no_std]"), "crates/sim/src/lib.rs says #![no_std]");
}
