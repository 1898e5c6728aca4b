//! The CustomResourceDefinition, in the form in which the API server keeps it.

use crate::TanxCluster;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use serde_json::Value;

/// Fields of Kubernetes' own types, whose lengthy descriptions would be nine tenths of the definition.
const FOREIGN: [&str; 4] = ["affinity", "resources", "tolerations", "imagePullSecrets"];

/// The definition of `TanxCluster`.
pub fn crd() -> CustomResourceDefinition {
    let mut crd = serde_json::to_value(TanxCluster::crd()).expect("a definition is JSON");
    shorten(&mut crd);
    serde_json::from_value(crd).expect("leaving out descriptions leaves a definition")
}

/// Below [`FOREIGN`] fields removes all descriptions but the field's own.
fn shorten(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields.iter_mut() {
                if FOREIGN.contains(&name.as_str()) && field.get("type").is_some() {
                    for (_, below) in field.as_object_mut().into_iter().flatten() {
                        remove_descriptions(below);
                    }
                } else {
                    shorten(field);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(shorten),
        _ => {}
    }
}

fn remove_descriptions(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if fields.get("description").is_some_and(Value::is_string) {
                fields.remove("description");
            }
            fields.values_mut().for_each(remove_descriptions);
        }
        Value::Array(items) => items.iter_mut().for_each(remove_descriptions),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definition_has_what_kubectl_shows_and_scales() {
        let crd = serde_json::to_value(crd()).unwrap();
        assert_eq!(crd["metadata"]["name"], "tanxclusters.tanx.dev");
        assert_eq!(crd["spec"]["names"]["shortNames"][0], "tanx");
        let version = &crd["spec"]["versions"][0];
        assert_eq!(version["subresources"]["scale"]["labelSelectorPath"], ".status.selector");
        let columns: Vec<_> = version["additionalPrinterColumns"]
            .as_array()
            .unwrap()
            .iter()
            .map(|c| c["name"].as_str().unwrap())
            .collect();
        assert_eq!(
            columns,
            [
                "Pods",
                "Ready",
                "Games",
                "Players",
                "Moves",
                "Image",
                "Available",
                "Progressing",
                "Registry",
                "Degraded",
                "Age"
            ]
        );
    }

    #[test]
    fn users_fields_keep_their_descriptions_and_foreign_ones_do_not() {
        let crd = serde_json::to_value(crd()).unwrap();
        let spec =
            &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"];
        for (name, field) in spec.as_object().unwrap() {
            assert!(field["description"].is_string(), "spec.{name} has no description");
        }
        assert!(!serde_json::to_string(&spec["resources"]["properties"]).unwrap().contains("description"));
    }
}
