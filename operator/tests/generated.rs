//! What is generated and kept in the repository is what would be generated now.
//!
//! After a change: `TANX_WRITE_GENERATED=1 cargo test -p operator --test generated`, then look at the diff.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::Command;

const REPAIR: &str = "TANX_WRITE_GENERATED=1 cargo test -p operator --test generated";

fn root() -> &'static Path {
    Path::new("..")
}

/// Fails where the file is not `expect`; writes it where told to.
fn check(path: &str, expect: &str) {
    let file = root().join(path);
    if std::env::var_os("TANX_WRITE_GENERATED").is_some() {
        std::fs::write(&file, expect).unwrap();
        return;
    }
    let found =
        std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{path}: {e}; write it with: {REPAIR}"));
    let line = found.lines().zip(expect.lines()).position(|(found, expect)| found != expect);
    let line = line.unwrap_or(found.lines().count().min(expect.lines().count())) + 1;
    assert!(found == expect, "{path} is out of date from line {line} on; write it anew with: {REPAIR}");
}

/// Helm from the PATH, or where the test cluster's build keeps it.
fn helm() -> PathBuf {
    let cache = match (std::env::var_os("TANX_CACHE"), std::env::var_os("XDG_CACHE_HOME")) {
        (Some(tanx), _) => PathBuf::from(tanx),
        (None, Some(cache)) => Path::new(&cache).join("tanx"),
        (None, None) => Path::new(&std::env::var_os("HOME").expect("HOME is set")).join(".cache/tanx"),
    };
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([cache.join("bin")])
        .map(|dir| dir.join("helm"))
        .find(|file| file.is_file())
        .unwrap_or_else(|| {
            panic!("no helm in PATH or {}: run `e2e/cluster/build api`", cache.join("bin").display())
        })
}

fn render(arguments: &[&str]) -> Result<String, String> {
    let out = Command::new(helm()).current_dir(root()).arg("template").args(arguments).output().unwrap();
    match out.status.success() {
        true => Ok(String::from_utf8(out.stdout).unwrap()),
        false => Err(String::from_utf8(out.stderr).unwrap()),
    }
}

#[test]
fn definitions_are_what_the_types_say() {
    let yaml = operator::crd_yaml().unwrap();
    check("crds/tanxclusters.yaml", &yaml);
    check("charts/tanx/crds/tanxclusters.yaml", &yaml);
}

#[test]
fn install_manifest_is_the_rendered_chart() {
    let head = "# The chart charts/tanx, rendered: kubectl apply --server-side -f manifests/install.yaml\n\
                apiVersion: v1\nkind: Namespace\nmetadata:\n  name: tanx-system\n---\n";
    let definition = operator::crd_yaml().unwrap();
    let chart = render(&["tanx", "charts/tanx", "--namespace", "tanx-system", "--no-hooks"]).unwrap();
    check("manifests/install.yaml", &format!("{head}{definition}{chart}"));
}

#[test]
fn upgrade_hook_brings_the_definition_and_keeps_it() {
    let chart = render(&["tanx", "charts/tanx", "--show-only", "templates/crd.yaml"]).unwrap();
    let crd: serde_json::Value = serde_yaml::from_str(&chart).unwrap();
    assert_eq!(crd["metadata"]["annotations"]["helm.sh/hook"], "pre-upgrade");
    assert_eq!(crd["metadata"]["annotations"]["helm.sh/resource-policy"], "keep");
    assert_eq!(crd["spec"], serde_json::to_value(api::crd().spec).unwrap());
}

#[test]
fn chart_refuses_misspelt_values_and_a_first_cluster_without_image() {
    for (set, expect) in
        [("replica=2", "replica"), ("cluster.create=true", "image"), ("cluster.name=Big", "cluster/name")]
    {
        let refusal = render(&["tanx", "charts/tanx", "--set", set]).unwrap_err();
        assert!(refusal.contains("schema") && refusal.contains(expect), "{set}: {refusal}");
    }
    render(&[
        "tanx",
        "charts/tanx",
        "--set",
        "cluster.create=true,cluster.spec.image=a/b:c,watchNamespace=games",
    ])
    .unwrap();
}

#[test]
fn samples_are_clusters_that_the_types_read() {
    for sample in ["tanxcluster", "external-redis"] {
        let text = std::fs::read_to_string(root().join(format!("manifests/samples/{sample}.yaml"))).unwrap();
        let documents: Vec<serde_json::Value> =
            text.split("\n---\n").map(|document| serde_yaml::from_str(document).unwrap()).collect();
        let cluster = documents.into_iter().find(|document| document["kind"] == "TanxCluster").unwrap();
        serde_json::from_value::<api::TanxCluster>(cluster).unwrap();
    }
}
