//! Whether a live object already is as wanted, and how parts of one are put together.
//!
//! The API server fills defaults in and writes quantities anew, so equality would never hold; a wanted object is there
//! when every field that it names is.

use serde_json::Value;

/// Every field of `wanted` is in `live`. Items of lists that have names are found by name, and `live` may have more of
/// them; all other lists must be of one length.
pub fn covers(live: &Value, wanted: &Value) -> bool {
    match (live, wanted) {
        (Value::Object(live), Value::Object(wanted)) => {
            wanted.iter().all(|(key, wanted)| match live.get(key) {
                Some(live) => covers(live, wanted),
                None => is_empty(wanted),
            })
        }
        (Value::Array(live), Value::Array(wanted)) if wanted.iter().all(|item| name(item).is_some()) => {
            wanted
                .iter()
                .all(|wanted| live.iter().any(|live| name(live) == name(wanted) && covers(live, wanted)))
        }
        (Value::Array(live), Value::Array(wanted)) => {
            live.len() == wanted.len() && live.iter().zip(wanted).all(|(live, wanted)| covers(live, wanted))
        }
        (Value::String(live), Value::String(wanted)) if live != wanted => {
            quantity(live).is_some_and(|live| Some(live) == quantity(wanted))
        }
        (live, wanted) => live == wanted,
    }
}

/// Adds the fields of `part` to the object at `key` of `object`. Lists with names are joined by name.
pub fn merge(object: &mut Value, part: Value, key: &str) {
    fn into(object: &mut Value, part: Value) {
        match (object, part) {
            (Value::Object(object), Value::Object(part)) => {
                for (key, part) in part {
                    into(object.entry(key).or_insert(Value::Null), part);
                }
            }
            (Value::Array(items), Value::Array(part)) if part.iter().all(|item| name(item).is_some()) => {
                for part in part {
                    match items.iter_mut().find(|item| name(item) == name(&part)) {
                        Some(item) => into(item, part),
                        None => items.push(part),
                    }
                }
            }
            (object, part) => *object = part,
        }
    }
    into(&mut object[key], part);
}

fn name(item: &Value) -> Option<&str> {
    item.get("name").and_then(Value::as_str)
}

/// The API server leaves empty values out.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::String(text) => text.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Value of a quantity such as `500m` or `1Gi`.
fn quantity(text: &str) -> Option<f64> {
    const SUFFIXES: [(&str, f64); 13] = [
        ("Ki", 1024.0),
        ("Mi", 1_048_576.0),
        ("Gi", 1_073_741_824.0),
        ("Ti", 1_099_511_627_776.0),
        ("Pi", 1_125_899_906_842_624.0),
        ("m", 1e-3),
        ("k", 1e3),
        ("M", 1e6),
        ("G", 1e9),
        ("T", 1e12),
        ("P", 1e15),
        ("E", 1e18),
        ("", 1.0),
    ];
    let (suffix, factor) = SUFFIXES.iter().find(|(suffix, _)| text.ends_with(suffix))?;
    text.strip_suffix(suffix)?.parse::<f64>().ok().map(|number| number * factor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(live: Value, wanted: Value, expect: bool) {
        assert_eq!(covers(&live, &wanted), expect, "live {live}, wanted {wanted}");
    }

    #[test]
    fn defaults_that_the_server_adds_are_no_difference() {
        check(json!({"a": 1, "b": 2}), json!({"a": 1}), true);
        check(json!({"a": 1}), json!({"a": 1, "b": {}}), true);
        check(json!({"a": 1}), json!({"a": 1, "b": false}), false);
        check(json!({"a": {"b": 1}}), json!({"a": {"b": 2}}), false);
    }

    #[test]
    fn named_items_are_found_by_name_and_others_by_place() {
        check(json!([{"name": "x"}, {"name": "y", "v": 1}]), json!([{"name": "y", "v": 1}]), true);
        check(json!([{"name": "x"}]), json!([{"name": "y"}]), false);
        check(json!(["a", "b"]), json!(["a"]), false);
        check(json!([{"key": 1}, {"key": 2}]), json!([{"key": 1}, {"key": 3}]), false);
    }

    #[test]
    fn one_quantity_in_two_spellings_is_no_difference() {
        check(json!({"cpu": "500m"}), json!({"cpu": "0.5"}), true);
        check(json!({"memory": "1Gi"}), json!({"memory": "1024Mi"}), true);
        check(json!({"cpu": "500m"}), json!({"cpu": "501m"}), false);
        check(json!("v1"), json!("v2"), false);
    }

    #[test]
    fn merging_joins_named_items() {
        let mut object = json!({"spec": {"containers": [{"name": "a", "env": 1}]}});
        merge(&mut object, json!({"containers": [{"name": "a", "image": "i"}]}), "spec");
        assert_eq!(object, json!({"spec": {"containers": [{"name": "a", "env": 1, "image": "i"}]}}));
    }
}
