//! The manifests: each is what the API would take, field by field, and they fit each other.
//!
//! A schema tells a wrong field; here the types of the API do. Reading into them drops what they do
//! not know and fills in what is missing, so that what comes out is not what went in.

use std::collections::BTreeSet;
use std::process::Command;

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{Namespace, Service, ServiceAccount};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{deployed, said, text, yaml};

fn documents(name: &str) -> Vec<Value> {
    let text = text(&format!("kubernetes/{name}"));
    let documents = serde_yaml::Deserializer::from_str(&text);
    documents.map(|document| Value::deserialize(document).expect("YAML")).collect()
}

fn manifest(name: &str) -> Value {
    let mut all = documents(name);
    assert_eq!(all.len(), 1, "{name}");
    all.remove(0)
}

/// That nothing was dropped or filled in.
fn judge<T: DeserializeOwned + Serialize>(manifest: &Value) -> Result<(), String> {
    let read: T = serde_json::from_value(manifest.clone()).map_err(|error| error.to_string())?;
    let written = serde_json::to_value(read).map_err(|error| error.to_string())?;
    if written == *manifest {
        return Ok(());
    }
    Err(format!("the API has no such fields:\n{manifest:#}\nbut\n{written:#}"))
}

fn judge_kind(manifest: &Value) -> Result<(), String> {
    match manifest["kind"].as_str().unwrap_or_default() {
        "Namespace" => judge::<Namespace>(manifest),
        "ServiceAccount" => judge::<ServiceAccount>(manifest),
        "Service" => judge::<Service>(manifest),
        "Deployment" => judge::<Deployment>(manifest),
        "DaemonSet" => judge::<DaemonSet>(manifest),
        "PodDisruptionBudget" => judge::<PodDisruptionBudget>(manifest),
        "HorizontalPodAutoscaler" => judge::<HorizontalPodAutoscaler>(manifest),
        "PodMonitor" => judge::<PodMonitor>(manifest),
        "PrometheusRule" => judge::<PrometheusRule>(manifest),
        "Kustomization" => judge::<Kustomization>(manifest),
        other => Err(format!("kind {other}")),
    }
}

/// Of the resources of other people, what is used here; their published schemas have more.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Resource<T> {
    api_version: String,
    kind: String,
    metadata: Metadata,
    spec: T,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    name: String,
    namespace: String,
    labels: Value,
}

type PodMonitor = Resource<PodMonitorSpec>;
type PrometheusRule = Resource<RuleSpec>;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PodMonitorSpec {
    namespace_selector: Namespaces,
    pod_metrics_endpoints: Vec<Endpoint>,
    selector: Labels,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Namespaces {
    match_names: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Endpoint {
    port: String,
    interval: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Labels {
    match_labels: Value,
}

/// Groups are promtool's to judge: they are those of `alerts.yaml`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleSpec {
    groups: Value,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Kustomization {
    api_version: String,
    kind: String,
    namespace: String,
    resources: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    config_map_generator: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patches: Option<Value>,
}

const FOLDERS: [&str; 4] = ["base", "edge", "monitoring", "seccomp"];

#[test]
fn each_manifest_is_what_the_api_takes() {
    let mut kinds = BTreeSet::new();
    for folder in FOLDERS {
        let kustomization = format!("{folder}/kustomization.yaml");
        judge_kind(&manifest(&kustomization)).unwrap_or_else(|why| panic!("{why}"));
        for file in manifest(&kustomization)["resources"].as_array().unwrap() {
            let file = file.as_str().unwrap();
            if file.starts_with("..") {
                continue;
            }
            for document in documents(&format!("{folder}/{file}")) {
                judge_kind(&document).unwrap_or_else(|why| panic!("{folder}/{file}: {why}"));
                kinds.insert(document["kind"].as_str().unwrap().to_owned());
            }
        }
    }
    assert_eq!(kinds.len(), 9, "{kinds:?}");
}

/// The judge judges: a field that is wrong, of a wrong type, or not there.
#[test]
fn a_wrong_field_is_refused() {
    let deployment = manifest("base/deployment.yaml");
    for (pointer, name, value) in [
        ("/spec", "replica", json!(2)),
        ("/spec/template/spec", "terminationGracePeriodSecond", json!(1)),
        ("/spec/template/spec/containers/0", "imagePullPolic", json!("Always")),
        ("/spec/template/spec/containers/0/readinessProbe", "periodSeconds", json!("5s")),
        ("/spec/template/spec/containers/0/ports/0", "containerPort", json!("http")),
    ] {
        let mut wrong = deployment.clone();
        wrong.pointer_mut(pointer).expect(pointer)[name] = value;
        assert!(judge_kind(&wrong).is_err(), "{pointer}/{name}");
    }
    let mut wrong = manifest("base/disruption.yaml");
    let spec = wrong["spec"].as_object_mut().unwrap();
    let value = spec.remove("minAvailable").unwrap();
    spec.insert("minAvailabel".into(), value);
    assert!(judge_kind(&wrong).is_err());
    let mut wrong = manifest("monitoring/podmonitor.yaml");
    wrong["spec"]["podMetricsEndpoint"] = json!([]);
    assert!(judge_kind(&wrong).is_err());
    let mut wrong = deployment;
    wrong["spec"].as_object_mut().unwrap().remove("selector");
    assert!(judge_kind(&wrong).is_err());
}

/// On SIGTERM: `min`, then `max`, then the end of patience; all counted from the signal.
#[test]
fn a_drain_ends_before_a_kill() {
    let config = yaml("kubernetes/base/gateway.yaml");
    let seconds = |key: &str| -> i64 {
        let text = config["config"][key].as_str().unwrap_or_else(|| panic!("no {key}"));
        text.strip_suffix('s').and_then(|text| text.parse().ok()).expect("seconds")
    };
    let min = seconds("connectionMinTerminationDeadline");
    let max = seconds("connectionTerminationDeadline");
    let pod = manifest("base/deployment.yaml")["spec"]["template"]["spec"].clone();
    let grace = pod["terminationGracePeriodSeconds"].as_i64().unwrap();
    assert!(0 < min && min < max && max < grace, "{min} < {max} < {grace}");
    // What the production guide recommends for streams of minutes.
    assert_eq!((min, max, grace), (15, 110, 120));
    let probe = &pod["containers"][0]["readinessProbe"];
    let noticed =
        probe["periodSeconds"].as_i64().unwrap() * probe["failureThreshold"].as_i64().unwrap();
    assert!(noticed < min, "endpoints are told while connections are still accepted");
    assert!(pod["containers"][0]["lifecycle"].is_null(), "no preStop");
}

#[test]
fn labels_ports_and_names_fit() {
    let deployment = manifest("base/deployment.yaml");
    let labels = &deployment["spec"]["template"]["metadata"]["labels"];
    let selectors = [
        deployment["spec"]["selector"]["matchLabels"].clone(),
        manifest("base/service.yaml")["spec"]["selector"].clone(),
        manifest("base/disruption.yaml")["spec"]["selector"]["matchLabels"].clone(),
        manifest("monitoring/podmonitor.yaml")["spec"]["selector"]["matchLabels"].clone(),
    ];
    assert!(selectors.iter().all(|selector| selector == labels), "{selectors:#?}");
    let pod = &deployment["spec"]["template"]["spec"];
    let spread = pod["topologySpreadConstraints"].as_array().unwrap();
    let keys: Vec<_> = spread.iter().map(|one| one["topologyKey"].as_str().unwrap()).collect();
    assert_eq!(keys, ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]);
    assert!(spread.iter().all(|one| one["labelSelector"]["matchLabels"] == *labels));
    let ports = pod["containers"][0]["ports"].as_array().unwrap();
    let port = |name: &str| {
        let named = ports.iter().find(|port| port["name"] == name);
        named.unwrap_or_else(|| panic!("no port {name}"))["containerPort"].as_i64().unwrap()
    };
    let config = yaml("kubernetes/base/gateway.yaml");
    assert_eq!(port("http"), config["binds"][0]["port"].as_i64().unwrap());
    let at = |key: &str| config["config"][key].as_str().unwrap().to_owned();
    assert!(at("statsAddr").ends_with(&format!(":{}", port("metrics"))));
    assert!(at("readinessAddr").ends_with(&format!(":{}", port("readiness"))));
    assert!(at("adminAddr").starts_with("localhost:"));
    let target = &manifest("base/autoscaler.yaml")["spec"]["scaleTargetRef"];
    assert_eq!(
        (&target["kind"], &target["name"]),
        (&deployment["kind"], &deployment["metadata"]["name"])
    );
    let monitored = &manifest("monitoring/podmonitor.yaml")["spec"]["podMetricsEndpoints"][0];
    assert_eq!(monitored["port"], "metrics");
}

/// The values of the production guide.
#[test]
fn the_autoscaler_and_the_resources_are_the_guides() {
    let spec = manifest("base/autoscaler.yaml")["spec"].clone();
    let utilization = &spec["metrics"][0]["resource"]["target"]["averageUtilization"];
    assert_eq!((utilization, &spec["minReplicas"]), (&json!(65), &json!(2)));
    let policy = |count: i64, seconds: i64| json!([{ "type": "Pods", "value": count, "periodSeconds": seconds }]);
    let wanted = json!({
        "scaleUp": { "stabilizationWindowSeconds": 60, "policies": policy(2, 60) },
        "scaleDown": { "stabilizationWindowSeconds": 300, "policies": policy(1, 120) },
    });
    assert_eq!(spec["behavior"], wanted);
    let container =
        manifest("base/deployment.yaml")["spec"]["template"]["spec"]["containers"][0].clone();
    let resources = &container["resources"];
    assert_eq!(resources["requests"], json!({ "cpu": "500m", "memory": "256Mi" }));
    assert!(resources["limits"]["cpu"].is_null(), "a quota stalls workers");
    // A pod more than has to be there, so that a node can be emptied.
    let available = manifest("base/disruption.yaml")["spec"]["minAvailable"].as_i64().unwrap();
    assert!(available < spec["minReplicas"].as_i64().unwrap());
}

#[test]
fn rules_are_the_same_everywhere() {
    let rule = manifest("monitoring/rule.yaml");
    assert_eq!(rule["spec"]["groups"], yaml("prometheus/alerts.yaml")["groups"]);
}

#[test]
fn the_profile_is_where_the_pod_looks_for_it() {
    let pod = manifest("base/deployment.yaml")["spec"]["template"]["spec"].clone();
    let profile = &pod["securityContext"]["seccompProfile"];
    assert_eq!(profile["type"], "Localhost");
    let path = profile["localhostProfile"].as_str().unwrap();
    let all = documents("seccomp/installer.yaml");
    let installer = all.iter().find(|one| one["kind"] == "DaemonSet").unwrap();
    let spec = &installer["spec"]["template"]["spec"];
    let onto = &spec["volumes"][1]["hostPath"]["path"];
    let (folder, file) = path.rsplit_once('/').unwrap();
    assert_eq!(onto, &json!(format!("/var/lib/kubelet/seccomp/{folder}")));
    let command = spec["initContainers"][0]["command"].as_array().unwrap();
    assert!(command[2].as_str().unwrap().ends_with(file), "{command:?}");
}

/// The overlay for edge hosts, put onto its base, is a DaemonSet that the API takes.
#[test]
fn the_overlay_is_a_daemon_set() {
    let mut set = manifest("base/deployment.yaml");
    for change in manifest("edge/daemonset.yaml").as_array().unwrap() {
        apply(&mut set, change);
    }
    judge_kind(&set).unwrap_or_else(|why| panic!("{why}"));
    assert_eq!((&set["kind"], &set["spec"]["strategy"]), (&json!("DaemonSet"), &Value::Null));
    assert_eq!(set["spec"]["template"]["spec"]["hostNetwork"], true);
}

/// RFC 6902, as far as it is used.
fn apply(document: &mut Value, change: &Value) {
    let path = change["path"].as_str().unwrap();
    let (parent, name) = path.rsplit_once('/').unwrap();
    let parent = document.pointer_mut(parent).unwrap_or_else(|| panic!("{path}: no parent"));
    let parent = parent.as_object_mut().unwrap_or_else(|| panic!("{path}: not in an object"));
    let there = parent.contains_key(name);
    match change["op"].as_str().unwrap() {
        "add" => drop(parent.insert(name.to_owned(), change["value"].clone())),
        "replace" if there => drop(parent.insert(name.to_owned(), change["value"].clone())),
        "remove" if there => drop(parent.remove(name)),
        other => panic!("{other} {path}"),
    }
}

/// Where kubectl is installed, its kustomize puts them together too. Debian has none.
#[test]
fn kustomize_puts_them_together() {
    if Command::new("kubectl").arg("version").arg("--client").output().is_err() {
        eprintln!("skipped: kubectl is missing");
        return;
    }
    for folder in FOLDERS {
        let mut kubectl = Command::new("kubectl");
        let path = deployed(&format!("kubernetes/{folder}"));
        let made = kubectl.arg("kustomize").arg(path).output().expect("it runs");
        assert!(made.status.success(), "{folder}: {}", said(&made));
        for document in serde_yaml::Deserializer::from_slice(&made.stdout) {
            let document = Value::deserialize(document).expect("YAML");
            if document["kind"] != "ConfigMap" {
                judge_kind(&document).unwrap_or_else(|why| panic!("{folder}: {why}"));
            }
        }
    }
}

/// The shipped configurations are valid.
#[test]
fn the_gateway_takes_its_configuration() {
    for name in ["kubernetes/base/gateway.yaml", "debian/gateway.yaml"] {
        let mut gateway = Command::new(env!("CARGO_BIN_EXE_ringway"));
        let judged = gateway.arg("-f").arg(deployed(name)).arg("--validate-only").output().unwrap();
        assert!(judged.status.success(), "{name}: {}", said(&judged));
    }
}
